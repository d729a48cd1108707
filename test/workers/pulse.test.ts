// A worker that does not answer any more is noticed, one that is slow or was stopped for a while is left alone.

import t from 'tap';
import { answerPulse, watchPulse } from '../../src/workers/pulse.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';
import { Wire } from '../fixtures/wire.ts';

function watched() {
  const clock = new ManualClock();
  const wire = new Wire({ auto: false });
  let stuck = 0;
  answerPulse(wire.worker);
  watchPulse(
    wire.primary,
    () => {
      stuck += 1;
    },
    clock,
  );
  const answer = (): void => {
    wire.down.deliver();
    wire.up.deliver();
  };
  return { clock, wire, answer, stuck: () => stuck };
}

t.test('one that answers is left alone, however long it takes to', async (t) => {
  const { clock, answer, stuck } = watched();
  for (let round = 0; round < 20; round += 1) {
    answer();
    await clock.pass(29_500);
  }
  t.equal(stuck(), 0);
});

t.test('one that answers no more is noticed once, and then no longer asked', async (t) => {
  const { clock, wire, answer, stuck } = watched();
  await clock.pass(5_000);
  answer();
  await clock.pass(30_000);
  t.equal(stuck(), 0);
  await clock.pass(1_000);
  t.equal(stuck(), 1);
  t.equal(clock.pending, 0);
  answer();
  await clock.pass(100_000);
  t.equal(stuck(), 1);
  t.equal(wire.down.length, 0);
});

t.test('one that has not answered yet is still starting', async (t) => {
  const { clock, stuck } = watched();
  await clock.pass(300_000);
  t.equal(stuck(), 0);
});

t.test('one that is gone is not asked', async (t) => {
  const { clock, wire, answer, stuck } = watched();
  answer();
  wire.killWorker();
  await clock.pass(100_000);
  t.equal(stuck(), 0);
  t.equal(clock.pending, 0);
});
