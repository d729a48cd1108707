// Any engine, with a record of how long requests for it took and how long it was held.

import { GatewayError } from '../errors.ts';
import { type Clock, processClock } from './clock.ts';
import type { AcquireOptions, EngineState, Fate, Lease, Lock, LockState } from './lock.ts';
import type { LockRecord } from './lock-record.ts';

/** A lease of the engine, with the moments that count. It is that of this holding alone: no table has to find them. */
class RecordedLease implements Lease {
  readonly held: Lease;
  readonly granted: number;
  armed: number | undefined;
  /** It has been counted as one that went through without the engine. */
  wentThrough = false;
  released = false;

  constructor(held: Lease, granted: number) {
    this.held = held;
    this.granted = granted;
  }

  get key(): string {
    return this.held.key;
  }

  get fence(): string | undefined {
    return this.held.fence;
  }

  get unserialised(): boolean {
    return this.held.unserialised;
  }

  remainingMs(): number {
    return this.held.remainingMs();
  }
}

export class RecordedLock implements Lock {
  readonly #lock: Lock;
  readonly #record: LockRecord;
  readonly #clock: Clock;

  constructor(lock: Lock, record: LockRecord, clock: Clock = processClock) {
    this.#lock = lock;
    this.#record = record;
    this.#clock = clock;
  }

  acquire(key: string, options: AcquireOptions): Promise<Lease> {
    const asked = this.#clock.now();
    const granted = (lease: Lease): Lease => {
      const now = this.#clock.now();
      this.#record.acquired('granted', now - asked);
      return new RecordedLease(lease, now);
    };
    const refused = (error: unknown): never => {
      const outcome = error instanceof GatewayError ? error.code : 'internal';
      this.#record.acquired(outcome, this.#clock.now() - asked);
      throw error;
    };
    return this.#lock.acquire(key, options).then(granted, refused);
  }

  async arm(leases: readonly Lease[]): Promise<void> {
    await this.#lock.arm(leases.map(engines));
    const now = this.#clock.now();
    for (const lease of leases) {
      if (!(lease instanceof RecordedLease) || lease.released) continue;
      // content that was streamed arms twice, and the engine may have gone in between
      if (lease.unserialised && !lease.wentThrough) this.#record.unserialised();
      lease.wentThrough = lease.unserialised;
      if (lease.armed !== undefined) continue;
      lease.armed = now;
      this.#record.held('check', now - lease.granted);
    }
  }

  release(lease: Lease, fate: Fate): void {
    if (lease instanceof RecordedLease && !lease.released) {
      lease.released = true;
      const now = this.#clock.now();
      if (lease.armed === undefined) this.#record.held('check', now - lease.granted);
      else this.#record.held('write', now - lease.armed);
      if (fate.kind === 'unknown') this.#record.quarantined();
    }
    this.#lock.release(engines(lease), fate);
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

/** The engine's own: it knows its leases by identity. */
function engines(lease: Lease): Lease {
  return lease instanceof RecordedLease ? lease.held : lease;
}
