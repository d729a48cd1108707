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
import { isGood, judge } from './judge.ts';
import { latency } from './latency.ts';
import { type Row, table } from './report.ts';
import { EVERYTHING, SCENARIOS, type Scenario } from './scenarios.ts';
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
const ENOUGH = 5;
/** What a control may take longer than its scenario to show them: chance decides when. */
const LONGER = 4;
/** What a task takes besides its time: processes start, keys come free. Milliseconds. */
const AROUND = 60_000;

const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31));
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function tasks(): Task[] {
  const long = flags.minutes === undefined ? undefined : Number(flags.minutes) * 60_000;
  const scenarios = long === undefined ? SCENARIOS : [];
  const all = [...scenarios, EVERYTHING].filter(
    ({ name }) => flags.only === undefined || name === flags.only,
  );
  return all.flatMap((scenario) => {
    const seconds = flags.quick ? scenario.seconds.quick : scenario.seconds.usual;
    const milliseconds = long ?? seconds * 1000;
    const weaknesses: readonly (Weakness | undefined)[] = [scenario.protocol, ...scenario.controls];
    return weaknesses.map((weakness) => ({ scenario, weakness, milliseconds }));
  });
}

async function run(children: Children, program: string, task: Task, number: number): Promise<Row> {
  const { scenario, weakness } = task;
  const control = mustBreak(weakness);
  const milliseconds = control ? Math.min(LONGER * task.milliseconds, 60_000) : task.milliseconds;
  const stuck = setTimeout(() => {
    say(`!! ${scenario.name} does not come to an end`);
    process.exit(1);
  }, milliseconds + AROUND);
  const trial = await runTrial(scenario, {
    ...{ children, program, weakness, milliseconds, seed: seed + number },
    anywhere: flags.anywhere,
    enough: control ? ENOUGH : undefined,
  });
  clearTimeout(stuck);
  const judged = judge(scenario, weakness, trial);
  const row = {
    ...judged,
    scenario: scenario.name,
    weakness,
    gateways: scenario.gateways,
    seconds: trial.durationMs / 1000,
  };
  report(row, trial);
  return row;
}

function report(
  row: Row,
  { longest, takenBack, origin, excerpt, stall }: Awaited<ReturnType<typeof runTrial>>,
): void {
  const { success, answer, locked } = longest;
  say(
    `${isGood(row) ? 'ok' : 'NOT OK'} ${row.scenario} ${row.weakness ?? 'protocol'}: ${row.applied} applied, ${row.breaks} breaks` +
      `; longest wait for an answer ${Math.round(answer)} ms, without a write ${Math.round(success)} ms, for a key at the end` +
      ` ${Math.round(locked)} ms; stalled ${stall} ms, origin gave up ${origin.dropped}; pauses taken back ${takenBack}`,
  );
  const held = !mustBreak(row.weakness);
  const unexpected = held || row.verdict === 'VOID';
  if (unexpected) for (const line of excerpt) say(`  ${line}`);
  for (const { rule, text } of held ? row.violations.slice(0, 5) : []) say(`  ${rule}: ${text}`);
}

async function main(): Promise<number> {
  const children = new Children();
  const program = await redisProgram();
  say(`seed ${seed}`);
  const rows: Row[] = [];
  for (const [number, task] of tasks().entries()) rows.push(await run(children, program, task, number));
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
