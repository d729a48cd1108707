// The lock of all workers, in the process above them: does what they ask, and ends what a worker leaves behind that dies or hangs.

import { Cancellation } from '../cancel-signal.ts';
import { type Clock, processClock } from './clock.ts';
import type { Fate, Lease, Lock } from './lock.ts';
import type { LockLog } from './lock-log.ts';
import { type LockAnswer, type LockRequest, readRequest, refusal } from './lock-message.ts';
import { type LeaseTimeouts, leasesFor } from './open-lock.ts';
import type { Port } from './port.ts';
import { lost } from './refusals.ts';

export interface LockServerOptions {
  readonly lock: Lock;
  readonly timeouts: LeaseTimeouts;
  readonly log: LockLog;
  readonly clock?: Clock;
}

interface Holding {
  readonly id: number;
  readonly lease: Lease;
  /** When it was last armed, on the monotonic clock: its write may have been sent since. */
  armedAt: number | undefined;
  /** Calls its limit off. */
  cancelLimit: () => void;
}

const KNOWN: Fate = { kind: 'known' };
/** What may have been sent must be over. */
const OVER: Fate = { kind: 'unknown', quarantineMs: 0 };

interface ServerContext extends Required<LockServerOptions> {
  /** How long a holding may last without its worker, milliseconds. */
  readonly leaseMs: ReturnType<typeof leasesFor>;
}

export class LockServer {
  readonly #options: ServerContext;

  constructor({ clock = processClock, ...options }: LockServerOptions) {
    this.#options = { ...options, clock, leaseMs: leasesFor(options.timeouts) };
  }

  /** Serves one worker until it is gone. */
  serve(port: Port): void {
    const worker = new ServedWorker(port, this.#options);
    port.onMessage((message) => worker.take(message));
    port.onGone(() => worker.end());
  }
}

/** What one worker waits for and holds, by the ids of its requests. */
class ServedWorker {
  readonly #port: Port;
  readonly #options: ServerContext;
  readonly #waiting = new Map<number, Cancellation>();
  readonly #held = new Map<number, Holding>();
  #gone = false;

  constructor(port: Port, options: ServerContext) {
    this.#port = port;
    this.#options = options;
  }

  /** What comes when the worker is gone is too late: nobody would end it. */
  take(message: unknown): void {
    if (this.#gone) return;
    const request = readRequest(message);
    switch (request?.op) {
      case 'acquire':
        void this.#acquire(request);
        return;
      case 'abort':
        this.#abort(request.id);
        return;
      case 'arm':
        void this.#arm(request.id, request.leases);
        return;
      case 'release':
        this.#release(request.id, request.fate);
        return;
      case 'stop':
        this.#answer({ op: 'stopped', id: request.id });
        return;
      default:
        this.#options.log.error({}, 'a worker sent what is no request for the lock');
    }
  }

  /** The worker is gone: nobody waits, and what it held is free unless the origin may be applying a write. */
  end(): void {
    this.#gone = true;
    const held = [...this.#held.values()];
    const armed = held.filter(({ armedAt }) => armedAt !== undefined).length;
    if (armed > 0)
      this.#options.log.warn(
        { writes: armed },
        'a worker ended with writes under way: their fate is unknown',
      );
    for (const id of [...this.#waiting.keys(), ...this.#held.keys()]) this.#abort(id);
  }

  async #acquire({ id, key, waitMs }: LockRequest & { op: 'acquire' }): Promise<void> {
    const { lock, clock, leaseMs } = this.#options;
    const came = clock.now();
    const waiter = new Cancellation();
    this.#waiting.set(id, waiter);
    try {
      const lease = await lock.acquire(key, { waitMs, signal: waiter });
      if (!this.#waiting.delete(id)) {
        lock.release(lease, KNOWN);
        return;
      }
      const holding: Holding = { id, lease, armedAt: undefined, cancelLimit: () => {} };
      this.#held.set(id, holding);
      // a request for two keys may wait for the other one when it has this one
      const limit = waitMs + leaseMs.check;
      this.#limit(holding, limit);
      const { fence, unserialised } = lease;
      const left = Math.min(lease.remainingMs(), limit);
      this.#answer({ op: 'granted', id, left, waitedMs: clock.now() - came, fence, unserialised });
    } catch (error) {
      if (this.#waiting.delete(id)) this.#port.send(refusal(id, error));
    }
  }

  /** It waits, or its grant and this abort have crossed, or it is a holding that nobody can end any more. */
  #abort(id: number): void {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiter?.abort();
    const holding = this.#held.get(id);
    if (holding !== undefined) this.#release(id, this.#fateOf(holding));
  }

  async #arm(id: number, ids: readonly number[]): Promise<void> {
    const { lock, clock, leaseMs } = this.#options;
    try {
      const holdings = ids.map((one) => this.#held.get(one)).filter((holding) => holding !== undefined);
      if (holdings.length < ids.length) throw lost();
      await lock.arm(holdings.map(({ lease }) => lease));
      if (holdings.some((holding) => this.#held.get(holding.id) !== holding)) throw lost();
      // no moment goes by between this and the answer: without an answer nothing is sent
      for (const holding of holdings) {
        holding.armedAt = clock.now();
        this.#limit(holding, leaseMs.write);
      }
      const leases = holdings.map(({ lease }) => {
        const { unserialised } = lease;
        return { left: Math.min(lease.remainingMs(), this.#writeMs()), unserialised };
      });
      this.#answer({ op: 'armed', id, leases });
    } catch (error) {
      this.#port.send(refusal(id, error));
    }
  }

  #release(id: number, fate: Fate): void {
    const holding = this.#held.get(id);
    if (holding === undefined) return;
    this.#held.delete(id);
    holding.cancelLimit();
    this.#options.lock.release(holding.lease, fate);
  }

  /**
   * A worker that is stopped or hangs does not keep others out without end. By its own clocks the lease is over before, so
   * it sends nothing when it comes back; one that is well ends its holdings long before, or arms them anew.
   */
  #limit(holding: Holding, ms: number): void {
    const { clock, log } = this.#options;
    holding.cancelLimit();
    holding.cancelLimit = clock.after(ms, () => {
      const armed = holding.armedAt !== undefined;
      log.warn(
        { key: holding.lease.key, armed },
        'a lock ran out: its worker, or this process, was stopped or hung',
      );
      this.#release(holding.id, armed ? OVER : KNOWN);
    });
  }

  /** How long after it was armed a write can be under way: connecting, answering, being applied without an answer. */
  #writeMs(): number {
    const { connect, write, uncertainty } = this.#options.timeouts;
    return connect + write + uncertainty;
  }

  /** Of a holding whose worker cannot tell. */
  #fateOf({ armedAt }: Holding): Fate {
    if (armedAt === undefined) return KNOWN;
    const { clock, timeouts } = this.#options;
    const rest = armedAt + this.#writeMs() - clock.now();
    return { kind: 'unknown', quarantineMs: Math.max(timeouts.uncertainty, rest) };
  }

  #answer(answer: Exclude<LockAnswer, { op: 'refused' }>): void {
    this.#port.send(answer);
  }
}
