// What a request for the lock is told when it gets none: always that nothing was sent, and when to come again.

import { GatewayError } from '../errors.ts';

/** `restMs`: how long the key is known to stay locked, by a write of unknown fate; 0 where other writers have it. */
export function waitedTooLong(waitMs: number, restMs: number): GatewayError {
  const detail =
    restMs > 0
      ? 'The fate of an earlier write is unknown, and until it must be over nobody else may write to this resource'
      : `Other writers held this resource for ${waitMs} ms`;
  return new GatewayError('lock-timeout', `${detail}; nothing was sent, repeat the request.`, {
    retryAfter: seconds(restMs),
    ...(restMs > 0 ? { cause: 'a write of unknown fate' } : {}),
  });
}

/** One sentence's beginning: how many wait, and where. */
export function queueFull(why: string): GatewayError {
  const detail = `${why}; nothing was sent, repeat the request.`;
  return new GatewayError('lock-queue-full', detail, { retryAfter: 1 });
}

export function clientGone(): GatewayError {
  return new GatewayError('client-gone', 'The client went away before its turn; nothing was sent.');
}

export function shuttingDown(): GatewayError {
  const detail = 'This gateway takes no more writes; nothing was sent, repeat the request.';
  return new GatewayError('shutting-down', detail, { retryAfter: 1 });
}

/** The lease ran out, or its engine forgot it, before a byte of the write had left. */
export function lost(): GatewayError {
  const detail = 'The lock was lost before the write was sent; nothing was sent, repeat the request.';
  return new GatewayError('lock-lost-before-send', detail, { retryAfter: 1 });
}

/** The engine cannot be asked; `cause` is for the log. */
export function unavailable(cause?: unknown): GatewayError {
  const detail = 'The lock cannot be taken at the moment; nothing was sent, repeat the request later.';
  return new GatewayError('lock-engine-unavailable', detail, { cause, retryAfter: 5 });
}

/** The engine lost its memory, and `restMs` go by until no write from before can still be under way. */
export function guarded(restMs: number): GatewayError {
  const detail =
    'Writes wait until none from before the restart of the lock can still be under way; nothing was sent, repeat the request later.';
  return new GatewayError('lock-engine-guard', detail, { retryAfter: seconds(restMs) });
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
