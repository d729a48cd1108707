// The lock of one process: for each key a holder, or a quarantine, and the waiters in the order they came.

import { GatewayError } from '../errors.ts';
import { type Clock, processClock } from './clock.ts';
import type { AcquireOptions, EngineState, Fate, Lease, Lock, LockState } from './lock.ts';
import { clientGone, lost, queueFull, shuttingDown, waitedTooLong } from './refusals.ts';

/** Ends one wait: grants the lease, or refuses with the error. */
type Waiter = (outcome: Lease | GatewayError) => void;

/** Ends with its release: no time passes it on to somebody else. */
class MemoryLease implements Lease {
  readonly key: string;
  readonly fence = undefined;
  readonly unserialised = false;

  constructor(key: string) {
    this.key = key;
  }

  remainingMs(): number {
    return Number.POSITIVE_INFINITY;
  }
}

/** One key that is not free. A free key has no entry. */
interface Entry {
  /** Compared by identity; undefined while the key is quarantined. */
  holder: Lease | undefined;
  quarantine: Quarantine | undefined;
  /** A Set keeps the order of arrival, and gives up a place in the middle at no cost. The first who waits makes it. */
  waiters: Set<Waiter> | undefined;
}

interface Quarantine {
  /** On the lock's clock. */
  readonly until: number;
  readonly cancel: () => void;
}

export interface MemoryLockOptions {
  /** Most waiters per key; further ones are refused at once with `lock-queue-full`. */
  readonly queue: number;
  /** Most waiters over all keys; further ones are refused in the same way. */
  readonly waiting: number;
  readonly clock?: Clock;
}

/**
 * One writer per key within this process, first come, first served. A free key costs neither a timer nor a listener,
 * and leaves nothing behind. A restart forgets every holding and every quarantine.
 */
export class MemoryLock implements Lock {
  readonly #entries = new Map<string, Entry>();
  readonly #queue: number;
  readonly #mostWaiting: number;
  readonly #clock: Clock;
  #waiting = 0;
  #quarantined = 0;
  #stopped = false;

  constructor({ queue, waiting, clock = processClock }: MemoryLockOptions) {
    this.#queue = queue;
    this.#mostWaiting = waiting;
    this.#clock = clock;
  }

  acquire(key: string, options: AcquireOptions): Promise<Lease> {
    const entry = this.#entries.get(key);
    const refusal = this.#refusal(entry, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (entry !== undefined) return this.#wait(entry, options);
    const lease = new MemoryLease(key);
    this.#entries.set(key, { holder: lease, quarantine: undefined, waiters: undefined });
    return Promise.resolve(lease);
  }

  arm(leases: readonly Lease[]): Promise<void> {
    const held = leases.every((lease) => this.#entries.get(lease.key)?.holder === lease);
    return held ? Promise.resolve() : Promise.reject(lost());
  }

  /** A lease that does not hold its key, or no longer does, is ignored. */
  release(lease: Lease, fate: Fate): void {
    const entry = this.#entries.get(lease.key);
    if (entry?.holder !== lease) return;
    entry.holder = undefined;
    if (fate.kind === 'unknown' && fate.quarantineMs > 0 && !this.#stopped) {
      this.#quarantine(lease.key, entry, fate.quarantineMs);
    } else {
      this.#handOver(lease.key, entry);
    }
  }

  state(): LockState {
    const quarantined = this.#quarantined;
    return { held: this.#entries.size - quarantined, waiting: this.#waiting, quarantined };
  }

  engine(): EngineState {
    return { engine: 'memory', up: true, guardMs: 0 };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const [key, entry] of this.#entries) {
      for (const waiter of entry.waiters ?? []) waiter(shuttingDown());
      if (entry.quarantine !== undefined) {
        entry.quarantine.cancel();
        this.#endQuarantine(key, entry);
      }
    }
  }

  #refusal(entry: Entry | undefined, { signal }: AcquireOptions): GatewayError | undefined {
    if (this.#stopped) return shuttingDown();
    if (signal.aborted) return clientGone();
    if (entry === undefined) return undefined;
    if ((entry.waiters?.size ?? 0) >= this.#queue)
      return queueFull(`${this.#queue} writers already wait for this resource`);
    if (this.#waiting >= this.#mostWaiting)
      return queueFull(`${this.#mostWaiting} writers already wait here`);
    return undefined;
  }

  #wait(entry: Entry, { waitMs, signal }: AcquireOptions): Promise<Lease> {
    entry.waiters ??= new Set();
    const { waiters } = entry;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = (outcome) => {
        waiters.delete(waiter);
        this.#waiting -= 1;
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        if (outcome instanceof GatewayError) reject(outcome);
        else resolve(outcome);
      };
      const onAbort = () => waiter(clientGone());
      const cancelTimer = this.#clock.after(waitMs, () => waiter(waitedTooLong(waitMs, this.#restMs(entry))));
      signal.addEventListener('abort', onAbort);
      waiters.add(waiter);
      this.#waiting += 1;
    });
  }

  /** The next waiter holds the key before anybody new can ask for it. It runs in a turn of its own: no recursion. */
  #handOver(key: string, entry: Entry): void {
    const [next] = entry.waiters ?? [];
    if (next === undefined) {
      this.#entries.delete(key);
      return;
    }
    entry.holder = new MemoryLease(key);
    next(entry.holder);
  }

  #quarantine(key: string, entry: Entry, ms: number): void {
    const cancel = this.#clock.after(ms, () => this.#endQuarantine(key, entry));
    entry.quarantine = { until: this.#clock.now() + ms, cancel };
    this.#quarantined += 1;
  }

  #endQuarantine(key: string, entry: Entry): void {
    entry.quarantine = undefined;
    this.#quarantined -= 1;
    this.#handOver(key, entry);
  }

  #restMs(entry: Entry): number {
    return entry.quarantine === undefined ? 0 : entry.quarantine.until - this.#clock.now();
  }
}
