// A worker's holding of a key whose lock is in another process: until when it lasts by this process's own clocks.

import { ageOf, type Clock, type Moment } from './clock.ts';
import type { Lease } from './lock.ts';

export interface RemoteLeaseOptions {
  readonly key: string;
  /** Of the request that it was granted for. */
  readonly id: number;
  readonly fence: string | undefined;
  readonly unserialised: boolean;
  readonly clock: Clock;
}

export class RemoteLease implements Lease {
  readonly key: string;
  readonly id: number;
  readonly fence: string | undefined;
  unserialised: boolean;
  readonly #clock: Clock;
  #from: Moment = { now: 0, wall: 0 };
  /** Counted from `#from`. */
  #termMs = 0;
  #armed = false;
  #lost = false;

  constructor({ key, id, fence, unserialised, clock }: RemoteLeaseOptions) {
    this.key = key;
    this.id = id;
    this.fence = fence;
    this.unserialised = unserialised;
    this.#clock = clock;
  }

  /** By the clock that says less: a machine that sleeps stops the monotonic one, a wrong time moves the other. */
  remainingMs(): number {
    return this.#lost ? 0 : Math.max(0, this.#termMs - this.#age());
  }

  /** `from`: before it was asked for, so that it ends here no later than there. */
  lasts(from: Moment, termMs: number): void {
    this.#from = from;
    this.#termMs = termMs;
  }

  armed(from: Moment, termMs: number): void {
    this.#armed = true;
    this.lasts(from, termMs);
  }

  /** Half of it has gone by: that happens to long uploads, seldom to other writes. */
  get needsRenewal(): boolean {
    return this.#armed && !this.#lost && this.#age() >= this.#termMs / 2;
  }

  lose(): void {
    this.#lost = true;
  }

  #age(): number {
    return ageOf(this.#from, this.#clock);
  }
}
