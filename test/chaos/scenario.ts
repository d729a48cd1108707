// What one scenario is made of, and how long its locks may last.

import type { Injector, Range } from './faults.ts';
import type { FaultKind } from './history.ts';
import type { Weakness } from './weakened.ts';

/** Milliseconds, as in the configuration. */
export interface Budget {
  readonly connect: number;
  readonly write: number;
  readonly uncertainty: number;
}

export interface Scenario {
  readonly name: string;
  readonly gateways: number;
  readonly clients: number;
  readonly keys: number;
  /** How many of the clients go away after IMPATIENCE. */
  readonly impatient: number;
  readonly engine: 'memory' | 'redis' | 'replicated';
  readonly budget: Budget;
  /** lock.guard in the file. */
  readonly guard: string;
  /** origin.connections: fewer than writers make writes wait between arm and their first byte. */
  readonly connections: number;
  readonly probe: Range;
  readonly usual: Range;
  readonly slow: Range;
  readonly slowShare: number;
  /** Octets of a write, more than a gateway keeps; the origin takes its time before it reads them. 0: as many as it takes. */
  readonly content: number;
  readonly faults: readonly Injector[];
  /** Pauses may hit running code, too: with one gateway nobody can write meanwhile. */
  readonly anywhere: boolean;
  /** Links between the gateways and the origin are there to be cut. */
  readonly originLinks: boolean;
  /** Each of these must have befallen a write, or the run says nothing. */
  readonly requires: readonly FaultKind[];
  /** Fewer applied writes in each second of faults say nothing; the guard's time counts, too. */
  readonly rate: number;
  /** How long faults go on, seconds; quick 0: not in the quick run. */
  readonly seconds: { readonly quick: number; readonly usual: number };
  /** What must hold: the protocol as it is, or on short leases. */
  readonly protocol: 'short' | undefined;
  /** Which rules it shows the need of. */
  readonly controls: readonly Weakness[];
}

/** How long an impatient client waits, milliseconds. */
export const IMPATIENCE = 150;
/** How much earlier than W + U the origin gives up: what a request needs on its way there on a busy machine. Milliseconds. */
export const TRANSPORT = 700;

/** What lock.ts counts off a lease twice. */
const MARGIN = 500;
/** What lock.guard auto adds to a lease with a Redis alone. */
const GUARD_SLACK = 2_000;
/** For a machine that is busy to come round to everybody. */
const PATIENCE = 3_000;

/** A lease from arm on. Milliseconds. */
export function leaseOf({ connect, write, uncertainty }: Budget): number {
  return connect + write + uncertainty + 2 * MARGIN;
}

/**
 * Milliseconds after which everybody must have got on when nothing is done to them any more: L + U, and the guard's time
 * where Redis may have lost its memory just before.
 */
export function allowedWait({ budget, guard, requires }: Scenario): number {
  const lease = leaseOf(budget);
  const guardMs = guard === 'auto' ? lease + GUARD_SLACK : Number.parseInt(guard, 10);
  const forgets = requires.some((kind) => kind === 'flush' || kind === 'restart' || kind === 'failover');
  return lease + budget.uncertainty + (forgets ? guardMs : 0) + PATIENCE;
}
