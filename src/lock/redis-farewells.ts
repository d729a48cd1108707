// Releases on their way to Redis: each is said until it was heard, or the lease has ended by itself.

import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { LockLog } from './lock-log.ts';
import type { LockRecord } from './lock-record.ts';
import { MARGIN, type Place, type RedisLease } from './redis-lease.ts';
import type { LockQueue } from './redis-queue.ts';

interface Farewell {
  readonly place: Place;
  /** On the clock: what is left of a quarantine ends then. */
  readonly quarantineUntil: number;
  /** On the clock: the lease has surely ended by itself. */
  readonly until: number;
  /** What was held; undefined for a request that may have been granted without our hearing of it. */
  readonly lease: RedisLease | undefined;
}

export interface FarewellOptions {
  readonly queue: LockQueue;
  readonly record: LockRecord;
  readonly log: LockLog;
  readonly clock: Clock;
}

/** How long a stop waits for what is still to be said, milliseconds. */
const LAST_WORDS = 1_000;

/** None of them is needed for safety: a lease that is not released ends by itself, only later. */
export class Farewells {
  readonly #options: FarewellOptions;
  readonly #open = new Map<string, Farewell>();
  #emptied: (() => void) | undefined;

  constructor(options: FarewellOptions) {
    this.#options = options;
  }

  /** Releases, or quarantines for so many milliseconds. */
  say(lease: RedisLease, quarantineMs: number): void {
    const now = this.#options.clock.now();
    const until = now + Math.max(lease.remainingMs() + MARGIN, quarantineMs);
    this.#begin({ place: lease.place, quarantineUntil: now + quarantineMs, until, lease });
  }

  /** Gives up a place in the queue, and the lock, should it have been granted. */
  withdraw(place: Place, leaseMs: number): void {
    const now = this.#options.clock.now();
    this.#begin({ place, quarantineUntil: now, until: now + leaseMs, lease: undefined });
  }

  /** Once more, on a new connection. */
  sayAll(): void {
    const now = this.#options.clock.now();
    for (const [token, farewell] of this.#open) {
      if (farewell.until <= now) this.#open.delete(token);
      else void this.#send(farewell);
    }
  }

  /** Resolves when all was heard, or cannot be said. */
  async end(): Promise<void> {
    if (this.#open.size === 0 || !this.#options.queue.up) return;
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    await Promise.race([emptied, delay(LAST_WORDS, undefined, { ref: false })]);
  }

  #begin(farewell: Farewell): void {
    this.#open.set(farewell.place.token, farewell);
    void this.#send(farewell);
  }

  async #send(farewell: Farewell): Promise<void> {
    const { queue, clock } = this.#options;
    const { place, quarantineUntil, lease } = farewell;
    try {
      const released = await queue.release(place, Math.max(0, quarantineUntil - clock.now()));
      const first = this.#open.delete(place.token);
      if (!released && first && lease !== undefined && !lease.lost) this.#foundLost(lease);
    } catch {
      if (farewell.until <= clock.now()) this.#open.delete(place.token);
    }
    if (this.#open.size === 0) this.#emptied?.();
  }

  /** Whoever held the key meanwhile may have written over what this holder's client knew. */
  #foundLost(lease: RedisLease): void {
    const { record, log } = this.#options;
    record.lost('after');
    log.error({ key: lease.key, fence: lease.fence }, 'a lock was found lost at its release');
  }
}
