// Any engine, with a record of how long requests for it took and how long it was held.

import { GatewayError } from '../errors.ts';
import { type Clock, processClock } from './clock.ts';
import type { AcquireOptions, EngineState, Fate, Lease, Lock, LockState } from './lock.ts';
import type { LockRecord } from './lock-record.ts';

interface Times {
  readonly granted: number;
  armed: number | undefined;
  unserialised: boolean;
}

export class RecordedLock implements Lock {
  readonly #lock: Lock;
  readonly #record: LockRecord;
  readonly #clock: Clock;
  readonly #times = new WeakMap<Lease, Times>();

  constructor(lock: Lock, record: LockRecord, clock: Clock = processClock) {
    this.#lock = lock;
    this.#record = record;
    this.#clock = clock;
  }

  async acquire(key: string, options: AcquireOptions): Promise<Lease> {
    const asked = this.#clock.now();
    try {
      const lease = await this.#lock.acquire(key, options);
      const granted = this.#clock.now();
      this.#times.set(lease, { granted, armed: undefined, unserialised: false });
      this.#record.acquired('granted', granted - asked);
      return lease;
    } catch (error) {
      const outcome = error instanceof GatewayError ? error.code : 'internal';
      this.#record.acquired(outcome, this.#clock.now() - asked);
      throw error;
    }
  }

  async arm(leases: readonly Lease[]): Promise<void> {
    await this.#lock.arm(leases);
    const now = this.#clock.now();
    for (const lease of leases) {
      const times = this.#times.get(lease);
      if (times === undefined) continue;
      // content that was streamed arms twice, and the engine may have gone in between
      if (lease.unserialised && !times.unserialised) this.#record.unserialised();
      times.unserialised = lease.unserialised;
      if (times.armed !== undefined) continue;
      times.armed = now;
      this.#record.held('check', now - times.granted);
    }
  }

  release(lease: Lease, fate: Fate): void {
    const times = this.#times.get(lease);
    if (times !== undefined) {
      this.#times.delete(lease);
      const now = this.#clock.now();
      if (times.armed === undefined) this.#record.held('check', now - times.granted);
      else this.#record.held('write', now - times.armed);
      if (fate.kind === 'unknown') this.#record.quarantined();
    }
    this.#lock.release(lease, fate);
  }

  state(): LockState {
    return this.#lock.state();
  }

  engine(): EngineState {
    return this.#lock.engine();
  }

  stop(): Promise<void> {
    return this.#lock.stop();
  }
}
