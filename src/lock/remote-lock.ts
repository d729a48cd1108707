// The lock as a worker has it: each request for it goes to the process that keeps it for all of them.

import { GatewayError } from '../errors.ts';
import { type Clock, momentOf, processClock } from './clock.ts';
import type { AcquireOptions, EngineState, Fate, Lease, Lock, LockState } from './lock.ts';
import { type LockAnswer, type LockRequest, readAnswer } from './lock-message.ts';
import type { Port } from './port.ts';
import { clientGone, lost, shuttingDown, unavailable } from './refusals.ts';
import { RemoteLease } from './remote-lease.ts';

export interface RemoteLockOptions {
  readonly port: Port;
  /** What is behind the lock there. */
  readonly engine: EngineState['engine'];
  readonly clock?: Clock;
}

/** How long an answer that needs no waiting may take, milliseconds: only a process that is stopped or broken takes longer. */
const PATIENCE = 5_000;
/** How often leases are looked at that may need renewal, milliseconds. */
const RENEW = 500;

/** Ends one question: with its answer, or with what to refuse it with. */
type Settle = (outcome: LockAnswer | GatewayError) => void;

/**
 * Once the other process is gone, nothing is granted or armed any more and every lease is lost: what has been sent can
 * only be waited for.
 */
export class RemoteLock implements Lock {
  readonly #port: Port;
  readonly #engine: EngineState['engine'];
  readonly #clock: Clock;
  readonly #asked = new Map<number, Settle>();
  readonly #waiting = new Set<number>();
  readonly #held = new Set<RemoteLease>();
  #lastId = 0;
  #renewing = false;
  #stopped = false;
  #gone = false;

  constructor({ port, engine, clock = processClock }: RemoteLockOptions) {
    this.#port = port;
    this.#engine = engine;
    this.#clock = clock;
    port.onMessage((message) => this.#take(message));
    port.onGone(() => this.#lose());
  }

  async acquire(key: string, { waitMs, signal }: AcquireOptions): Promise<Lease> {
    if (this.#stopped) throw shuttingDown();
    if (signal.aborted) throw clientGone();
    const id = this.#nextId();
    const leave = (): void => this.#giveUp(id, clientGone());
    signal.addEventListener('abort', leave);
    this.#waiting.add(id);
    try {
      const from = momentOf(this.#clock);
      const answer = await this.#ask({ op: 'acquire', id, key, waitMs }, waitMs + PATIENCE);
      if (answer.op !== 'granted') throw unavailable();
      const { left, waitedMs, fence, unserialised } = answer;
      const lease = new RemoteLease({ key, id, fence, unserialised, clock: this.#clock });
      lease.lasts(from, left + waitedMs);
      if (this.#gone) lease.lose();
      this.#held.add(lease);
      return lease;
    } finally {
      this.#waiting.delete(id);
      signal.removeEventListener('abort', leave);
    }
  }

  async arm(leases: readonly Lease[]): Promise<void> {
    const mine = leases.filter((lease) => lease instanceof RemoteLease);
    if (mine.length < leases.length || mine.some((lease) => !this.#held.has(lease))) throw lost();
    await this.#arm(mine);
    if (!this.#renewing) this.#renewLater();
  }

  release(lease: Lease, fate: Fate): void {
    if (!(lease instanceof RemoteLease) || !this.#held.delete(lease)) return;
    lease.lose();
    this.#send({ op: 'release', id: lease.id, fate });
  }

  /** What this process holds and waits for. Quarantines outlive it, so they are counted where the lock is. */
  state(): LockState {
    return { held: this.#held.size, waiting: this.#waiting.size, quarantined: 0 };
  }

  engine(): EngineState {
    return { engine: this.#engine, up: !this.#gone, guardMs: 0 };
  }

  /** Resolves when the other process has done all that it was told, or is not there to do it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const id of this.#waiting) this.#giveUp(id, shuttingDown());
    try {
      await this.#ask({ op: 'stop', id: this.#nextId() }, PATIENCE);
    } catch {
      // it knows how to end what a worker leaves behind
    }
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #send(request: LockRequest): void {
    this.#port.send(request);
  }

  /** Rejects with what it was refused with, and with `lock-engine-unavailable` when there is no answer in time. */
  async #ask(request: LockRequest, patienceMs: number): Promise<LockAnswer> {
    if (this.#gone) throw unavailable();
    const { id } = request;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(patienceMs, () => this.#giveUp(id, unavailable()));
      this.#asked.set(id, (outcome) => {
        this.#asked.delete(id);
        cancel();
        if (outcome instanceof GatewayError) reject(outcome);
        else resolve(outcome);
      });
      this.#send(request);
    });
  }

  /** The other side ends it, whether it still waits there or its grant is on the way. */
  #giveUp(id: number, error: GatewayError): void {
    const settle = this.#asked.get(id);
    if (settle === undefined) return;
    settle(error);
    this.#send({ op: 'abort', id });
  }

  /** An answer that cannot be read is none: its question ends in time. */
  #take(message: unknown): void {
    const answer = readAnswer(message);
    if (answer === undefined) return;
    this.#asked.get(answer.id)?.(answer.op === 'refused' ? answer.error : answer);
  }

  async #arm(leases: readonly RemoteLease[]): Promise<void> {
    const from = momentOf(this.#clock);
    const request = { op: 'arm', id: this.#nextId(), leases: leases.map(({ id }) => id) } as const;
    const answer = await this.#ask(request, PATIENCE);
    if (answer.op !== 'armed' || answer.leases.length !== leases.length) throw unavailable();
    for (const [at, lease] of leases.entries()) {
      const { left = 0, unserialised = true } = answer.leases[at] ?? {};
      lease.unserialised = unserialised;
      lease.armed(from, left);
    }
  }

  #renewLater(): void {
    this.#renewing = this.#held.size > 0;
    if (!this.#renewing) return;
    this.#clock.after(RENEW, () => {
      for (const lease of this.#held) if (lease.needsRenewal) void this.#renew(lease);
      this.#renewLater();
    });
  }

  /** Failing to renew is no loss: the lease goes on until its end, and only the lock's no ends it before. */
  async #renew(lease: RemoteLease): Promise<void> {
    try {
      await this.#arm([lease]);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'lock-lost-before-send') lease.lose();
    }
  }

  #lose(): void {
    this.#gone = true;
    for (const settle of [...this.#asked.values()]) settle(unavailable());
    for (const lease of this.#held) lease.lose();
  }
}
