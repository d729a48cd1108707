// Many rounds to few numbers: medians, and ratios within a round.

import type { Measured, Round } from './rounds.ts';

/** Of the rounds that count. */
export interface Summary {
  /** Medians. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly busy: number;
  readonly cost: number;
  /** The slowest and the fastest round. */
  readonly slowest: number;
  readonly fastest: number;
  /** Why rounds do not count. */
  readonly voids: readonly string[];
}

export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** Numbers are NaN when no round counts. */
export function summarize(rounds: readonly Round[]): Summary {
  const counted = rounds.filter(counts);
  const rates = counted.map(({ rate }) => rate);
  return {
    rate: median(rates),
    p50: median(counted.map(({ load }) => load.p50)),
    p99: median(counted.map(({ load }) => load.p99)),
    busy: median(counted.map(({ busy }) => busy)),
    cost: median(counted.map(({ cost }) => cost)),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    voids: rounds.flatMap((round) => ('void' in round ? [round.void] : [])),
  };
}

/** The rate of `ours` against `theirs`, round by round; rounds that do not count leave out their partner. */
export function ratioOf(ours: readonly Round[], theirs: readonly Round[]): Ratio | undefined {
  return ratioOfAll(pairs(ours, theirs).map(([one, other]) => one.rate / other.rate));
}

/**
 * The same by processor time: how many requests `ours` answers in the time in which `theirs` answers one. It does not
 * depend on how much of the core others left, nor on whether origin and load kept up.
 */
export function costRatioOf(ours: readonly Round[], theirs: readonly Round[]): Ratio | undefined {
  return ratioOfAll(pairs(ours, theirs).map(([one, other]) => other.cost / one.cost));
}

function pairs(ours: readonly Round[], theirs: readonly Round[]): [Measured, Measured][] {
  return ours.flatMap((round, index) => {
    const other = theirs[index];
    return other !== undefined && counts(round) && counts(other) ? [[round, other]] : [];
  });
}

/** Of all rounds that count, those in which others used more than `share` of the core, or the machine was as slow as `slow`. */
export function disturbed(rounds: readonly Round[], share: number, slow: number): Measured[] {
  return rounds.filter(counts).filter(({ others, slowness }) => others > share || slowness >= slow);
}

export function ratioOfAll(ratios: readonly number[]): Ratio | undefined {
  if (ratios.length === 0) return undefined;
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

function counts(round: Round): round is Measured {
  return 'rate' in round;
}
