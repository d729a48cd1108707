// Measuring in turns: every subject once in each round, so that what else the machine does hits all alike.

import { setTimeout as delay } from 'node:timers/promises';
import type { Kind } from './cases.ts';
import { fault, type Load, load } from './load.ts';
import { coreTime, processorTime } from './machine.ts';
import { ask } from './sample.ts';

/** Something that is measured against others. */
export interface Subject {
  readonly label: string;
  readonly port: number;
  /** Of the process whose processor time counts. */
  readonly pid: number;
  readonly kind: Kind;
  readonly connections: number;
  /** Its code is compiled while it runs. */
  readonly warmsUp: boolean;
}

export interface Measured {
  readonly load: Load;
  /** A second. */
  readonly rate: number;
  /** Share of one core that the subject used, 0 to 1: well below 1, something else was the limit. */
  readonly busy: number;
  /** Processor time of the subject for one request, microseconds. */
  readonly cost: number;
  /** Share of the proxies' core that others used meanwhile, 0 to 1: well above 0, the rate is not to be believed. */
  readonly others: number;
  /** How much slower the machine was behind it than at its best: well above 1, the rate is not to be believed either. */
  readonly slowness: number;
}

/** A round, or why it does not count. */
export type Round = Measured | { readonly void: string };

export interface RoundOptions {
  /** Core of the load, and of what is measured. */
  readonly core: number;
  readonly proxyCore: number;
  readonly rounds: number;
  readonly seconds: number;
  /** Seconds of load that go before all rounds, for who warms up; V8 needs 8 to 12 of them. */
  readonly warmUp: number;
  /** Seconds of load that go before each round, for the same. */
  readonly leadIn: number;
  /** How much slower the machine is than at its best; 1: not at all. */
  readonly slowness: () => Promise<number>;
  /** Told of each round as it is over. */
  readonly tell: (line: string) => void;
}

/** Seconds of load that go before for all others, and for who is warm already: connections are opened. */
export const FIRST = 1;

/**
 * Seconds of load before a round that are not counted. Between its turns a program is idle for a minute: V8 gives memory
 * back, drops code with it, and both come as one long pause in the first second of the next round.
 */
export const LEAD_IN = 2;

/** What others do on the core beyond this share disturbs a round, and so does a machine that is as slow as this. */
export const DISTURBED = 0.05;
export const SLOW = 1.15;
/** How often a round is measured that is disturbed again. */
const ATTEMPTS = 4;
/** Milliseconds to wait before that: what slows a machine down mostly lasts. */
const PAUSE = 5_000;

/** Results in the order of `subjects`, each with a round for each round. */
export async function measureInTurns(
  subjects: readonly Subject[],
  options: RoundOptions,
): Promise<Round[][]> {
  const results: Round[][] = subjects.map(() => []);
  for (const subject of subjects) await measure(subject, options, subject.warmsUp ? options.warmUp : FIRST);
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      // nobody is always the first one
      const at = (turn + round) % subjects.length;
      const subject = subjects[at];
      if (subject === undefined) continue;
      const measured = await measureSteadily(subject, options);
      results[at]?.push(measured);
      options.tell(`  ${round + 1}/${options.rounds} ${subject.label}: ${sayRound(measured)}`);
    }
  }
  return results;
}

/** One round on a machine that is as fast as it was; after some attempts on any. */
async function measureSteadily(subject: Subject, options: RoundOptions): Promise<Round> {
  for (let attempt = 1; ; attempt++) {
    if (subject.warmsUp && options.leadIn > 0) await measure(subject, options, options.leadIn);
    const measured = await measure(subject, options, options.seconds);
    const isSteady = 'void' in measured || (measured.slowness < SLOW && measured.others <= DISTURBED);
    if (isSteady || attempt === ATTEMPTS) return measured;
    options.tell(`  disturbed, once more: ${subject.label}: ${sayRound(measured)}`);
    await delay(PAUSE);
  }
}

/** One round: a look at a real answer, the load, another look. */
async function measure(
  subject: Subject,
  { core, proxyCore, slowness }: RoundOptions,
  seconds: number,
): Promise<Round> {
  const { port, pid, kind, connections } = subject;
  try {
    const before = await ask(port, kind);
    if (before.status !== kind.status) return { void: `status ${before.status}, not ${kind.status}` };
    const used = processorTime(pid);
    const worked = coreTime(proxyCore);
    const counted = await load([kind], { port, core, connections, seconds });
    const time = processorTime(pid) - used;
    const others = coreTime(proxyCore) - worked - time;
    const after = await ask(port, kind);
    if (after.status !== kind.status) return { void: `status ${after.status} after it, not ${kind.status}` };
    const wrong = fault(counted, kind.status, before.bytes);
    if (wrong !== undefined) return { void: wrong };
    return {
      load: counted,
      rate: counted.requests / counted.seconds,
      busy: time / counted.seconds,
      cost: (time / counted.requests) * 1e6,
      others: Math.max(0, others / counted.seconds),
      slowness: await slowness(),
    };
  } catch (error) {
    return { void: error instanceof Error ? error.message : String(error) };
  }
}

function sayRound(round: Round): string {
  if ('void' in round) return `void: ${round.void}`;
  const { rate, load: counted, busy, others, slowness } = round;
  const disturbed = `${others > DISTURBED ? `, others ${others.toFixed(2)}` : ''}${slowness >= SLOW ? `, slow ${slowness.toFixed(2)}` : ''}`;
  return `${Math.round(rate)}/s, p50 ${counted.p50.toFixed(2)} ms, p99 ${counted.p99.toFixed(2)} ms, busy ${busy.toFixed(2)}${disturbed}`;
}
