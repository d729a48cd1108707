// Unguarded traffic (mode off, OPTIONS, safe methods without a condition): reply-from, with what it gets wrong undone.
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import replyFrom, { type FastifyReplyFromOptions } from '@fastify/reply-from';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Dispatcher } from 'undici';
import type { GatewayError } from '../errors.ts';
import type { OriginClient } from '../origin/client.ts';
import { kindOf, OriginFailure } from '../origin/exchange.ts';
import { returnedFields } from '../origin/fields.ts';
import { readError, writeError } from '../origin/forward.ts';
import { isSafe } from '../semantics/method.ts';

/** The request as it is to be sent, byte for byte. */
export interface UnguardedRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly content: Buffer | Readable;
}

/** Carries the request through reply-from, which would normalise the target and fold repeated lines (traps B8, B21). */
class Exact {
  readonly request: UnguardedRequest;
  constructor(request: UnguardedRequest) {
    this.request = request;
  }
}
const EXACT = Symbol('exact request');

type Requestable = Extract<NonNullable<FastifyReplyFromOptions['undici']>, { request: unknown }>;

/** Registers reply-from on the origin's own connections: TLS verified, nothing retried (traps B3, B4, B6, B29, B30). */
export function registerUnguarded(app: FastifyInstance, origin: OriginClient, readMs: number): void {
  const exactly: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
    const exact = exactOf(options.headers);
    if (exact === undefined) throw new Error('a request came around forwardUnguarded');
    return dispatch(
      {
        ...options,
        path: exact.target,
        headers: [...exact.fields],
        body: Buffer.isBuffer(exact.content) && exact.content.length === 0 ? null : exact.content,
        headersTimeout: readMs,
        idempotent: false,
        ...(exact.method === 'HEAD' ? { reset: !origin.keepsAfterHead() } : {}),
      },
      handler,
    );
  };
  app.register(replyFrom, {
    base: origin.base,
    // reply-from is typed for undici 7; all that it calls is request(), which is the same in 8 (traps B23)
    undici: origin.open.compose(exactly) as unknown as Requestable,
    retryMethods: [],
    disableCache: true,
    disableRequestLogging: true,
  });
}

function exactOf(headers: unknown): UnguardedRequest | undefined {
  if (typeof headers !== 'object' || headers === null || !(EXACT in headers)) return undefined;
  const carried = headers[EXACT];
  return carried instanceof Exact ? carried.request : undefined;
}

export interface UnguardedHooks {
  /** The fields for the client, from those of the origin that may be returned. */
  readonly answered: (fields: string[]) => string[];
  readonly failed: (error: GatewayError) => void;
}

/** Forwards without looking at conditions. The answer, or one call of `failed`, ends the request. */
export function forwardUnguarded(
  reply: FastifyReply,
  request: UnguardedRequest,
  hooks: UnguardedHooks,
): void {
  reply.from('/', {
    // nothing is retried: not a write (traps B4), and not a read with `Retry-After` seconds taken for milliseconds (B3)
    retryDelay: () => null,
    rewriteRequestHeaders: () => ({ [EXACT]: new Exact(request) }) as IncomingHttpHeaders,
    rewriteHeaders: (headers) => unflatten(hooks.answered(returnedFields(flatten(headers)))),
    onError: (_reply, { error }) => {
      const cause = error.cause instanceof Error ? error.cause : error;
      const sent = !isConnectError(cause);
      const failure = new OriginFailure(kindOf(cause, sent), sent, cause);
      hooks.failed(isSafe(request.method) ? readError(failure) : writeError(failure));
    },
  });
}

const CONNECT_ERRORS = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** reply-from does not tell whether a byte was sent; only these are certain. */
function isConnectError(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && CONNECT_ERRORS.has(error.code);
}

function flatten(headers: object): string[] {
  return Object.entries(headers).flatMap(([name, value]: [string, unknown]) =>
    Array.isArray(value) ? value.flatMap((line) => [name, String(line)]) : [name, String(value)],
  );
}

function unflatten(fields: readonly string[]): IncomingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = (fields[i] ?? '').toLowerCase();
    const value = fields[i + 1] ?? '';
    const before = headers[name];
    headers[name] =
      before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return headers;
}
