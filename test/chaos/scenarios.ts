// What is tried: each scenario with the protocol as it is, and with the one rule turned off that it is about.

import type { Injector, Range } from './faults.ts';
import { engineLinks, kills, memoryLosses, originCuts, pauses } from './faults.ts';
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
  readonly faults: readonly Injector[];
  /** Links between the gateways and the origin are there to be cut. */
  readonly originLinks: boolean;
  /** Each of these must have befallen a write, or the run says nothing. */
  readonly requires: readonly FaultKind[];
  /** Fewer applied writes say nothing. */
  readonly least: number;
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

const BUDGET: Budget = { connect: 200, write: 300, uncertainty: 1000 };
/** A gateway waits for all that its origin does, so that a crash hits writes of any age. */
const LONG_BUDGET: Budget = { connect: 200, write: 1800, uncertainty: 900 };
/** Longer to connect than any pause: no other deadline gives a write up before its lease is looked at. */
const PATIENT_BUDGET: Budget = { connect: 5000, write: 300, uncertainty: 1000 };

const PLAIN: Scenario = {
  name: 'race',
  gateways: 3,
  clients: 24,
  keys: 8,
  impatient: 0,
  engine: 'redis',
  budget: BUDGET,
  guard: 'auto',
  connections: 64,
  probe: [1, 8],
  usual: [1, 25],
  slow: [0, 0],
  slowShare: 0,
  faults: [],
  originLinks: false,
  requires: [],
  least: 100,
  seconds: { quick: 2, usual: 15 },
  protocol: undefined,
  controls: ['off', 'apart'],
};

const SLOW = { slow: [320, 560] as const, slowShare: 0.12 };

export const SCENARIOS: readonly Scenario[] = [
  PLAIN,
  {
    ...PLAIN,
    ...SLOW,
    name: 'memory',
    gateways: 1,
    engine: 'memory',
    impatient: 8,
    faults: [pauses(1, [300, 800], [400, 1200])],
    requires: ['pause', 'slow', 'give-up'],
    seconds: { quick: 3, usual: 15 },
    controls: [],
  },
  {
    ...PLAIN,
    name: 'pause',
    clients: 48,
    keys: 20,
    connections: 2,
    usual: [30, 100],
    faults: [pauses(2, [100, 600], [2800, 3300])],
    requires: ['pause'],
    seconds: { quick: 0, usual: 30 },
    controls: [],
  },
  {
    ...PLAIN,
    name: 'short-lease',
    gateways: 4,
    clients: 48,
    keys: 20,
    budget: PATIENT_BUDGET,
    connections: 2,
    usual: [30, 100],
    faults: [pauses(1, [200, 400], [2400, 2800])],
    requires: ['pause'],
    seconds: { quick: 5, usual: 30 },
    protocol: 'short',
    controls: ['R1'],
  },
  {
    ...PLAIN,
    ...SLOW,
    name: 'slow',
    requires: ['slow'],
    seconds: { quick: 3, usual: 15 },
    controls: ['R2'],
  },
  {
    ...PLAIN,
    name: 'impatient',
    impatient: 16,
    slow: [100, 280],
    slowShare: 0.3,
    requires: ['give-up'],
    seconds: { quick: 3, usual: 15 },
    controls: ['R3'],
  },
  {
    ...PLAIN,
    name: 'kill',
    clients: 30,
    keys: 24,
    budget: LONG_BUDGET,
    slow: [800, 1800],
    slowShare: 0.4,
    faults: [kills([100, 500])],
    requires: ['kill'],
    seconds: { quick: 4, usual: 30 },
    controls: ['R4'],
  },
  {
    ...PLAIN,
    name: 'flush',
    slow: [100, 280],
    slowShare: 0.3,
    faults: [memoryLosses(['flush'], [800, 1200])],
    requires: ['flush'],
    seconds: { quick: 3, usual: 30 },
    controls: ['R5'],
  },
  {
    ...PLAIN,
    name: 'restart',
    slow: [100, 280],
    slowShare: 0.3,
    faults: [memoryLosses(['restart'], [800, 1200])],
    requires: ['restart'],
    seconds: { quick: 0, usual: 30 },
    controls: ['R5'],
  },
  {
    ...PLAIN,
    name: 'failover',
    engine: 'replicated',
    guard: '3000ms',
    clients: 32,
    keys: 16,
    slow: [100, 280],
    slowShare: 0.6,
    faults: [memoryLosses(['failover'], [800, 1200])],
    requires: ['failover'],
    seconds: { quick: 4, usual: 40 },
    controls: ['R5'],
  },
  {
    ...PLAIN,
    ...SLOW,
    name: 'network',
    originLinks: true,
    faults: [
      engineLinks('cut', [100, 600], [50, 800]),
      engineLinks('blackhole', [100, 600], [200, 1800]),
      originCuts([200, 600]),
    ],
    requires: ['cut', 'blackhole', 'origin-cut'],
    seconds: { quick: 4, usual: 30 },
    controls: [],
  },
];

/** Everything at once; the guard's time is the rule after each loss of memory, so these come seldom. */
export const EVERYTHING: Scenario = {
  ...PLAIN,
  name: 'everything',
  clients: 48,
  keys: 32,
  impatient: 12,
  engine: 'replicated',
  guard: '3000ms',
  connections: 8,
  slow: [100, 560],
  slowShare: 0.12,
  originLinks: true,
  faults: [
    pauses(2, [500, 2500], [2700, 3300]),
    kills([1500, 4000]),
    memoryLosses(['flush', 'restart', 'failover'], [7000, 12_000]),
    engineLinks('cut', [1000, 4000], [50, 800]),
    engineLinks('blackhole', [1000, 4000], [200, 1800]),
    originCuts([1000, 3000]),
  ],
  requires: ['pause', 'kill', 'slow', 'give-up'],
  seconds: { quick: 0, usual: 60 },
  controls: ['all'],
};

/** A lease from arm on. Milliseconds. */
export function leaseOf({ connect, write, uncertainty }: Budget): number {
  return connect + write + uncertainty + 2 * MARGIN;
}

/**
 * Milliseconds after which everybody must have got on when nothing is done to them any more: L + U, and the guard's time
 * where Redis may have lost its memory just before.
 */
export function allowedWait({ budget, guard, faults }: Scenario): number {
  const lease = leaseOf(budget);
  const guardMs = guard === 'auto' ? lease + GUARD_SLACK : Number.parseInt(guard, 10);
  return lease + budget.uncertainty + (faults.length === 0 ? 0 : guardMs) + PATIENCE;
}
