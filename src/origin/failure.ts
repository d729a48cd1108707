// Why there is no answer from the origin, or no whole one.

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

/** The code of undici's connector, and the system's. */
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

/** Whether a connection was silent for too long: while it was opened, or later. */
export function isTimeout(error: Error | undefined): boolean {
  return error !== undefined && 'code' in error && TIMEOUTS.has(String(error.code));
}

/** What an exchange rejects with; of anything else nothing is known. */
export function failureOf(error: unknown): OriginFailure {
  return error instanceof OriginFailure ? error : new OriginFailure('reset', true, error);
}
