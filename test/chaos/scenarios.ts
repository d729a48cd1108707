// What is tried: each scenario with the protocol as it is, and with the one rule turned off that it is about.

import { engineLinks, kills, memoryLosses, originCuts, pauses } from './faults.ts';
import type { Budget, Scenario } from './scenario.ts';

const BUDGET: Budget = { connect: 200, write: 300, uncertainty: 1000 };
/** A gateway waits for all that its origin does, so that a crash hits writes of any age. */
const LONG_BUDGET: Budget = { connect: 200, write: 3300, uncertainty: 700 };
/** Long enough for the waiters of a lock that was lost to find that out. */
const FAILOVER_BUDGET: Budget = { connect: 200, write: 1300, uncertainty: 900 };
/** Between two losses of memory: longer than the guard. */
const LATER = [7000, 9000] as const;
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
  anywhere: false,
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
    anywhere: true,
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
    connections: 1,
    usual: [30, 100],
    faults: [pauses(1, [200, 400], [2400, 2800])],
    requires: ['pause'],
    seconds: { quick: 4, usual: 30 },
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
    slow: [2300, 3200],
    slowShare: 0.3,
    least: 60,
    faults: [kills([100, 500])],
    requires: ['kill'],
    seconds: { quick: 3, usual: 30 },
    controls: ['R4'],
  },
  {
    ...PLAIN,
    name: 'flush',
    slow: [100, 280],
    slowShare: 0.3,
    faults: [memoryLosses(['flush'], [700, 1000], LATER)],
    requires: ['flush'],
    seconds: { quick: 6, usual: 30 },
    controls: ['R5'],
  },
  {
    ...PLAIN,
    name: 'restart',
    slow: [100, 280],
    slowShare: 0.3,
    faults: [memoryLosses(['restart'], [700, 1000], LATER)],
    requires: ['restart'],
    seconds: { quick: 0, usual: 30 },
    controls: ['R5'],
  },
  {
    ...PLAIN,
    name: 'failover',
    engine: 'replicated',
    guard: '3700ms',
    clients: 32,
    keys: 16,
    budget: FAILOVER_BUDGET,
    slow: [700, 1400],
    slowShare: 0.5,
    least: 60,
    faults: [memoryLosses(['failover'], [700, 1000], LATER)],
    requires: ['failover'],
    seconds: { quick: 6, usual: 40 },
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
    memoryLosses(['flush', 'restart', 'failover'], [4000, 7000], [9000, 14_000]),
    engineLinks('cut', [1000, 4000], [50, 800]),
    engineLinks('blackhole', [1000, 4000], [200, 1800]),
    originCuts([1000, 3000]),
  ],
  requires: ['pause', 'kill', 'flush', 'restart', 'failover', 'cut', 'blackhole', 'slow', 'give-up'],
  seconds: { quick: 0, usual: 60 },
  controls: ['all'],
};
