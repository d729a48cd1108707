// withLeases: several keys in one order, all held while the origin works, all released with its one fate.

import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Fate, type Held, type Lock, withLeases } from '../../src/lock/lock.ts';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { ask, IDLE, KNOWN, unknownFor } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';

/** A memory lock that writes down what is asked of it. */
function recordedLock() {
  const clock = new ManualClock();
  const inner = new MemoryLock({ queue: 10, waiting: 100, clock });
  const calls: string[] = [];
  const lock: Lock = {
    acquire(key, options) {
      calls.push(`acquire ${key}`);
      return inner.acquire(key, options);
    },
    arm: (leases) => inner.arm(leases),
    release(lease, fate) {
      calls.push(`release ${lease.key} ${fate.kind}`);
      inner.release(lease, fate);
    },
    state: () => inner.state(),
    engine: () => inner.engine(),
    stop: () => inner.stop(),
  };
  return { lock, clock, calls };
}

/** A run whose value and fate come when the test says so. */
function scene() {
  const recorded = recordedLock();
  const client = new AbortController();
  const value = Promise.withResolvers<string>();
  const settled = Promise.withResolvers<Fate>();
  let runs = 0;
  const run = async (): Promise<Held<string>> => {
    runs += 1;
    return { value: await value.promise, settled: settled.promise };
  };
  const start = (keys: readonly string[]): Promise<string> => {
    const result = withLeases(recorded.lock, keys, { waitMs: 100, signal: client.signal }, run);
    result.catch(() => {});
    return result;
  };
  return { ...recorded, client, value, settled, start, runs: () => runs };
}

const released = (calls: readonly string[]): string[] =>
  calls.filter((call) => call.startsWith('release')).sort();

t.test('keys are taken one after the other, in the order given', async (t) => {
  const { lock, clock, calls, value, settled, start, runs } = scene();
  const [a, b] = [ask(lock, 'a'), ask(lock, 'b')];
  await turn();
  calls.length = 0;
  const result = start(['a', 'b']);
  await turn();
  t.same(calls, ['acquire a'], 'b is not asked for while a is awaited');
  a.release();
  await turn();
  t.same(calls.slice(-1), ['acquire b']);
  t.equal(runs(), 0, 'nothing runs before all keys are held');
  b.release();
  await turn();
  t.equal(runs(), 1);
  value.resolve('done');
  settled.resolve(KNOWN);
  t.equal(await result, 'done');
  await clock.pass(0);
  t.same(lock.state(), IDLE);
});

for (const keys of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
  const all = (fate: string): string[] => keys.map((key) => `release ${key} ${fate}`);

  t.test(
    `${keys.length} keys: the value comes at once, the keys stay until the origin has settled`,
    async (t) => {
      const { lock, calls, value, settled, start } = scene();
      const result = start(keys);
      value.resolve('done');
      t.equal(await result, 'done');
      await turn();
      t.same(released(calls), []);
      t.same(lock.state(), { ...IDLE, held: keys.length });
      settled.resolve(KNOWN);
      await turn();
      t.same(released(calls), all('known'), 'each once');
      t.same(lock.state(), IDLE);
    },
  );

  t.test(`${keys.length} keys: an unknown fate keeps every one of them locked`, async (t) => {
    const { lock, clock, calls, value, settled, start } = scene();
    const result = start(keys);
    value.resolve('done');
    await result;
    settled.resolve(unknownFor(500));
    await turn();
    t.same(released(calls), all('unknown'));
    t.same(lock.state(), { ...IDLE, quarantined: keys.length });
    const next = keys.map((key) => ask(lock, key));
    await clock.pass(499);
    t.same(
      next.map((request) => request.status()),
      keys.map(() => 'waiting'),
    );
    await clock.pass(1);
    t.same(
      next.map((request) => request.status()),
      keys.map(() => 'granted'),
    );
    for (const request of next) request.release();
    t.same(lock.state(), IDLE);
  });

  for (const how of ['rejects', 'throws'] as const) {
    t.test(
      `${keys.length} keys: a run that ${how} frees every one of them, and its error passes`,
      async (t) => {
        const { lock, calls } = recordedLock();
        const { signal } = new AbortController();
        const error = new Error('mine');
        const run = (): Promise<Held<string>> => {
          if (how === 'throws') throw error;
          return Promise.reject(error);
        };
        const result = withLeases(lock, keys, { waitMs: 100, signal }, run);
        t.equal(await result.catch((reason: unknown) => reason), error);
        await turn();
        t.same(released(calls), all('known'));
        t.same(lock.state(), IDLE);
      },
    );
  }
}

/** What may end the wait for the second key. */
const refusals: { code: string; end: (given: ReturnType<typeof scene>) => Promise<void> }[] = [
  { code: 'lock-timeout', end: ({ clock }) => clock.pass(100) },
  { code: 'client-gone', end: async ({ client }) => client.abort() },
  { code: 'shutting-down', end: async ({ lock }) => lock.stop() },
];
for (const { code, end } of refusals) {
  t.test(`${code} while the second key is awaited: the first is freed, nothing runs`, async (t: Test) => {
    const given = scene();
    const { lock, calls, start, runs } = given;
    const holder = ask(lock, 'b');
    await turn();
    const result = start(['a', 'b']);
    await turn();
    t.same(lock.state(), { held: 2, waiting: 1, quarantined: 0 });
    await end(given);
    await t.rejects(result, { code });
    await turn();
    t.same(released(calls), ['release a known']);
    t.same(lock.state(), { held: 1, waiting: 0, quarantined: 0 });
    t.equal(runs(), 0);
    holder.release();
    t.same(lock.state(), IDLE);
  });
}

t.test('the wait is one for all keys: what the first one took is not had again for the second', async (t) => {
  const { lock, clock } = recordedLock();
  const { signal } = new AbortController();
  const run = () => Promise.reject(new Error('never called'));
  const holders = [ask(lock, 'a'), ask(lock, 'b'), ask(lock, 'c')];
  await turn();
  let refusal: unknown;
  withLeases(lock, ['a', 'b', 'c'], { waitMs: 100, signal }, run, clock).catch((error: unknown) => {
    refusal = error;
  });
  await clock.pass(60);
  holders[0]?.release();
  await clock.pass(39);
  t.equal(refusal, undefined);
  holders[1]?.release();
  await clock.pass(1);
  t.match(refusal, { code: 'lock-timeout' });
  t.same(
    lock.state(),
    { held: 1, waiting: 0, quarantined: 0 },
    'and nobody is kept from the first any longer',
  );
  holders[2]?.release();
});

t.test('a key that is free is had when the whole wait was for the one before it', async (t) => {
  const { lock, clock } = recordedLock();
  const { signal } = new AbortController();
  const holder = ask(lock, 'a');
  await turn();
  const run = async (): Promise<Held<string>> => ({ value: 'done', settled: Promise.resolve(KNOWN) });
  const result = withLeases(lock, ['a', 'b'], { waitMs: 100, signal }, run, clock);
  await clock.pass(99.9);
  holder.release();
  await clock.pass(0);
  t.equal(await result, 'done');
});

t.test('two that want the same two keys, sorted, both come to an end', async (t) => {
  const { lock, clock } = recordedLock();
  const { signal } = new AbortController();
  const order: string[] = [];
  const writer = (name: string): Promise<string> =>
    withLeases(lock, ['a', 'b'], { waitMs: 1000, signal }, async () => {
      order.push(`${name} begins`);
      await turn();
      order.push(`${name} ends`);
      return { value: name, settled: Promise.resolve(KNOWN) };
    });
  t.same(await Promise.all([writer('1'), writer('2')]), ['1', '2']);
  t.same(order, ['1 begins', '1 ends', '2 begins', '2 ends']);
  await turn();
  t.same(lock.state(), IDLE);
  t.equal(clock.pending, 0);
});
