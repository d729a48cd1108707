// The memory lock under random interleavings of arrivals, departures, releases and time.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { Fate } from '../../src/lock/lock.ts';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { ask, IDLE, KNOWN, type Request, unknownFor } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';

const LONGEST_QUARANTINE = 50;

interface Writer {
  readonly key: string;
  readonly waitMs: number;
  /** Whether the client goes away, at some moment: before it asks, while it waits, or later. */
  readonly goes: boolean;
  readonly fate: Fate;
  readonly releasesTwice: boolean;
}

const fate = fc.oneof(fc.constant(KNOWN), fc.integer({ min: 0, max: LONGEST_QUARANTINE }).map(unknownFor));
const writer: fc.Arbitrary<Writer> = fc.record({
  key: fc.constantFrom('a', 'b'),
  waitMs: fc.constantFrom(20, 1_000_000),
  goes: fc.boolean(),
  fate,
  releasesTwice: fc.boolean(),
});

/** What the writers of one key have lived through. */
class KeyHistory {
  readonly arrived: Request[] = [];
  readonly granted: Request[] = [];
  #holder: Request | undefined;
  #lockedUntil = 0;

  grant(request: Request, now: number): void {
    assert.equal(this.#holder, undefined, 'two holders of one key');
    assert.ok(now >= this.#lockedUntil, 'granted within a quarantine');
    this.#holder = request;
    this.granted.push(request);
  }

  release(fate: Fate, now: number): void {
    this.#holder = undefined;
    if (fate.kind === 'unknown') this.#lockedUntil = now + fate.quarantineMs;
  }
}

/** All of one writer's steps; the scheduler decides when each of them comes. */
async function live(
  s: fc.Scheduler,
  lock: MemoryLock,
  clock: ManualClock,
  history: KeyHistory,
  writer: Writer,
) {
  await s.schedule(Promise.resolve(), 'arrive');
  const request = ask(lock, writer.key, {
    waitMs: writer.waitMs,
    granted: () => history.grant(request, clock.now()),
  });
  history.arrived.push(request);
  if (writer.goes) s.schedule(Promise.resolve(), 'go').then(request.abort);
  await request.ended;
  if (request.status() === 'lock-timeout') assert.equal(writer.waitMs, 20);
  else if (request.status() === 'client-gone') assert.ok(writer.goes);
  else {
    await s.schedule(Promise.resolve(), 'release');
    history.release(writer.fate, clock.now());
    request.release(writer.fate);
    if (!writer.releasesTwice) return;
    await s.schedule(Promise.resolve(), 'release again');
    request.release(writer.fate);
  }
}

const isWaiting = (request: Request) => request.status() === 'waiting';

async function anyInterleaving(s: fc.Scheduler, writers: readonly Writer[], steps: readonly number[]) {
  const clock = new ManualClock();
  const lock = new MemoryLock({ queue: writers.length, waiting: 100, clock });
  const histories = new Map(writers.map(({ key }) => [key, new KeyHistory()]));
  const lives = writers.map((writer) => {
    const history = histories.get(writer.key);
    assert.ok(history);
    return live(s, lock, clock, history, writer);
  });
  const time = steps.map((ms) => s.schedule(Promise.resolve(), `${ms} ms`).then(() => clock.pass(ms)));

  const done = Promise.all([...lives, ...time]);
  done.catch(() => {}); // awaited below, when all time has passed

  // Each round ends at least one quarantine per key, and lets whoever was waiting for it go on.
  for (const _ of writers) {
    await s.waitIdle();
    await clock.pass(LONGEST_QUARANTINE);
  }
  await s.waitIdle();
  await clock.pass(LONGEST_QUARANTINE);
  const forgotten = [...histories.values()].flatMap(({ arrived }) => arrived).filter(isWaiting);
  assert.deepEqual(forgotten, []);
  await done;

  for (const { arrived, granted } of histories.values()) {
    const notRefused = arrived.filter((request) => request.status() === 'granted');
    assert.deepEqual(granted, notRefused, 'served in the order of arrival');
  }
  assert.deepEqual(lock.state(), IDLE);
  assert.equal(clock.pending, 0);
}

t.test('one holder per key, first come first served, nobody forgotten, nothing left', async (t) => {
  const writers = fc.array(writer, { minLength: 1, maxLength: 12 });
  const steps = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 8 });
  await t.resolves(
    fc.assert(fc.asyncProperty(fc.scheduler(), writers, steps, anyInterleaving), { numRuns: 500 }),
  );
});
