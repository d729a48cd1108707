// One timer for many deadlines: each passes when it is due, not sooner, and none that was lifted.

import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Deadline } from '../../src/origin/deadline.ts';
import { until } from '../fixtures/until.ts';

t.jobs = 6;

const LONG = 60_000;

/** Timers that Node has running, of this process. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

interface Scene {
  readonly deadline: Deadline;
  /** When it passed, each time; on the monotonic clock. */
  readonly passed: readonly number[];
}

function scene(t: Test): Scene {
  const passed: number[] = [];
  const deadline = new Deadline(() => passed.push(performance.now()));
  t.teardown(() => deadline.stop());
  return { deadline, passed };
}

t.test('it passes once, and not before its time', async (t) => {
  const { deadline, passed } = scene(t);
  const before = performance.now();
  deadline.set(40);
  await until(() => passed.length > 0, 'it passes');
  t.ok((passed[0] ?? 0) - before >= 40, 'not sooner');
  await sleep(100);
  t.equal(passed.length, 1);
});

t.test('one that was lifted never passes', async (t) => {
  const { deadline, passed } = scene(t);
  deadline.set(20);
  deadline.lift();
  await sleep(80);
  t.same(passed, []);
});

const AFTER: { readonly name: string; readonly first: number; readonly second: number }[] = [
  { name: 'a later one in place of an earlier one', first: 20, second: 120 },
  { name: 'an earlier one in place of a later one', first: LONG, second: 40 },
  { name: 'the same once more', first: 60, second: 60 },
];

for (const { name, first, second } of AFTER) {
  for (const lifted of [false, true]) {
    t.test(`${name}${lifted ? ', lifted in between' : ''}: only the second one passes`, async (t) => {
      const { deadline, passed } = scene(t);
      deadline.set(first);
      if (lifted) deadline.lift();
      await sleep(10);
      const again = performance.now();
      deadline.set(second);
      await until(() => passed.length > 0, 'it passes');
      t.ok((passed[0] ?? 0) - again >= second, 'counted from the second');
      await sleep(100);
      t.equal(passed.length, 1);
    });
  }
}

t.test('set after it has passed, it passes again', async (t) => {
  const { deadline, passed } = scene(t);
  deadline.set(10);
  await until(() => passed.length === 1, 'it passes');
  deadline.set(10);
  await until(() => passed.length === 2, 'it passes again');
});

t.test('set from where it passed, it passes again', async (t) => {
  let times = 0;
  const deadline = new Deadline(() => {
    times += 1;
    if (times < 3) deadline.set(5);
  });
  t.teardown(() => deadline.stop());
  deadline.set(5);
  await until(() => times === 3, 'three times');
});

t.test('a thousand deadlines take one timer; stopped, none is left', (t) => {
  const { deadline } = scene(t);
  const before = timers();
  const started = t.capture(globalThis, 'setTimeout', setTimeout);
  for (let count = 0; count < 1000; count++) {
    deadline.set(LONG);
    deadline.lift();
  }
  deadline.set(LONG);
  t.equal(timers(), before + 1);
  t.equal(started().length, 1, 'which is not started anew for each');
  deadline.stop();
  t.equal(timers(), before);
  t.end();
});

for (const first of [LONG, 10]) {
  t.test(`stopped and set again after ${first} ms, it passes`, async (t) => {
    const { deadline, passed } = scene(t);
    deadline.set(first);
    deadline.stop();
    deadline.set(20);
    await until(() => passed.length === 1, 'it passes');
  });
}
