// Releases on their way to Redis: each is sent until it was answered, or the lease has ended by itself.

import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { LockLog } from './lock-log.ts';
import type { LockRecord } from './lock-record.ts';
import type { Place, RedisLease } from './redis-lease.ts';
import type { LockQueue } from './redis-queue.ts';

interface PendingRelease {
  readonly place: Place;
  /** On the clock: what is left of a quarantine ends then. */
  readonly quarantineUntil: number;
  /** On the clock: the lease has surely ended by itself. */
  until: number;
  /** What was held; undefined for a request that may have been granted although no answer came. */
  readonly lease: RedisLease | undefined;
  /** On the clock: when it is to be sent again; undefined while its answer is awaited. */
  retryAt: number | undefined;
  /** The pause behind the next failure, milliseconds. */
  pauseMs: number;
  /** It may have been done although no answer came: then the key is no longer this token's for a good reason. */
  unsure: boolean;
}

export interface PendingReleaseOptions {
  readonly queue: LockQueue;
  readonly leaseMs: { readonly check: number; readonly write: number };
  readonly record: LockRecord;
  readonly log: LockLog;
  readonly clock: Clock;
}

/**
 * Between two attempts, milliseconds, growing: a server that refuses writes refuses these, too, and has enough to do with
 * refusing.
 */
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 8_000;
/** Of those that failed, so many are kept to be sent again. */
const MOST = 10_000;
/** How long a stop waits for the last answers, milliseconds. */
const END_WAIT = 1_000;

/** None of them is needed for safety: a lease that is not released ends by itself, only later. */
export class PendingReleases {
  readonly #options: PendingReleaseOptions;
  readonly #open = new Map<string, PendingRelease>();
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(options: PendingReleaseOptions) {
    this.#options = options;
  }

  /** Releases; or quarantines, for `quarantineMs` above 0. */
  release(lease: RedisLease, quarantineMs: number): void {
    const { check, write } = this.#options.leaseMs;
    // an answer to its arming may have been lost: then it lasts longer than this process knows
    this.#begin(lease.place, Math.max(check, write, quarantineMs), quarantineMs, lease);
  }

  /** Gives up a place in the queue, and the lock, should it have been granted. */
  withdraw(place: Place): void {
    this.#begin(place, this.#options.leaseMs.check, 0, undefined);
  }

  /** Sends whatever failed once more: on a new connection, or because there is no later. */
  retryAll(): void {
    const { leaseMs, clock } = this.#options;
    // an engine that stood still takes up what it was sent before: a request of long ago may be granted only now
    for (const pending of this.#open.values())
      if (pending.lease === undefined) pending.until = clock.now() + leaseMs.check;
    this.#retry(Number.POSITIVE_INFINITY);
  }

  /** Sends once more whatever failed and has waited for long enough. */
  retryDue(): void {
    this.#retry(this.#options.clock.now());
  }

  /** Resolves when all were answered, or cannot be sent. */
  async end(): Promise<void> {
    if (this.#open.size === 0 || !this.#options.queue.up) return;
    this.retryAll();
    this.#emptied ??= Promise.withResolvers<void>();
    await Promise.race([this.#emptied.promise, delay(END_WAIT, undefined, { ref: false })]);
  }

  #begin(place: Place, ms: number, quarantineMs: number, lease: RedisLease | undefined): void {
    const now = this.#options.clock.now();
    const until = { until: now + ms, quarantineUntil: now + quarantineMs };
    const attempts = { retryAt: undefined, pauseMs: SHORTEST_PAUSE, unsure: false };
    const pending = { place, ...until, lease, ...attempts };
    this.#open.set(place.token, pending);
    void this.#send(pending);
  }

  /** What has ended by itself needs no release any longer. */
  #retry(before: number): void {
    const { queue, clock } = this.#options;
    const now = clock.now();
    for (const [token, pending] of this.#open) {
      // what was asked of an engine that is away may be granted when it comes back
      const mayBeGranted = pending.lease === undefined && !queue.up;
      if (pending.until <= now && !mayBeGranted) this.#open.delete(token);
      else if (pending.retryAt !== undefined && pending.retryAt <= before && queue.up)
        void this.#send(pending);
    }
  }

  async #send(pending: PendingRelease): Promise<void> {
    const { queue, clock } = this.#options;
    const { place, quarantineUntil } = pending;
    const { up } = queue;
    pending.retryAt = undefined;
    try {
      const released = await queue.release(place, Math.max(0, quarantineUntil - clock.now()));
      const first = this.#open.delete(place.token);
      if (!released && first && !pending.unsure) this.#foundLost(pending.lease);
    } catch {
      pending.retryAt = clock.now() + pending.pauseMs;
      pending.pauseMs = Math.min(2 * pending.pauseMs, LONGEST_PAUSE);
      pending.unsure ||= up;
      if (this.#open.size > MOST) this.#open.delete(place.token);
    }
    if (this.#open.size === 0) this.#emptied?.resolve();
  }

  /** Whoever held the key meanwhile may have written over what this holder's client knew. */
  #foundLost(lease: RedisLease | undefined): void {
    if (lease === undefined || lease.lost || lease.unserialised) return;
    const { record, log } = this.#options;
    record.lost('after');
    log.error({ key: lease.key, fence: lease.fence }, 'a lock was found lost at its release');
  }
}
