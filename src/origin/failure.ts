// Why there is no answer from the origin, or no whole one.
import { GatewayError } from '../errors.ts';

/** `content`: the client's content broke off, the cause says how. */
export type FailureKind = 'unreachable' | 'timeout' | 'invalid' | 'reset' | 'cancelled' | 'content';

/** `sent` false: not a byte of the request has left. */
export class OriginFailure extends Error {
  readonly kind: FailureKind;
  readonly sent: boolean;

  constructor(kind: FailureKind, sent: boolean, cause?: unknown) {
    super(`origin ${kind}`, { cause });
    this.name = 'OriginFailure';
    this.kind = kind;
    this.sent = sent;
  }
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);
const INVALID = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

/** An error of undici or of the content, in our words. */
export function failureOf(error: unknown, sent: boolean): OriginFailure {
  if (error instanceof OriginFailure) return error;
  return new OriginFailure(kindOf(error, sent), sent, error);
}

function kindOf(error: unknown, sent: boolean): FailureKind {
  if (error instanceof GatewayError) return 'content';
  const code = errorCode(error);
  if (TIMEOUTS.has(code)) return 'timeout';
  if (!sent) return 'unreachable';
  return INVALID.has(code) || code.startsWith('HPE_') ? 'invalid' : 'reset';
}

/** Node's and undici's `code`; empty where there is none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
