// The clock of the process.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { processClock } from '../../src/lock/clock.ts';

t.test('time does not go back', async (t) => {
  const before = processClock.now();
  await sleep(1);
  t.ok(processClock.now() >= before);
});

t.test('runs later, once, and not when called off', async (t) => {
  const ran: string[] = [];
  processClock.after(1, () => ran.push('kept'));
  const cancel = processClock.after(1, () => ran.push('called off'));
  cancel();
  t.same(ran, [], 'not at once');
  await sleep(50);
  t.same(ran, ['kept']);
});

t.test('what is longer than a timer can count does not run at once', async (t) => {
  let ran = false;
  const cancel = processClock.after(Number.POSITIVE_INFINITY, () => {
    ran = true;
  });
  await sleep(20);
  cancel();
  t.notOk(ran);
});
