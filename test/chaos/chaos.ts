// npm run chaos: races, faults and weakened locks, on real processes and a real Redis; fails when the protocol breaks, or a
// weakened one does not.
//
//   --quick          a few seconds for each scenario, for CI
//   --minutes N      everything at once, for so long
//   --only NAME      one scenario, with its controls
//   --seed N         the same schedule as in another run; who runs when is not repeated
//   --anywhere       pauses hit running code, too: microseconds after the last look at a lease, no proxy notices one

import { parseArgs } from 'node:util';
import { redisProgram } from '../fixtures/redis-server.ts';
import { Children } from './children.ts';
import { fairness } from './fair.ts';
import type { Operation } from './history.ts';
import { isGood, judge } from './judge.ts';
import { latency } from './latency.ts';
import { type Row, table, tally } from './report.ts';
import type { Scenario } from './scenario.ts';
import { EVERYTHING, SCENARIOS } from './scenarios.ts';
import { Stage, type StageOptions } from './stage.ts';
import { runTrial } from './trial.ts';
import { mustBreak, type Weakness } from './weakened.ts';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    only: { type: 'string' },
    seed: { type: 'string' },
    anywhere: { type: 'boolean', default: false },
  },
});

interface Task {
  readonly scenario: Scenario;
  readonly weakness: Weakness | undefined;
  readonly milliseconds: number;
}

/** Breaks after which a control has shown enough. */
const ENOUGH = 2;
/** What a control may take longer than its scenario to show them: chance decides when. */
const LONGER = 5;
const LONGEST_CONTROL = 60_000;
/** What a task takes besides its time: processes start, keys come free. Milliseconds. */
const AROUND = 60_000;

const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31));
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function tasks(): Task[] {
  const long = flags.minutes === undefined ? undefined : Number(flags.minutes) * 60_000;
  const scenarios = long === undefined ? SCENARIOS : [];
  const all = [...scenarios, EVERYTHING].filter(({ name, seconds }) => {
    if (flags.only !== undefined) return name === flags.only;
    return !flags.quick || seconds.quick > 0;
  });
  return all.flatMap((scenario) => {
    const seconds = flags.quick ? scenario.seconds.quick : scenario.seconds.usual;
    const milliseconds = long ?? seconds * 1000;
    const weaknesses: readonly (Weakness | undefined)[] = [scenario.protocol, ...scenario.controls];
    return weaknesses.map((weakness) => ({ scenario, weakness, milliseconds }));
  });
}

async function run(
  { scenario, weakness, milliseconds: ms }: Task,
  stage: Stage,
  options: StageOptions,
): Promise<Row> {
  const control = mustBreak(weakness);
  const milliseconds = control ? Math.min(LONGER * ms, LONGEST_CONTROL) : ms;
  const stuck = setTimeout(() => {
    say(`!! ${scenario.name} does not come to an end`);
    process.exit(1);
  }, milliseconds + AROUND);
  // in a long run, how often the other breaks is of interest, too
  const enough = flags.minutes === undefined ? ENOUGH : Number.POSITIVE_INFINITY;
  const trial = await runTrial(scenario, stage, {
    ...options,
    milliseconds,
    enough: control ? enough : undefined,
  });
  clearTimeout(stuck);
  const judged = judge(scenario, weakness, trial, (scenario.rate * ms) / 1000);
  const { name, gateways } = scenario;
  const row = { ...judged, scenario: name, weakness, gateways, seconds: trial.durationMs / 1000 };
  report(row, trial);
  return row;
}

/** One after the other; the processes of the next one start meanwhile. */
async function runAll(children: Children, program: string): Promise<Row[]> {
  const rows: Row[] = [];
  const queue = tasks().map((task, number) => {
    const { weakness } = task;
    return { task, options: { children, program, weakness, seed: seed + number, anywhere: flags.anywhere } };
  });
  const open = ({ task, options }: (typeof queue)[number]) => Stage.open(task.scenario, options);
  let opening = queue[0] === undefined ? undefined : open(queue[0]);
  for (const [at, { task, options }] of queue.entries()) {
    const stage = await opening;
    if (stage === undefined) break;
    const next = queue[at + 1];
    opening = next === undefined ? undefined : open(next);
    opening?.catch(() => {}); // told when its turn comes
    let row = await run(task, stage, options);
    await stage.close();
    if (saysNothing(row)) {
      say(`  once more, as this one says nothing: ${row.why}`);
      const again = { ...options, seed: options.seed + queue.length };
      const second = await open({ task, options: again });
      row = await run(task, second, again);
      await second.close();
    }
    rows.push(row);
  }
  return rows;
}

/** Neither for the protocol nor against it; a chain that broke is not tried again. */
function saysNothing({ verdict }: Row): boolean {
  return verdict === 'VOID' || verdict === 'DID NOT BREAK';
}

function report(
  row: Row,
  { history, longest, takenBack, origin, excerpt, stall }: Awaited<ReturnType<typeof runTrial>>,
): void {
  const { turn, answer, locked } = longest;
  say(
    `${isGood(row) ? 'ok' : 'NOT OK'} ${row.scenario} ${row.weakness ?? 'protocol'}: ${row.applied} applied, ${row.breaks} breaks` +
      `; longest wait for an answer ${Math.round(answer)} ms, without a turn ${Math.round(turn)} ms, until a key was free at the end` +
      ` ${Math.round(locked)} ms; stalled ${stall} ms, origin gave up ${origin.dropped}; pauses taken back ${takenBack}`,
  );
  const unavailable = codesOf(history.operations);
  const held = !mustBreak(row.weakness);
  const unexpected = held || row.verdict === 'VOID';
  if (unavailable.length > 0) say(`  503: ${unavailable}`);
  if (unexpected) for (const line of excerpt) say(`  ${line}`);
  for (const { rule, text } of held ? row.violations.slice(0, 5) : []) say(`  ${rule}: ${text}`);
}

/** Why writes were not tried, and how often. */
function codesOf(operations: readonly Operation[]): string {
  return tally(
    operations.flatMap(({ outcome, code }) => (outcome === 'unavailable' ? [code ?? 'none'] : [])),
  );
}

async function main(): Promise<number> {
  const children = new Children();
  const [program] = await Promise.all([redisProgram(), children.compile('gateway.ts')]);
  say(`seed ${seed}`);
  const rows = await runAll(children, program);
  const extras = flags.only === undefined && flags.minutes === undefined;
  const measured = [
    ...(extras || flags.only === 'fair' ? [await fairness(children, program, flags.quick)] : []),
    ...(extras || flags.only === 'latency' ? [await latency(children, program, flags.quick)] : []),
  ];
  say('');
  if (rows.length > 0) say(table(rows));
  for (const { lines } of measured) for (const line of lines) say(line);
  say(`seed ${seed}`);
  const good = rows.filter(isGood).length + measured.filter(({ good }) => good).length;
  const all = rows.length + measured.length;
  if (all === 0) say('there is no such scenario');
  say(`${good} passed, ${all - good} failed`);
  return good === all && all > 0 ? 0 : 1;
}

process.exit(await main());
