// What the client is told of a request that never left for the origin: the same for a write, a read and a probe.
import { GatewayError } from '../errors.ts';
import type { OriginFailure } from './failure.ts';

/** The error for a failure of which `sent` is false. */
export function notSent(failure: OriginFailure): GatewayError {
  const cause = { cause: failure };
  if (failure.kind === 'cancelled') return new GatewayError('client-gone', 'Nothing was sent.', cause);
  if (failure.kind === 'timeout') {
    const detail =
      'No connection to the origin came free in time. Nothing was sent; repeat the request later.';
    return new GatewayError('origin-busy', detail, { ...cause, retryAfter: 1 });
  }
  const detail = 'The origin cannot be reached. Nothing was sent; repeat the request later.';
  return new GatewayError('origin-unreachable', detail, cause);
}
