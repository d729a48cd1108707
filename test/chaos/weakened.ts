// The protocol with one of its rules turned off, mostly by a thin layer over the real lock: what must then go wrong shows that
// a run would have found it.

import { Socket } from 'node:net';
import type { CancelSignal } from '../../src/cancel-signal.ts';
import type { Config } from '../../src/config/config.ts';
import type { AcquireOptions, EngineState, Fate, Lease, Lock, LockState } from '../../src/lock/lock.ts';
import type { LockLog } from '../../src/lock/lock-log.ts';
import { LockRecord } from '../../src/lock/lock-record.ts';
import { openLock } from '../../src/lock/open-lock.ts';
import { noLock } from '../fixtures/no-lock.ts';

/**
 * short: nothing is weak but the length of the leases, which are renewed: pauses outlast them without outlasting the
 * deadlines of the write as well. It must hold; the others must not.
 * off: nobody is kept out. apart: each process has a lock of its own.
 * R1: short leases, and what is left of them is not looked at as the write leaves. R2: a write whose fate is unknown frees its key at
 * once. R3: a client that goes away frees the key of its write under way. R4: the lease is short and renewed, so that it
 * does not outlive a write of a process that died. R5: no guard after the engine lost its memory.
 * all: R1 to R5 at once, an ordinary renewed lease. late: nothing is wrong with the lock; but a connection that is given up is
 * closed, not reset, and the kernel goes on delivering what it has of it.
 */
export const WEAKNESSES = ['short', 'off', 'apart', 'R1', 'R2', 'R3', 'R4', 'R5', 'all', 'late'] as const;
export type Weakness = (typeof WEAKNESSES)[number];

/** Whether its run must show breaks. */
export function mustBreak(weakness: Weakness | undefined): boolean {
  return weakness !== undefined && weakness !== 'short';
}

export function isWeakness(name: string): name is Weakness {
  return WEAKNESSES.some((weakness) => weakness === name);
}

export async function openWeakened(weakness: Weakness, config: Config, log: LockLog): Promise<Lock> {
  const open = (from: Config) => openLock(from, log, new LockRecord());
  switch (weakness) {
    case 'off':
      return noLock();
    case 'apart':
    case 'R5': // by the configuration alone
    case 'late': // by closeOnly()
      return open(config);
    case 'short':
      return open(shortLived(config, shortLease(config)));
    case 'R1':
      return new BoastfulLock(await open(shortLived(config, shortLease(config))));
    case 'R2':
      return new ForgetfulLock(await open(config));
    case 'R3':
      return new FickleLock(await open(config));
    case 'R4':
      return new BoastfulLock(await open(shortLived(config, SHORTEST)));
    case 'all':
      return new BoastfulLock(new ForgetfulLock(new FickleLock(await open(shortLived(config, SHORTEST)))));
  }
}

/** No connection of this process is reset any more. */
export function closeOnly(): void {
  Socket.prototype.resetAndDestroy = function (this: Socket) {
    return this.destroy();
  };
}

/** What is counted off a lease at each of its ends; MARGIN of redis-lease.ts. Milliseconds. */
const MARGIN = 500;
/** The shortest lease that can be configured. */
const SHORTEST = 2 * MARGIN + 3;
/** How long a write may wait, after its lease was armed, before it leaves. */
const START = 300;

/** Just long enough for a write that is sent soon. */
function shortLease({ origin }: Config): number {
  return origin.timeouts.write + origin.timeouts.uncertainty + MARGIN + START;
}

/**
 * Leases are computed from these times; not from `connect`, which a check has to wait for as well. One is renewed while its
 * process lives, and ends `leaseMs` after it.
 */
function shortLived(config: Config, leaseMs: number): Config {
  const write = leaseMs - 2 * MARGIN - 2;
  const timeouts = { ...config.origin.timeouts, connect: 1, probe: 1, write, uncertainty: 1 };
  return { ...config, origin: { ...config.origin, timeouts } };
}

/** Passes everything on. */
class PassingLock implements Lock {
  protected readonly real: Lock;

  constructor(real: Lock) {
    this.real = real;
  }

  acquire(key: string, options: AcquireOptions): Promise<Lease> {
    return this.real.acquire(key, options);
  }

  arm(leases: readonly Lease[]): Promise<void> {
    return this.real.arm(leases);
  }

  release(lease: Lease, fate: Fate): void {
    this.real.release(lease, fate);
  }

  state(): LockState {
    return this.real.state();
  }

  engine(): EngineState {
    return this.real.engine();
  }

  stop(): Promise<void> {
    return this.real.stop();
  }
}

/** A lease that says it will last for ever. */
class BoastfulLease implements Lease {
  readonly real: Lease;

  constructor(real: Lease) {
    this.real = real;
  }

  get key(): string {
    return this.real.key;
  }

  get fence(): string | undefined {
    return this.real.fence;
  }

  get unserialised(): boolean {
    return this.real.unserialised;
  }

  remainingMs(): number {
    return Number.POSITIVE_INFINITY;
  }
}

/** Proves when it is armed that the lease is held, and never looks again. */
export class BoastfulLock extends PassingLock {
  override async acquire(key: string, options: AcquireOptions): Promise<Lease> {
    return new BoastfulLease(await this.real.acquire(key, options));
  }

  override arm(leases: readonly Lease[]): Promise<void> {
    return this.real.arm(leases.map(realOf));
  }

  override release(lease: Lease, fate: Fate): void {
    this.real.release(realOf(lease), fate);
  }
}

function realOf(lease: Lease): Lease {
  return lease instanceof BoastfulLease ? lease.real : lease;
}

/** Takes a write that nobody answered for one that did not happen. */
export class ForgetfulLock extends PassingLock {
  override release(lease: Lease, _fate: Fate): void {
    this.real.release(lease, { kind: 'known' });
  }
}

/** Lets go of a key when its client does, although the write is under way. */
export class FickleLock extends PassingLock {
  readonly #clients = new Map<Lease, CancelSignal>();

  override async acquire(key: string, options: AcquireOptions): Promise<Lease> {
    const lease = await this.real.acquire(key, options);
    this.#clients.set(lease, options.signal);
    return lease;
  }

  override async arm(leases: readonly Lease[]): Promise<void> {
    await this.real.arm(leases);
    for (const lease of leases) {
      const letGo = () => this.real.release(lease, { kind: 'known' });
      this.#clients.get(lease)?.addEventListener('abort', letGo);
    }
  }

  override release(lease: Lease, fate: Fate): void {
    this.#clients.delete(lease);
    this.real.release(lease, fate);
  }
}
