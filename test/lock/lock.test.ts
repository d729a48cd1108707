// withLeases: the value at once, and one release when the origin's side has settled, whatever else happens.

import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Fate, type Held, type Lease, type Lock, withLeases } from '../../src/lock/lock.ts';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { IDLE, KNOWN, unknownFor } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';

const FATE = unknownFor(500);

/** A memory lock that writes down what withLeases released. */
function recordedLock() {
  const clock = new ManualClock();
  const inner = new MemoryLock({ queue: 10, waiting: 100, clock });
  const released: { readonly lease: Lease; readonly fate: Fate }[] = [];
  const lock: Lock = {
    acquire: (key, options) => inner.acquire(key, options),
    arm: (leases) => inner.arm(leases),
    release(lease, fate) {
      released.push({ lease, fate });
      inner.release(lease, fate);
    },
    state: () => inner.state(),
    engine: () => inner.engine(),
    stop: () => inner.stop(),
  };
  return { lock, inner, clock, released };
}

const KEYS = ['free', 'held'] as const;
const RUNS = ['resolves', 'throws', 'rejects after a while'] as const;
const SETTLED = ['before the value', 'after the value'] as const;
const ABORTS = [
  'never',
  'before',
  'while waiting',
  'just granted',
  'while running',
  'after the value',
] as const;

interface Way {
  readonly key: (typeof KEYS)[number];
  readonly run: (typeof RUNS)[number];
  readonly settled: (typeof SETTLED)[number];
  readonly abort: (typeof ABORTS)[number];
}

/** Not every combination can happen: a free key knows no waiting, a failed run no value. */
function happens({ key, run, settled, abort }: Way): boolean {
  if (key === 'free' && abort === 'while waiting') return false;
  if (run !== 'resolves' && settled === 'after the value') return false;
  return abort !== 'after the value' || settled === 'after the value';
}

const ways = KEYS.flatMap((key) =>
  RUNS.flatMap((run) =>
    SETTLED.flatMap((settled) => ABORTS.map((abort): Way => ({ key, run, settled, abort }))),
  ),
).filter(happens);

for (const way of ways) {
  t.test(`key ${way.key}, run ${way.run}, settled ${way.settled}, client goes ${way.abort}`, (t) =>
    goThrough(t, way),
  );
}

async function goThrough(t: Test, way: Way): Promise<void> {
  const { lock, inner, clock, released } = recordedLock();
  const client = new AbortController();
  const work = Promise.withResolvers<void>();
  const settled = Promise.withResolvers<Fate>();
  const leases: Lease[] = [];
  const run = (given: readonly Lease[]): Promise<Held<string>> => {
    leases.push(...given);
    if (way.run === 'throws') throw new Error('run failed');
    return work.promise.then(() => ({ value: 'answer', settled: settled.promise }));
  };

  const signal = client.signal;
  const holder = way.key === 'held' ? await inner.acquire('a', { waitMs: 0, signal }) : undefined;
  if (way.abort === 'before') client.abort();
  const result = withLeases(lock, ['a'], { waitMs: 1000, signal }, run).catch(
    (error: Error) => error.message,
  );
  await (way.key === 'held' ? turn() : undefined);
  if (way.abort === 'while waiting') client.abort();
  if (holder !== undefined) inner.release(holder, KNOWN);
  if (way.abort === 'just granted') client.abort();
  await turn();
  if (way.abort === 'while running') client.abort();
  if (way.settled === 'before the value') settled.resolve(FATE);
  if (way.run === 'resolves') work.resolve();
  else work.reject(new Error('run failed'));
  work.promise.catch(() => {});

  const outcome = await result;
  if (way.settled === 'after the value') {
    t.same(released, [], 'the value does not wait for the origin');
    if (way.abort === 'after the value') client.abort();
    await turn();
    t.same(released, [], 'and what the client does frees nothing');
    settled.resolve(FATE);
  }
  await turn();

  if (way.abort === 'before' || way.abort === 'while waiting') {
    t.match(outcome, /^client-gone/);
    t.same([leases, released], [[], []], 'nothing ran, so nothing is released');
  } else {
    t.equal(outcome, way.run === 'resolves' ? 'answer' : 'run failed');
    t.equal(leases.length, 1);
    t.same(released, [{ lease: leases[0], fate: way.run === 'resolves' ? FATE : KNOWN }], 'one release');
    t.equal(released[0]?.lease, leases[0]);
  }
  await clock.pass(500);
  t.same(inner.state(), IDLE);
}

t.test('a wait that ends in any refusal releases nothing', async (t) => {
  const { lock, inner, clock, released } = recordedLock();
  const { signal } = new AbortController();
  const run = () => Promise.reject(new Error('never called'));
  const holder = await inner.acquire('a', { waitMs: 0, signal });
  const tooLong = withLeases(lock, ['a'], { waitMs: 100, signal }, run);
  tooLong.catch(() => {});
  await clock.pass(100);
  await t.rejects(tooLong, { code: 'lock-timeout' });
  const stopped = withLeases(lock, ['a'], { waitMs: 100, signal }, run);
  lock.stop();
  await t.rejects(stopped, { code: 'shutting-down' });
  t.same(released, []);
  t.same(inner.state(), { held: 1, waiting: 0, quarantined: 0 }, 'the holder is not touched');
  inner.release(holder, KNOWN);
});

t.test('the next run starts when the origin has settled, not when the client has its value', async (t) => {
  const { lock } = recordedLock();
  const { signal } = new AbortController();
  const events: string[] = [];
  const settled = Promise.withResolvers<Fate>();
  const first = withLeases(lock, ['a'], { waitMs: 100, signal }, async () => ({
    value: 1,
    settled: settled.promise,
  }));
  const second = withLeases(lock, ['a'], { waitMs: 100, signal }, async () => {
    events.push('second runs');
    return { value: 2, settled: Promise.resolve(KNOWN) };
  });
  await first;
  await turn();
  events.push('first has settled');
  settled.resolve(KNOWN);
  t.equal(await second, 2);
  t.same(events, ['first has settled', 'second runs']);
});
