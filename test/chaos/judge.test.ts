// Verdicts: what holds, what is broken, what says nothing; and the table that shows them.

import t from 'tap';
import type { Applied, History, Operation } from './history.ts';
import { isGood, judge } from './judge.ts';
import { table, upperBound } from './report.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Trial } from './trial.ts';

const [race] = SCENARIOS;
if (race === undefined) throw new Error('no scenario');
const scenario = race;
const LEAST = 2;

const entry = (at: number, change: Partial<Applied> = {}): Applied => ({
  id: `a-${at}`,
  key: 'k',
  ifMatch: `"k.${at - 1}"`,
  prevEtag: `"k.${at - 1}"`,
  newEtag: `"k.${at}"`,
  fence: String(at),
  receivedAt: 10 * at + 1,
  appliedAt: 10 * at + 2,
  ...change,
});
const operation = (at: number, change: Partial<Operation> = {}): Operation => ({
  id: `a-${at}`,
  client: 'a',
  key: 'k',
  gateway: 'g1',
  readStartedAt: 10 * at - 1,
  readEtag: `"k.${at - 1}"`,
  startedAt: 10 * at,
  endedAt: 10 * at + 3,
  outcome: 'ok',
  gaveUp: false,
  status: 200,
  code: undefined,
  etag: `"k.${at}"`,
  ...change,
});

function trial(history: Partial<History> = {}, change: Partial<Trial> = {}): Trial {
  return {
    history: {
      initial: new Map([['k', '"k.0"']]),
      applied: [entry(1), entry(2)],
      operations: [operation(1), operation(2)],
      faults: [],
      counters: new Map([['k', 2]]),
      ...history,
    },
    origin: { applied: 2, breaks: 0, pending: 0, dropped: 0, stall: 0 },
    durationMs: 1000,
    longest: { turn: 0, answer: 0, locked: 0 },
    stuck: [],
    takenBack: 0,
    stall: 0,
    excerpt: [],
    ...change,
  };
}

const brokenBy = (change: Partial<Operation>) =>
  trial({
    applied: [entry(1), entry(2, { ifMatch: '"k.0"' })],
    operations: [operation(1), operation(2, { readStartedAt: 9, readEtag: '"k.0"', ...change })],
  });

t.test('the protocol', async (t) => {
  const verdict = (of: Trial) => judge(scenario, undefined, of, LEAST).verdict;
  t.equal(verdict(trial()), 'holds');
  t.equal(verdict(brokenBy({})), 'BROKEN', 'a break');
  t.equal(verdict({ ...brokenBy({}), stall: 5000 }), 'VOID', 'a break that the machine may have made');
  t.equal(verdict(trial({ counters: new Map([['k', 1]]) })), 'BROKEN', 'another violation');
  t.equal(verdict(trial({}, { stuck: ['c1'] })), 'BROKEN', 'somebody who does not get on');
  t.equal(verdict(trial({ applied: [], operations: [], counters: new Map() })), 'VOID', 'too few writes');
  const demanding = { ...scenario, requires: ['kill'] as const };
  t.equal(judge(demanding, undefined, trial(), LEAST).verdict, 'VOID', 'no fault');
  const faults = [{ kind: 'kill', gateway: 'g1', from: 11, to: 12 }] as const;
  t.equal(judge(demanding, undefined, trial({ faults }), LEAST).verdict, 'holds');
  t.equal(judge(demanding, 'short', trial({ faults }), LEAST).verdict, 'holds', 'on short leases too');
});

t.test('a control must break, and by what it is about', async (t) => {
  t.equal(judge(scenario, 'R3', trial(), LEAST).verdict, 'DID NOT BREAK');
  t.equal(judge(scenario, 'R3', brokenBy({}), LEAST).verdict, 'VOID', 'no client had gone');
  t.equal(judge(scenario, 'R3', brokenBy({ gaveUp: true }), LEAST).verdict, 'breaks, as it must');
  t.equal(judge(scenario, 'R2', brokenBy({ status: 504 }), LEAST).verdict, 'breaks, as it must');
  const paused = brokenBy({});
  const faults = [{ kind: 'pause', gateway: 'g1', from: 21, to: 22 }] as const;
  const history = { ...paused.history, faults };
  t.equal(judge(scenario, 'R1', { ...paused, history }, LEAST).verdict, 'breaks, as it must');
  t.equal(judge(scenario, 'R4', { ...paused, history }, LEAST).verdict, 'VOID', 'it was a pause, no crash');
});

t.test('the table has a line for each row, and says why a verdict is bad', async (t) => {
  const row = (weakness: 'R3' | undefined, of: Trial) => {
    const judged = judge(scenario, weakness, of, LEAST);
    return { ...judged, scenario: 'race', weakness, gateways: 3, seconds: 1 };
  };
  const good = row(undefined, trial());
  const bad = row('R3', trial());
  t.ok(isGood(good));
  t.notOk(isGood(bad));
  const lines = table([good, bad]).split('\n');
  t.equal(lines.length, 4);
  t.equal(new Set(lines.map(({ length }) => length)).size, 1, 'columns are in line');
  t.match(lines[2], /protocol .* 2 .* holds/);
  t.match(lines[3], /without R3 .* DID NOT BREAK/);
});

t.test('the bound is the rule of three', async (t) => {
  t.equal(upperBound(0, 3000), '1.0e-3');
  t.equal(upperBound(1, 3000), '');
});
