// Releases on their way to Redis: each is said until it was heard, or the lease has ended by itself.

import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { LockLog } from './lock-log.ts';
import type { LockRecord } from './lock-record.ts';
import type { Place, RedisLease } from './redis-lease.ts';
import type { LockQueue } from './redis-queue.ts';

interface Farewell {
  readonly place: Place;
  /** On the clock: what is left of a quarantine ends then. */
  readonly quarantineUntil: number;
  /** On the clock: the lease has surely ended by itself. */
  until: number;
  /** What was held; undefined for a request that may have been granted without our hearing of it. */
  readonly lease: RedisLease | undefined;
  /** On the clock: when it is to be said again; undefined while its answer is awaited. */
  again: number | undefined;
  /** How long it then waits for the next time, milliseconds. */
  pauseMs: number;
  /** It may have been heard without our hearing of that: then the key is no longer this token's for a good reason. */
  unsure: boolean;
}

export interface FarewellOptions {
  readonly queue: LockQueue;
  readonly leaseMs: { readonly check: number; readonly write: number };
  readonly record: LockRecord;
  readonly log: LockLog;
  readonly clock: Clock;
}

/**
 * Between two times that one of them is said, milliseconds, growing: a server that refuses writes refuses these, too, and
 * has enough to do with refusing.
 */
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 8_000;
/** Of those that failed, so many are kept to be said again. */
const MOST = 10_000;
/** How long a stop waits for what is still to be said, milliseconds. */
const LAST_WORDS = 1_000;

/** None of them is needed for safety: a lease that is not released ends by itself, only later. */
export class Farewells {
  readonly #options: FarewellOptions;
  readonly #open = new Map<string, Farewell>();
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(options: FarewellOptions) {
    this.#options = options;
  }

  /** Releases, or quarantines for so many milliseconds. */
  say(lease: RedisLease, quarantineMs: number): void {
    const { check, write } = this.#options.leaseMs;
    // an answer to its arming may have been lost: then it lasts longer than this process knows
    this.#begin(lease.place, Math.max(check, write, quarantineMs), quarantineMs, lease);
  }

  /** Gives up a place in the queue, and the lock, should it have been granted. */
  withdraw(place: Place): void {
    this.#begin(place, this.#options.leaseMs.check, 0, undefined);
  }

  /** Whatever could not be said, once more: on a new connection, or because there is no later. */
  sayAllAgain(): void {
    const { leaseMs, clock } = this.#options;
    // an engine that stood still takes up what it was sent before: a request of long ago may be granted only now
    for (const farewell of this.#open.values())
      if (farewell.lease === undefined) farewell.until = clock.now() + leaseMs.check;
    this.#sayAgain(Number.POSITIVE_INFINITY);
  }

  /** Whatever could not be said, and has waited for long enough, once more. */
  sayWhatIsDue(): void {
    this.#sayAgain(this.#options.clock.now());
  }

  /** Resolves when all was heard, or cannot be said. */
  async end(): Promise<void> {
    if (this.#open.size === 0 || !this.#options.queue.up) return;
    this.sayAllAgain();
    this.#emptied ??= Promise.withResolvers<void>();
    await Promise.race([this.#emptied.promise, delay(LAST_WORDS, undefined, { ref: false })]);
  }

  #begin(place: Place, ms: number, quarantineMs: number, lease: RedisLease | undefined): void {
    const now = this.#options.clock.now();
    const until = { until: now + ms, quarantineUntil: now + quarantineMs };
    const said = { again: undefined, pauseMs: SHORTEST_PAUSE, unsure: false };
    const farewell = { place, ...until, lease, ...said };
    this.#open.set(place.token, farewell);
    void this.#send(farewell);
  }

  /** What needs no saying any longer is forgotten. */
  #sayAgain(before: number): void {
    const { queue, clock } = this.#options;
    const now = clock.now();
    for (const [token, farewell] of this.#open) {
      const isOpen = farewell.lease === undefined && !queue.up;
      if (farewell.until <= now && !isOpen) this.#open.delete(token);
      else if (farewell.again !== undefined && farewell.again <= before && queue.up)
        void this.#send(farewell);
    }
  }

  async #send(farewell: Farewell): Promise<void> {
    const { queue, clock } = this.#options;
    const { place, quarantineUntil } = farewell;
    const { up } = queue;
    farewell.again = undefined;
    try {
      const released = await queue.release(place, Math.max(0, quarantineUntil - clock.now()));
      const first = this.#open.delete(place.token);
      if (!released && first && !farewell.unsure) this.#foundLost(farewell.lease);
    } catch {
      farewell.again = clock.now() + farewell.pauseMs;
      farewell.pauseMs = Math.min(2 * farewell.pauseMs, LONGEST_PAUSE);
      farewell.unsure ||= up;
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
