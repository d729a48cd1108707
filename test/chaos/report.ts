// The table of a run: what was done, what broke, and what that says.

import type { Injected } from './invariants.ts';
import type { Judged } from './judge.ts';
import { mustBreak, type Weakness } from './weakened.ts';

export interface Row extends Judged {
  readonly scenario: string;
  /** How the lock was changed; undefined: not at all. */
  readonly weakness: Weakness | undefined;
  readonly gateways: number;
  readonly seconds: number;
}

const HEAD = [
  'scenario',
  'lock',
  'gateways',
  's',
  'applied',
  'acknowledged',
  'ambiguous',
  'faults (of which while writing)',
  'breaks',
  'at most',
  'I2-I4, I6',
  'I5',
  'verdict',
];

/** Each word with how often it is there. */
export function tally(words: readonly string[]): string {
  return [...Map.groupBy(words, (word) => word)].map(([word, { length }]) => `${word} ${length}`).join(', ');
}

/** Rows of text, columns in line. */
export function table(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  const [head = [], ...body] = cells;
  return [line(head), rule, ...body.map(line)].join('\n');
}

function cellsOf(row: Row): string[] {
  const control = mustBreak(row.weakness);
  const breaks = control ? `${row.breaks}, ${row.explained} by it` : `${row.breaks}`;
  return [
    row.scenario,
    lockName(row.weakness),
    String(row.gateways),
    row.seconds.toFixed(1),
    String(row.applied),
    String(row.acknowledged),
    String(row.ambiguous),
    faultsOf(row.injected),
    breaks,
    control ? '' : upperBound(row.breaks, row.applied),
    control ? '' : String(row.violations.length),
    control ? '' : row.stuck.length === 0 ? 'ok' : row.stuck.join(' '),
    row.why === '' ? row.verdict : `${row.verdict}: ${row.why}`,
  ];
}

function lockName(weakness: Weakness | undefined): string {
  switch (weakness) {
    case undefined:
      return 'protocol';
    case 'short':
      return 'protocol, short';
    case 'off':
      return 'none';
    case 'apart':
      return 'in each process';
    case 'all':
      return 'without R1-R5';
    case 'late':
      return 'protocol, no reset';
    default:
      return `without ${weakness}`;
  }
}

function faultsOf(injected: readonly Injected[]): string {
  return injected.map(({ kind, count, hits }) => `${kind} ${count} (${hits})`).join(', ');
}

/** The share of breaks that is compatible with having seen none in n writes, at 95 %: the rule of three. */
export function upperBound(breaks: number, applied: number): string {
  return breaks > 0 || applied === 0 ? '' : (3 / applied).toExponential(1);
}
