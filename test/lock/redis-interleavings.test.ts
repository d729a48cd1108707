// Several processes under random interleavings of questions, answers, wakes and time, some of them lost.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { LockRecord } from '../../src/lock/lock-record.ts';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { RedisLock } from '../../src/lock/redis-lock.ts';
import { interleavedQueue, type SharedEngine } from '../fixtures/interleaved-queue.ts';
import { ask, IDLE } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';
import { QueueModel } from '../fixtures/queue-model.ts';

/** So many messages of a process may get lost, each of which may be the one that ends a holding. */
const MOST_LOST = 12;
/** Of a second each: what could not be said is said again after 8 of them at the latest. */
const ROUNDS_TO_SAY = 8 * (MOST_LOST + 1);

interface Writer {
  readonly process: number;
  /** Its client goes away, at some moment. */
  readonly goes: boolean;
  readonly waitMs: number;
}

const writer: fc.Arbitrary<Writer> = fc.record({
  process: fc.integer({ min: 0, max: 2 }),
  goes: fc.boolean(),
  waitMs: fc.constantFrom(1_500, 10_000_000),
});

function makeProcess(s: fc.Scheduler, engine: SharedEngine, clock: ManualClock, at: number, lost: boolean[]) {
  const losses = lost[Symbol.iterator]();
  return new RedisLock({
    queue: interleavedQueue(s, engine, `p${at}`, () => losses.next().value === true),
    turns: new MemoryLock({ queue: 100, waiting: 100, clock }),
    // longer than all of it takes: what a lease's end frees is not looked at here
    leaseMs: { check: 50_000_000, write: 90_000_000 },
    down: 'closed',
    record: new LockRecord(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    clock,
  });
}

/** `lost`: for each process, which of its messages; `deaf`: whether it cannot be woken, and the engine knows. */
async function anyInterleaving(
  s: fc.Scheduler,
  writers: readonly Writer[],
  lost: boolean[][],
  deaf: readonly boolean[],
): Promise<void> {
  const clock = new ManualClock();
  const isDeaf = (token: string) => deaf.some((is, at) => is && token.startsWith(`p${at}-`));
  const engine = { model: new QueueModel(isDeaf), wakes: new Map<string, () => void>() };
  const processes = [0, 1, 2].map((at) => makeProcess(s, engine, clock, at, lost[at] ?? []));
  let inside = 0;
  const requests = writers.map(async ({ process, goes, waitMs }) => {
    const lock = processes[process];
    assert.ok(lock);
    await s.schedule(Promise.resolve(), 'arrive');
    const request = ask(lock, 'a', {
      waitMs,
      granted: () => {
        inside += 1;
        assert.equal(inside, 1, 'two holders');
      },
    });
    if (goes) void s.schedule(Promise.resolve(), 'go').then(request.abort);
    await request.ended;
    if (request.status() === 'client-gone') assert.ok(goes);
    else if (request.status() === 'lock-timeout') assert.equal(waitMs, 1_500);
    else if (request.status() === 'granted') {
      await s.schedule(Promise.resolve(), 'release');
      inside -= 1;
      request.release();
    } else assert.ok(lost.flat().includes(true), `${request.status()}, and nothing was lost`);
  });
  const done = Promise.all(requests);
  done.catch(() => {}); // awaited below, when all time has passed
  for (let round = 0; round < 10 * (writers.length + 1) + ROUNDS_TO_SAY; round += 1) {
    await s.waitIdle();
    await clock.pass(1_000);
  }
  await s.waitIdle();
  for (const lock of processes) assert.deepEqual(lock.state(), IDLE, 'nobody is forgotten');
  await done;
  assert.equal(engine.model.holder, undefined, 'nothing stays locked');
  assert.deepEqual(engine.model.line, [], 'nobody stays in the line');
  assert.equal(engine.wakes.size, 0, 'nobody waits to be woken');
  await Promise.all(processes.map((lock) => lock.stop()));
  assert.equal(clock.pending, 0, 'no timer is left');
}

t.test('one holder, nobody forgotten, nothing left, whatever gets lost', async (t) => {
  const writers = fc.array(writer, { minLength: 1, maxLength: 8 });
  const losses = fc.array(fc.array(fc.boolean(), { maxLength: MOST_LOST }), { minLength: 3, maxLength: 3 });
  const deaf = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });
  await t.resolves(
    fc.assert(fc.asyncProperty(fc.scheduler(), writers, losses, deaf, anyInterleaving), { numRuns: 150 }),
  );
});
