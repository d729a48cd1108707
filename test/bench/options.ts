// What a run of the benchmark is asked for on its command line.

import { parseArgs } from 'node:util';
import { CASES, type CaseName, type PeerName } from './cases.ts';
import { DESCRIPTIONS } from './peers.ts';
import { LEAD_IN } from './rounds.ts';

/** What grows, and the delay at a constant rate: measured beside the cases. */
export const SERIES = ['connections', 'routes', 'tags', 'writers'] as const;
export type SeriesName = (typeof SERIES)[number];

export interface Options {
  readonly cases: readonly CaseName[];
  readonly series: readonly SeriesName[];
  readonly paced: boolean;
  readonly peers: readonly PeerName[];
  /** Rounds that count; a warm-up goes before them. */
  readonly rounds: number;
  /** Of one round, for one peer. */
  readonly seconds: number;
  /** Of one round at a constant rate: of too few requests, the slowest of a hundred are a single pause. */
  readonly pacedSeconds: number;
  readonly pacedRounds: number;
  /** Seconds of load before the rounds, for programs whose code is compiled while they run. */
  readonly warmUp: number;
  /** Seconds of it before each round, for the same. */
  readonly leadIn: number;
  /** Writes docs/performance.md and its picture. */
  readonly write: boolean;
  /** As it was typed, for the report. */
  readonly command: string;
}

export const USAGE = `npm run bench -- [--quick] [--only NAME,...] [--peers NAME,...] [--rounds N] [--seconds S] [--write]

  --quick    one round of a second: whether it runs, not how fast
  --only     ${[...CASES.map(({ name }) => name), ...SERIES, 'paced'].join(', ')}
  --peers    ${Object.keys(DESCRIPTIONS).join(', ')}
  --rounds   5 by default, --seconds 3; three rounds of 2 s take 45 minutes
  --write    writes docs/performance.md and docs/performance.svg
`;

/** Seconds; V8 compiles what is hot here within 8 to 12. */
export const WARM_UP = 12;

/** Seconds at a constant rate, at least, and rounds: a p99 differs more from round to round than a rate does. */
const PACED = 4;
const PACED_ROUNDS = 7;

/** What was typed is no such option, or no value of it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Throws UsageError. */
export function readOptions(args: string[]): Options | 'help' {
  const { help, ...values } = parse(args);
  return help ? 'help' : optionsOf(values, args);
}

function parse(args: string[]) {
  const config = {
    args,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  } as const;
  try {
    return parseArgs(config).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function optionsOf(values: Omit<ReturnType<typeof parse>, 'help'>, args: readonly string[]): Options {
  const { quick, write } = values;
  const wanted = values.only?.split(',');
  const everything: readonly string[] = [...CASES.map(({ name }) => name), ...SERIES, 'paced'];
  checkNames(wanted ?? [], everything);
  const isWanted = (name: string) => wanted?.includes(name) ?? true;
  const peers = values.peers?.split(',') ?? Object.keys(DESCRIPTIONS);
  checkNames(peers, Object.keys(DESCRIPTIONS));
  const seconds = wholeNumber(values.seconds ?? (quick ? '1' : '3'));
  const rounds = wholeNumber(values.rounds ?? (quick ? '1' : '5'));
  return {
    cases: CASES.map(({ name }) => name).filter(isWanted),
    series: SERIES.filter(isWanted),
    paced: isWanted('paced'),
    peers: peerNames().filter((name) => peers.includes(name)),
    rounds,
    seconds,
    pacedSeconds: quick ? seconds : Math.max(seconds, PACED),
    pacedRounds: quick ? rounds : Math.max(rounds, PACED_ROUNDS),
    warmUp: quick ? 1 : WARM_UP,
    leadIn: quick ? 0 : LEAD_IN,
    write,
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  };
}

function peerNames(): PeerName[] {
  const names = new Set<PeerName>(CASES.flatMap(({ peers }) => peers));
  return [...names];
}

function checkNames(names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`${unknown} is none of ${known.join(', ')}`);
}

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new UsageError(`${text} is no whole number from 1 to 99999`);
  return Number(text);
}
