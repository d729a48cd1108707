// Answers made here: a coded error becomes status, fields and problem+json (RFC 9457).
import { GatewayError, PROBLEMS } from '../errors.ts';
import { nominatedFields } from '../origin/fields.ts';
import { type FieldLines, fieldValues } from '../semantics/fields.ts';
import type { ConditionalField } from '../semantics/preconditions.ts';
import type { Exchange, MadeAnswer } from './exchange.ts';

export interface RefusalContext {
  /** Another status than the code's: the origin's own, where it is for the client. */
  readonly status?: number;
  /** The condition that failed, and the client's fields, to show what was sent. */
  readonly field?: ConditionalField;
  readonly sent?: FieldLines;
  /** Fields of this client's own probe: CORS, and what `shown` names. */
  readonly origin?: FieldLines;
  /** Lower-case names of further origin fields that the client gets to see. */
  readonly shown?: readonly string[];
}

/** RFC 9457 members; `field` and `sent` are ours. */
interface ProblemContent {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly field?: string;
  readonly sent?: string;
}

/** The current validators, for a client that wants to write anew. */
export const VALIDATORS = ['etag', 'last-modified'];
/** What a client needs to act on a status that the origin gave the probe. */
export const GUIDANCE = ['www-authenticate', 'proxy-authenticate', 'location', 'retry-after', 'allow'];

/** RFC 9110 15.5.6 wants them named; WebDAV's and others are forwarded too. */
const FORWARDED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** A longer field is shown cut off: it is the client's own, and no answer should grow with it. */
const MAX_SENT = 500;

/** Makes the answer to a refused request. */
export function refuse(error: GatewayError, context: RefusalContext = {}): MadeAnswer {
  const { title, status: usual, proxyError } = PROBLEMS[error.code];
  const status = context.status ?? usual;
  const problem: ProblemContent = {
    type: `urn:ifmatch:${error.code}`,
    title,
    status,
    detail: error.detail,
    ...(context.field === undefined ? {} : { field: fieldName(context.field) }),
    ...(context.field === undefined || context.sent === undefined
      ? {}
      : { sent: fieldValues(context.sent, context.field).join(', ').slice(0, MAX_SENT) }),
  };
  const content = Buffer.from(`${JSON.stringify(problem)}\n`);
  const reason = context.field === undefined ? error.code : `${error.code} ${context.field}`;
  const fields = [
    ...['Content-Type', 'application/problem+json', 'Content-Length', String(content.length)],
    ...['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'],
    ...['Proxy-Status', `ifmatch; error=${proxyError}; details="${reason}"`],
  ];
  if (status === 405 && context.origin === undefined) fields.push('Allow', FORWARDED_METHODS);
  let { shown = [] } = context;
  if (error.retryAfter !== undefined) {
    fields.push('Retry-After', String(error.retryAfter));
    shown = shown.filter((name) => name !== 'retry-after'); // no list: there is one line of it (RFC 9110 5.3)
  }
  if (context.origin !== undefined) fields.push(...shownFields(context.origin, shown));
  return { made: true, status, fields, content };
}

/** The same for this exchange, and notes the error for the log. */
export function refuseExchange(
  exchange: Exchange,
  error: GatewayError,
  context?: RefusalContext,
): MadeAnswer {
  exchange.noteError(error);
  return refuse(error, context);
}

/**
 * CORS fields, so that a browser may read the answer, Vary that goes with them, and the named ones; nothing that was for this
 * hop alone (RFC 9110 7.6.1).
 */
export function shownFields(origin: FieldLines, shown: readonly string[]): string[] {
  const fields: string[] = [];
  const nominated = nominatedFields(origin);
  for (let i = 0; i + 1 < origin.length; i += 2) {
    const name = origin[i] ?? '';
    const lower = name.toLowerCase();
    if (nominated?.has(lower)) continue;
    if (lower === 'vary' || lower.startsWith('access-control-') || shown.includes(lower)) {
      fields.push(name, origin[i + 1] ?? '');
    }
  }
  return fields;
}

const FIELD_NAMES: Readonly<Record<ConditionalField, string>> = {
  'if-match': 'If-Match',
  'if-none-match': 'If-None-Match',
  'if-modified-since': 'If-Modified-Since',
  'if-unmodified-since': 'If-Unmodified-Since',
  'if-range': 'If-Range',
};

/** `if-match` as it is written in the RFC. */
export function fieldName(field: ConditionalField): string {
  return FIELD_NAMES[field];
}

/** Any error as a refusal; what is not coded is ours. */
export function refuseError(error: unknown): MadeAnswer {
  if (error instanceof GatewayError) return refuse(error);
  return refuse(new GatewayError('internal', 'The gateway failed; its log says why.', { cause: error }));
}
