// What the engine's answer means for a request that was not granted: a refusal, or when to look again.

import type { GatewayError } from '../errors.ts';
import type { Reply } from './redis-queue.ts';
import { guarded, waitedTooLong } from './refusals.ts';

type NotGranted = Exclude<Reply, { kind: 'granted' }>;

/** Longest time between two looks of a waiter, in case a wake is lost. Milliseconds. */
const POLL = 1_000;
/** The same where no wake would arrive: the head of a queue holds up everybody behind it until it looks. */
const DEAF_POLL = 100;

/** Why a request is not to wait any longer, `restMs` before the end of its `waitMs`. */
export function refusalOf(reply: NotGranted, restMs: number, waitMs: number): GatewayError | undefined {
  if (reply.kind === 'guarded') return reply.restMs >= restMs ? guarded(reply.restMs) : undefined;
  return restMs <= 0 ? waitedTooLong(waitMs, reply.quarantined ? (reply.lockMs ?? 0) : 0) : undefined;
}

/** Until the lock can be had without a wake, or a wake may have been lost; `hears`: one would arrive. Milliseconds. */
export function pauseFor(reply: NotGranted, hears: boolean): number {
  if (reply.kind === 'guarded') return reply.restMs;
  return Math.min((reply.lockMs ?? POLL) + 2, hears ? POLL : DEAF_POLL);
}
