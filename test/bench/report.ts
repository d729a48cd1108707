// The report: tables for the terminal and for docs/performance.md, from the same rows.

import { findCase, type PeerName } from './cases.ts';
import { type Summary, summarize } from './numbers.ts';
import type { Paced } from './paced.ts';
import { disturbance, judge, medianOf, PACE, type PacedRound, type Results, voids } from './results.ts';
import type { Series } from './series.ts';

/** The first row is the heading. */
export type Table = readonly (readonly string[])[];

export interface Section {
  readonly title: string;
  readonly text?: string;
  readonly table: Table;
}

/** Below this share of its core a peer was not the limit: the origin, or the load, was. */
const SATURATED = 0.9;

/** All of a run, in order. */
export function sectionsOf(results: Results): Section[] {
  return [
    ...(results.cases.size > 0 ? [targetSection(results)] : []),
    ...[...results.cases].map(([name, peers]) => ({
      title: findCase(name).title,
      table: caseTable([...peers].map(([peer, rounds]) => [peer, summarize(rounds)])),
    })),
    ...(results.paced.length > 0
      ? [{ title: `Delay at ${PACE} requests a second`, table: pacedTable(results.paced) }]
      : []),
    ...results.series.map(seriesSection),
    ...voidSection(results),
  ];
}

function targetSection(results: Results): Section {
  const rows = judge(results).map(({ target, found, byCost, unlogged, held }) => [
    target,
    found ?? 'not measured',
    held === undefined ? '' : held ? 'held' : 'MISSED',
    byCost,
    unlogged,
  ]);
  const text = disturbance(results);
  const table = [['target', 'median (least to most)', '', 'by processor time', 'at log level warn'], ...rows];
  return { title: 'Targets', ...(text === undefined ? {} : { text }), table };
}

const MEASURES = ['requests/s', 'slowest to fastest', 'p50 ms', 'p99 ms', 'core used', 'µs of it a request'];

function measuresOf(summary: Summary): string[] {
  const { rate, slowest, fastest, p50, p99, busy, cost, voids: reasons } = summary;
  if (Number.isNaN(rate)) return ['void', '', '', '', '', ''];
  const marked = `${whole(rate)}${reasons.length > 0 ? ` (${reasons.length} void)` : ''}`;
  const core = `${Math.round(busy * 100)} %${busy < SATURATED ? ' *' : ''}`;
  return [
    marked,
    `${whole(slowest)} to ${whole(fastest)}`,
    p50.toFixed(2),
    p99.toFixed(2),
    core,
    whole(cost),
  ];
}

function caseTable(peers: readonly (readonly [PeerName, Summary])[]): Table {
  const ours = peers.find(([peer]) => peer === 'ifmatch')?.[1].rate ?? Number.NaN;
  const rows = peers.map(([peer, summary]) => {
    const share = ours / summary.rate;
    return [peer, ...measuresOf(summary), Number.isNaN(share) ? '' : share.toFixed(2)];
  });
  return [['', ...MEASURES, 'ifmatch / it'], ...rows];
}

function seriesSection({ title, unit, points }: Series): Section {
  const first = points[0]?.summary.rate ?? Number.NaN;
  const rows = points.map(({ size, summary }) => [
    String(size),
    ...measuresOf(summary),
    (summary.rate / first).toFixed(2),
  ]);
  return { title: `${title}: ${unit}`, table: [['', ...MEASURES, 'of the first'], ...rows] };
}

function pacedTable(rounds: readonly PacedRound[]): Table {
  const groups = new Map<string, PacedRound[]>();
  for (const round of rounds) {
    const name = `${round.case}, ${round.peer}`;
    groups.set(name, [...(groups.get(name) ?? []), round]);
  }
  const rows = [...groups].map(([name, of]) => {
    const middle = (pick: (paced: Paced) => number) => medianOf(of, pick).toFixed(2);
    return [
      name,
      middle(({ p50 }) => p50),
      middle(({ p99 }) => p99),
      middle(({ max }) => max),
      middle(({ late }) => late),
    ];
  });
  return [['', 'p50 ms', 'p99 ms', 'longest ms', 'sent late, p99 ms'], ...rows];
}

function voidSection(results: Results): Section[] {
  const reasons = voids(results);
  if (reasons.length === 0) return [];
  return [{ title: 'Void rounds', table: [['why'], ...reasons.map((reason) => [reason])] }];
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Columns aligned: words to the left, numbers to the right. */
export function asText({ title, text, table }: Section): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  const lines = table.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return [`\n${title}`, ...(text === undefined ? [] : [text]), ...lines].join('\n');
}

export function asMarkdown({ title, text, table }: Section): string {
  const [heading = [], ...rows] = table;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = heading.map((_, column) => (column === 0 ? '---' : '---:'));
  return [
    `### ${title}`,
    '',
    ...(text === undefined ? [] : [text, '']),
    line(heading),
    line(rule),
    ...rows.map(line),
    '',
  ].join('\n');
}
