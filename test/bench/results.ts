// Everything that a run has measured, and what it means against the targets.

import type { CaseName, PeerName } from './cases.ts';
import { costRatioOf, disturbed, median, type Ratio, ratioOf } from './numbers.ts';
import type { Paced } from './paced.ts';
import { DISTURBED, type Round, SLOW } from './rounds.ts';
import type { Series } from './series.ts';

export type CaseResults = ReadonlyMap<PeerName, readonly Round[]>;

/** One round at a constant rate. */
export interface PacedRound {
  readonly case: CaseName;
  readonly peer: PeerName;
  /** Or why it does not count. */
  readonly paced: Paced | { readonly void: string };
}

/** Of the rounds of one peer that count, the median of one number; NaN of none. */
export function medianOf(rounds: readonly PacedRound[], pick: (paced: Paced) => number): number {
  return median(rounds.flatMap(({ paced }) => ('void' in paced ? [] : [pick(paced)])));
}

export interface Results {
  readonly cases: ReadonlyMap<CaseName, CaseResults>;
  readonly series: readonly Series[];
  readonly paced: readonly PacedRound[];
}

export interface Verdict {
  readonly target: string;
  /** What was measured; undefined when it was not. */
  readonly found: string | undefined;
  /** The same by processor time; empty where that says nothing. */
  readonly byCost: string;
  /** The same without a line for each request; empty where it was not measured. */
  readonly unlogged: string;
  readonly held: boolean | undefined;
}

interface Measure {
  readonly case: CaseName;
  readonly peer: PeerName;
  readonly words: string;
}

interface RatioTarget {
  readonly ours: Measure;
  readonly theirs: Measure;
  readonly least: number;
}

function of(name: CaseName, peer: PeerName, words: string): Measure {
  return { case: name, peer, words };
}

const CONDITIONAL_PUT = of('conditional-put', 'ifmatch', 'conditional PUT');
const GET = of('get', 'ifmatch', 'GET');

const RATIOS: readonly RatioTarget[] = [
  {
    ours: CONDITIONAL_PUT,
    theirs: of('put', 'node-http-proxy', 'plain PUT through node-http-proxy'),
    least: 1,
  },
  {
    ours: CONDITIONAL_PUT,
    theirs: of('conditional-put', 'nginx-lua', 'conditional PUT through nginx with a Lua check'),
    least: 0.45,
  },
  { ours: GET, theirs: of('get', 'fastify-http-proxy', 'GET through @fastify/http-proxy'), least: 1.5 },
  { ours: of('not-modified', 'ifmatch', 'GET that ends in 304'), theirs: GET, least: 1 },
  { ours: of('failed', 'ifmatch', 'PUT that ends in 412'), theirs: CONDITIONAL_PUT, least: 1.5 },
  {
    ours: of('get-1m', 'ifmatch', 'GET of 1 MiB'),
    theirs: of('get-1m', 'fastify-http-proxy', 'the same through @fastify/http-proxy'),
    least: 0.9,
  },
  {
    ours: of('put-1m', 'ifmatch', 'PUT of 1 MiB'),
    theirs: of('put-1m', 'fastify-http-proxy', 'the same through @fastify/http-proxy'),
    least: 0.9,
  },
  // what can be reached on Node at all: see what the page says of limits
  {
    ours: CONDITIONAL_PUT,
    theirs: of('conditional-put', 'bare-node', 'HEAD and PUT by bare-node'),
    least: 1,
  },
  {
    ours: of('failed', 'ifmatch', 'PUT that ends in 412'),
    theirs: of('put', 'node-http-proxy', 'plain PUT through node-http-proxy'),
    least: 1,
  },
];

/** The case at a constant rate, the origin's case that it is compared with, and the most milliseconds between them. */
const DELAYS = [
  { ours: 'get', origin: 'get', words: 'GET', most: 1 },
  { ours: 'conditional-put', origin: 'put', words: 'conditional PUT', most: 2 },
] as const;

/** Requests a second at which delay is measured. */
export const PACE = 1_000;

export function judge(results: Results): Verdict[] {
  return [
    ...RATIOS.map((target) => judgeRatio(results, target)),
    ...DELAYS.map((target) => judgeDelay(results, target)),
  ];
}

function judgeRatio({ cases }: Results, { ours, theirs, least }: RatioTarget): Verdict {
  const rounds = ({ case: name, peer }: Measure, us: PeerName = 'ifmatch') =>
    cases.get(name)?.get(peer === 'ifmatch' ? us : peer) ?? [];
  const ratio = ratioOf(rounds(ours), rounds(theirs));
  const cost = costRatioOf(rounds(ours), rounds(theirs));
  const unlogged = ratioOf(rounds(ours, 'ifmatch-warn'), rounds(theirs, 'ifmatch-warn'));
  return {
    target: `${ours.words} at least ${least} of ${theirs.words}`,
    found: ratio === undefined ? undefined : sayRatio(ratio),
    byCost: cost === undefined ? '' : cost.median.toFixed(2),
    unlogged: unlogged === undefined ? '' : sayRatio(unlogged),
    held: ratio === undefined ? undefined : ratio.median >= least,
  };
}

export function sayRatio({ median: middle, least, most }: Ratio): string {
  return `${middle.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

function judgeDelay({ paced }: Results, { ours, origin, words, most }: (typeof DELAYS)[number]): Verdict {
  const p99 = (name: CaseName, peer: PeerName) =>
    medianOf(
      paced.filter((round) => round.case === name && round.peer === peer),
      (round) => round.p99,
    );
  const added = p99(ours, 'ifmatch') - p99(origin, 'origin');
  const unlogged = p99(ours, 'ifmatch-warn') - p99(origin, 'origin');
  const isThere = !Number.isNaN(added);
  return {
    target: `${words} at ${PACE} a second: p99 at most ${most} ms above the origin's own`,
    found: isThere ? `${added.toFixed(2)} ms` : undefined,
    byCost: '',
    unlogged: Number.isNaN(unlogged) ? '' : `${unlogged.toFixed(2)} ms`,
    held: isThere ? added <= most : undefined,
  };
}

/** A sentence about what else the machine did; undefined when nothing that matters. */
export function disturbance({ cases }: Results): string | undefined {
  const rounds = [...cases.values()].flatMap((peers) => [...peers.values()].flat());
  const those = disturbed(rounds, DISTURBED, SLOW);
  if (those.length === 0) return undefined;
  const most = Math.round(Math.max(...those.map(({ others }) => others)) * 100);
  const slowest = Math.max(...those.map(({ slowness }) => slowness)).toFixed(2);
  return `Disturbed: ${those.length} of ${rounds.length} rounds (other programs used up to ${most} % of the proxies' core, the machine was up to ${slowest} times as slow as at its best); measure again on an idle machine.`;
}

/** Why rounds were void, all over the run: what a benchmark of errors would look like. */
export function voids({ cases, series, paced }: Results): string[] {
  const ofCases = [...cases].flatMap(([name, peers]) =>
    [...peers].flatMap(([peer, rounds]) =>
      rounds.flatMap((round) => ('void' in round ? [`${name}, ${peer}: ${round.void}`] : [])),
    ),
  );
  const ofSeries = series.flatMap(({ title, unit, points }) =>
    points.flatMap(({ size, summary }) =>
      summary.voids.map((reason) => `${title}, ${size} ${unit}: ${reason}`),
    ),
  );
  const ofPaced = paced.flatMap(({ case: name, peer, paced: round }) =>
    'void' in round ? [`${name}, ${peer}, ${PACE} a second: ${round.void}`] : [],
  );
  return [...ofCases, ...ofSeries, ...ofPaced];
}
