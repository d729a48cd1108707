// One writer per resource: the contract every engine keeps, and the only place that releases.
import type { CancelSignal } from '../cancel-signal.ts';
import { type Clock, processClock } from './clock.ts';

/** One holding of a resource key. Its engine alone knows what is behind it. */
export interface Lease {
  readonly key: string;
  /**
   * Milliseconds for which the key is certainly this holder's, whatever becomes of the engine and of this process;
   * Infinity where no time ends it, 0 when it is lost.
   */
  remainingMs(): number;
  /** Grows with every grant of an engine that is shared: for the log, and for origins that compare it. */
  readonly fence: string | undefined;
  /** The engine could not be asked, so other processes are not kept out (`lock.down`: local or open). */
  readonly unserialised: boolean;
}

/** What became of the origin's side of an exchange, and with it of the lease. */
export type Fate =
  /** The origin has answered, or never got the request: the next writer may come. */
  | { readonly kind: 'known' }
  /** The origin may still be applying the write: the key stays locked for `quarantineMs`. */
  | { readonly kind: 'unknown'; readonly quarantineMs: number };

/** What a holder returns: a value for the client at once, and the moment the origin's side has settled. */
export interface Held<T> {
  readonly value: T;
  /** Never rejects. The lease ends with it, whatever the client does. */
  readonly settled: Promise<Fate>;
}

export interface AcquireOptions {
  /** Longest wait for the lock, in milliseconds. */
  readonly waitMs: number;
  /** Gives up waiting, for a client that has gone. */
  readonly signal: CancelSignal;
}

/** Sizes as they are now, in this process; all of them are zero when nothing is going on. */
export interface LockState {
  /** Keys whose holder is at work. */
  readonly held: number;
  /** Requests that wait, over all keys. */
  readonly waiting: number;
  /** Keys without a holder that stay locked because a write's fate is unknown. */
  readonly quarantined: number;
}

/** How the engine itself is. */
export interface EngineState {
  readonly engine: 'memory' | 'redis';
  /** It can be asked. When it cannot, writes get 503, or what `lock.down` says instead. */
  readonly up: boolean;
  /** Milliseconds for which it grants nothing yet, because it has lost its memory; 0 otherwise. */
  readonly guardMs: number;
}

/** One writer per resource key; waiters are served in the order they came. */
export interface Lock {
  /**
   * Rejects with GatewayError: `lock-timeout`, `lock-queue-full`, `client-gone` when the signal has fired or fires,
   * `shutting-down` after `stop`; of engines that are shared also `lock-engine-unavailable` and `lock-engine-guard`.
   */
  acquire(key: string, options: AcquireOptions): Promise<Lease>;
  /**
   * Right before a write is sent, or the last of it: proves that all leases are held now, and makes them outlive the
   * whole write, whatever becomes of this process. Rejects with GatewayError `lock-lost-before-send` when one is not
   * held any more, or `lock-engine-unavailable`.
   */
  arm(leases: readonly Lease[]): Promise<void>;
  /** Ends a holding. A lease that holds nothing, or no longer does, is ignored. */
  release(lease: Lease, fate: Fate): void;
  state(): LockState;
  engine(): EngineState;
  /**
   * Drops every timer; waiters are refused with `shutting-down`. Holders may still finish and release. Resolves when
   * nothing is left to be said to the engine.
   */
  stop(): Promise<void>;
}

const KNOWN: Fate = { kind: 'known' };

/**
 * Runs `run` while holding all `keys` and returns its value as soon as there is one; the leases themselves go on until
 * `settled`, so that a client that reads slowly or goes away neither frees nor holds a key. A `run` that rejects says that
 * nothing is under way at the origin: once a write may have been sent, it must resolve.
 *
 * A write to several resources (MOVE and COPY, RFC 4918 9.8 and 9.9) holds more than one key: everybody takes them in one
 * order, so that no two wait for each other. `keys` is not empty, sorted, and without repetition. The wait is one for all
 * of them: whoever waits for the last one keeps others from the first.
 */
export async function withLeases<T>(
  lock: Lock,
  keys: readonly string[],
  options: AcquireOptions,
  run: (leases: readonly Lease[]) => Promise<Held<T>>,
  clock: Clock = processClock,
): Promise<T> {
  const leases: Lease[] = [];
  let settled: Promise<Fate> = Promise.resolve(KNOWN);
  const began = clock.now();
  const rest = (): AcquireOptions => {
    const waitMs = Math.max(0, Math.ceil(options.waitMs - (clock.now() - began)));
    return { ...options, waitMs };
  };
  try {
    for (const key of keys) leases.push(await lock.acquire(key, leases.length === 0 ? options : rest()));
    const held = await run(leases);
    settled = held.settled;
    return held.value;
  } finally {
    settled.then((fate) => {
      for (const lease of leases) lock.release(lease, fate);
    });
  }
}
