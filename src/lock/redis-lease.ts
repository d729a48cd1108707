// One holding of a key in Redis: its token, its fence, and until when it lasts by this process's own clocks.

import { ageOf, type Clock, type Moment } from './clock.ts';
import type { Lease } from './lock.ts';

/** How much of a lease is not counted on: clock rates differ, and timers are late. Milliseconds. */
export const MARGIN = 500;

/** Where a lease stands in Redis. */
export interface Place {
  /** The hash that its Redis keys are made of. */
  readonly id: string;
  /** The owner's: nobody else can know it. */
  readonly token: string;
}

export interface RedisLeaseOptions {
  readonly key: string;
  readonly turn: Lease | undefined;
  readonly place: Place;
  readonly fence: string | undefined;
  /** Before the lease was asked for, so that it ends in Redis no sooner than here. */
  readonly from: Moment;
  readonly leaseMs: number;
  readonly clock: Clock;
}

export class RedisLease implements Lease {
  readonly key: string;
  readonly place: Place;
  readonly fence: string | undefined;
  /** The turn that this process's own queue gave; undefined for a lease that waited for nobody (`lock.down: open`). */
  readonly turn: Lease | undefined;
  /** Armed for a write: from then on what a loss means is another thing. */
  armed = false;
  unserialised = false;
  lost = false;
  readonly #clock: Clock;
  #from: Moment;
  #leaseMs: number;

  constructor({ key, turn, place, fence, from, leaseMs, clock }: RedisLeaseOptions) {
    this.key = key;
    this.turn = turn;
    this.place = place;
    this.fence = fence;
    this.#clock = clock;
    this.#from = from;
    this.#leaseMs = leaseMs;
  }

  /** What each renewal asks for. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  /** By the clock that says less: a machine that sleeps stops the monotonic one, a wrong time moves the other. */
  remainingMs(): number {
    if (this.lost) return 0;
    if (this.unserialised) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#leaseMs - MARGIN - this.#age());
  }

  /** A third of it has gone by. */
  get needsRenewal(): boolean {
    return !this.lost && !this.unserialised && this.#age() >= this.#leaseMs / 3;
  }

  /** Redis has said, to a question asked at `from`, that it is still this token's, for `leaseMs` from now on. */
  prolong(from: Moment, leaseMs: number): void {
    if (from.now + leaseMs < this.#from.now + this.#leaseMs) return; // a later answer came first, and was for longer
    this.#from = from;
    this.#leaseMs = leaseMs;
  }

  #age(): number {
    return ageOf(this.#from, this.#clock);
  }
}
