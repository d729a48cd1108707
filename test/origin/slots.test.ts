// Slots: never more holders than its size, first come first served, and who leaves the queue never starts.

import fc from 'fast-check';
import t from 'tap';
import { enterBoth, Slots } from '../../src/origin/slots.ts';

/** Slots whose holders are known by name; `left` takes each out once. */
function observed(size: number) {
  const slots = new Slots(size);
  const started: string[] = [];
  const enter = (name: string): (() => void) => slots.enter(() => void started.push(name));
  return { started, enter };
}

t.test('free slots are taken at once, the rest wait in the order they came', (t) => {
  const { started, enter } = observed(2);
  const [a, b] = ['a', 'b', 'c', 'd'].map(enter);
  t.same(started, ['a', 'b']);
  b?.();
  t.same(started, ['a', 'b', 'c']);
  a?.();
  t.same(started, ['a', 'b', 'c', 'd']);
  t.end();
});

t.test('who leaves the queue never starts, and those behind move up', (t) => {
  const { started, enter } = observed(1);
  const [a, b] = ['a', 'b', 'c'].map(enter);
  b?.();
  t.same(started, ['a']);
  a?.();
  t.same(started, ['a', 'c']);
  t.end();
});

t.test('leaving twice counts once, in the queue as with a slot', (t) => {
  const { started, enter } = observed(1);
  const [a, b, c] = ['a', 'b', 'c', 'd'].map(enter);
  b?.();
  b?.();
  t.same(started, ['a']);
  a?.();
  a?.();
  t.same(started, ['a', 'c'], 'one slot, one start');
  b?.();
  t.same(started, ['a', 'c']);
  c?.();
  t.same(started, ['a', 'c', 'd']);
  t.end();
});

t.test('a holder that leaves as it starts gives its slot to the next, and so on', (t) => {
  const slots = new Slots(1);
  const started: number[] = [];
  const first = slots.enter(() => void started.push(0));
  for (const n of [1, 2, 3]) {
    const leave: () => void = slots.enter(() => {
      started.push(n);
      leave();
    });
  }
  first();
  t.same(started, [0, 1, 2, 3]);
  slots.enter(() => void started.push(4));
  t.same(started, [0, 1, 2, 3, 4], 'the slot is free again');
  t.end();
});

t.test('a long queue of which each leaves as it starts ends without a level of recursion for each', (t) => {
  const slots = new Slots(1);
  const last = 20_000;
  let started = 0;
  const first = slots.enter(() => {});
  for (let n = 0; n < last; n++) {
    const leave: () => void = slots.enter(() => {
      started += 1;
      leave();
    });
  }
  first();
  t.equal(started, last);
  t.equal(slots.hasFree, true);
  t.end();
});

t.test('nobody who comes while a slot is handed on goes before those who wait', (t) => {
  const slots = new Slots(1);
  const started: string[] = [];
  const first = slots.enter(() => {});
  const leave: () => void = slots.enter(() => {
    started.push('waits first');
    leave();
    slots.enter(() => void started.push('comes now'));
  });
  slots.enter(() => void started.push('waits second'));
  first();
  t.same(started, ['waits first', 'waits second']);
  t.end();
});

/** Whose turn it is to enter or to leave; a number says who. */
const step = fc.oneof(
  fc.constant('enter' as const),
  fc.nat({ max: 30 }).map((who) => ({ who })),
);

t.test('any course of events: a queue with a bounded head', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80 }), (size, steps) => {
      const { started, enter } = observed(size);
      const leaves: (() => void)[] = [];
      const model = { started: [] as string[], holding: new Set<string>(), waiting: [] as string[] };
      const fill = (): void => {
        while (model.holding.size < size) {
          const next = model.waiting.shift();
          if (next === undefined) return;
          model.holding.add(next);
          model.started.push(next);
        }
      };
      for (const event of steps) {
        if (event === 'enter') {
          const name = String(leaves.length);
          model.waiting.push(name);
          leaves.push(enter(name));
        } else {
          const name = String(event.who);
          leaves[event.who]?.();
          model.holding.delete(name);
          model.waiting = model.waiting.filter((waiter) => waiter !== name);
        }
        fill();
        if (started.join() !== model.started.join()) return false;
      }
      for (const leave of leaves) leave();
      let free = 0;
      for (let i = 0; i <= size; i++) enter(`last ${i}`);
      for (const name of started) if (name.startsWith('last')) free += 1;
      return free === size; // every slot has come back, and not one more
    }),
    { numRuns: 1000 },
  );
  t.pass('as the model says');
  t.end();
});

t.test('both: a slot of each, and leaving gives back, or gives up, whatever is held or waited for', (t) => {
  const [first, second] = [new Slots(2), new Slots(2)];
  const started: string[] = [];
  const both = (name: string) => enterBoth(first, second, () => void started.push(name));
  const leaveOther = second.enter(() => {});
  const leave = ['a', 'b', 'c', 'd'].map(both);
  t.same(started, ['a'], 'b has one of the first alone, c and d have none');
  leave[2]?.();
  leave[1]?.();
  t.same(started, ['a'], 'd waits for one of the second');
  leaveOther();
  t.same(started, ['a', 'd']);
  for (const go of leave) go();
  t.same([first.hasFree, second.hasFree], [true, true]);
  for (const name of ['e', 'f']) both(name);
  t.same(started, ['a', 'd', 'e', 'f'], 'as many as before');
  t.same([first.hasFree, second.hasFree], [false, false]);
  t.end();
});
