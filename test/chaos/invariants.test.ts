// Each check finds what was planted, and nothing in a history that is sound.

import t from 'tap';
import type { Applied, History, Operation } from './history.ts';
import {
  brokenChain,
  fallenFences,
  falseAnswers,
  falseCounts,
  injected,
  overwritten,
  staleViews,
} from './invariants.ts';

/** Two writes to a key, one after the other, and one that was refused between them. */
const first: Applied = {
  id: 'a-1',
  key: 'k',
  ifMatch: '"k.0"',
  prevEtag: '"k.0"',
  newEtag: '"k.1"',
  fence: '9',
  receivedAt: 12,
  appliedAt: 14,
};
const second: Applied = {
  ...first,
  id: 'b-2',
  ifMatch: '"k.1"',
  prevEtag: '"k.1"',
  newEtag: '"k.2"',
  fence: '10',
  receivedAt: 32,
  appliedAt: 34,
};
const told: Operation = {
  id: 'a-1',
  client: 'a',
  key: 'k',
  gateway: 'g1',
  readStartedAt: 8,
  readEtag: '"k.0"',
  startedAt: 10,
  endedAt: 16,
  outcome: 'ok',
  gaveUp: false,
  status: 200,
  code: undefined,
  etag: '"k.1"',
};
const refused: Operation = {
  ...told,
  id: 'b-1',
  client: 'b',
  gateway: 'g2',
  startedAt: 11,
  endedAt: 20,
  outcome: 'refused',
  status: 412,
  etag: '"k.1"',
};
const toldLater: Operation = {
  ...told,
  id: 'b-2',
  client: 'b',
  gateway: 'g2',
  readStartedAt: 28,
  readEtag: '"k.1"',
  startedAt: 30,
  endedAt: 36,
  etag: '"k.2"',
};
const SOUND: History = {
  initial: new Map([['k', '"k.0"']]),
  applied: [first, second],
  operations: [told, refused, toldLater],
  faults: [],
  counters: new Map([['k', 2]]),
};

t.test('a sound history passes every check', async (t) => {
  t.same(brokenChain(SOUND), []);
  for (const check of [falseAnswers, falseCounts, fallenFences, staleViews])
    t.same(check(SOUND), [], check.name);
});

t.test('I1 finds a write that replaced another version than the one it was made from', async (t) => {
  const late: Applied = { ...second, ifMatch: '"k.0"' };
  const history = { ...SOUND, applied: [first, late] };
  t.same(brokenChain(history), [late]);
  t.same(overwritten(history, late), [first], 'and what its writer knew nothing of');
  const unconditional: Applied = { ...second, ifMatch: undefined };
  t.same(brokenChain({ ...SOUND, applied: [first, unconditional] }), [unconditional]);
});

t.test('I2 finds answers that are not true', async (t) => {
  const wrong = (change: Partial<History>) => falseAnswers({ ...SOUND, ...change }).map(({ ids }) => ids);
  t.same(wrong({ applied: [second] }), [['a-1']], '2xx, and never applied');
  t.same(wrong({ applied: [first, first, second] }), [['a-1']], 'applied twice');
  t.same(
    wrong({ operations: [{ ...told, etag: '"k.2"' }] }),
    [['a-1']],
    'another tag than the one it was told',
  );
  for (const outcome of ['refused', 'unavailable', 'unsent'] as const)
    t.same(wrong({ operations: [{ ...told, outcome }] }), [['a-1']], `${outcome}, and applied`);
  t.same(
    wrong({ operations: [{ ...told, outcome: 'ambiguous' }] }),
    [],
    'who was told nothing cannot be deceived',
  );
});

t.test('I3 finds counters that are too low or too high', async (t) => {
  const counts = (counter: number, operations = SOUND.operations) =>
    falseCounts({ ...SOUND, operations, counters: new Map([['k', counter]]) }).length;
  t.equal(counts(1), 1, 'an acknowledged write is missing');
  t.equal(counts(3), 1, 'nobody wrote that');
  t.equal(counts(3, [...SOUND.operations, { ...told, id: 'c-1', outcome: 'ambiguous' }]), 0);
});

t.test('I4 finds fences that fall, stand still, or are not there', async (t) => {
  const found = (fence: string | undefined) =>
    fallenFences({ ...SOUND, applied: [first, { ...second, fence }] }).map(({ ids }) => ids);
  t.same(found('8'), [['b-2']]);
  t.same(found('9'), [['b-2']]);
  t.same(found(undefined), [['b-2']]);
  t.same(found('1795621854788643'), [], 'compared as numbers');
  t.same(
    fallenFences({ ...SOUND, applied: [first, { ...second, key: 'l', fence: '1' }] }),
    [],
    'of one key only',
  );
});

t.test('I6 finds who saw an older version than one that had been acknowledged before', async (t) => {
  const found = (...operations: Operation[]) =>
    staleViews({ ...SOUND, operations }).map(({ ids }) => ids.join());
  const stale = { ...toldLater, readEtag: '"k.0"' };
  t.same(found(told, stale), ['b-2'], 'a read that began later');
  t.same(found(told, { ...stale, readStartedAt: 15 }), [], 'a read that began before the answer');
  t.same(found(toldLater, { ...refused, startedAt: 40 }), ['b-1'], 'the tag that a 412 shows');
  t.same(found({ ...told, readEtag: '"elsewhere"' }), ['a-1'], 'a version that never was');
});

t.test(
  'a fault counts as one that befell a write only when it began during a write through its gateway',
  async (t) => {
    const hits = (gateway: string | undefined, from: number) =>
      injected({ ...SOUND, faults: [{ kind: 'kill', gateway, from, to: from + 5 }] }, 300).map(
        ({ hits }) => hits,
      );
    t.same(hits('g1', 12), [1]);
    t.same(hits('g1', 33), [0], 'a write through another one');
    t.same(hits(undefined, 33), [1], 'of all');
    t.same(hits('g1', 17), [0], 'after the answer');
  },
);

t.test('slow writes and clients that gave up are counted from what they left', async (t) => {
  const history: History = {
    ...SOUND,
    applied: [first, { ...second, appliedAt: 400 }],
    operations: [
      { ...told, gaveUp: true },
      { ...refused, gaveUp: true },
    ],
  };
  t.same(injected(history, 300), [
    { kind: 'slow', count: 1, hits: 1 },
    { kind: 'give-up', count: 2, hits: 1 },
  ]);
});
