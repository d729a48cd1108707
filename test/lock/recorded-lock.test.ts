// What is counted of any lock: how requests for it end, how long it is held, and what becomes of writes.
import t from 'tap';
import type { Lease, Lock } from '../../src/lock/lock.ts';
import { BOUNDS, type HistogramState, LockRecord } from '../../src/lock/lock-record.ts';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { RecordedLock } from '../../src/lock/recorded-lock.ts';
import { lockContract } from '../fixtures/lock-contract.ts';
import { ask, IDLE, KNOWN, unknownFor } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';
import { heldForEver, noLock } from '../fixtures/no-lock.ts';

function under(queue = 1) {
  const clock = new ManualClock();
  const record = new LockRecord();
  const lock = new RecordedLock(new MemoryLock({ queue, waiting: 1_000, clock }), record, clock);
  return { clock, record, lock };
}

const take = (lock: Lock, key = 'a') =>
  lock.acquire(key, { waitMs: 60_000, signal: new AbortController().signal });
/** How many, and how many seconds together. */
const sums = ({ count, sum }: HistogramState) => [count, sum];

t.test('contract', async (t) => {
  lockContract(t, (_t, { queue }) => {
    const { lock, clock } = under(queue);
    return { lock, pass: (ms) => clock.pass(ms), writeMs: Number.POSITIVE_INFINITY };
  });
});

t.test('each request for the lock is counted under how it ended, with the time that took', async (t) => {
  const { lock, clock, record } = under();
  const holder = ask(lock, 'a');
  const late = ask(lock, 'a', { waitMs: 2_000 });
  const full = ask(lock, 'a');
  await clock.pass(3_000);
  const gone = ask(lock, 'a');
  await clock.pass(500);
  gone.abort();
  await clock.pass(0);
  const next = ask(lock, 'a');
  await clock.pass(250);
  holder.release();
  await next.ended;
  const last = ask(lock, 'a');
  await clock.pass(100);
  lock.stop();
  await clock.pass(0);
  t.same(
    Object.fromEntries(
      Object.entries(record.report().acquireSeconds).map(([code, state]) => [code, sums(state)]),
    ),
    {
      granted: [2, 0.25],
      'lock-timeout': [1, 2],
      'lock-queue-full': [1, 0],
      'client-gone': [1, 0.5],
      'shutting-down': [1, 0.1],
    },
  );
  t.same([late.status(), full.status(), last.status()], ['lock-timeout', 'lock-queue-full', 'shutting-down']);
});

t.test('an error that is nobody refusal is counted, and passes as it is', async (t) => {
  const record = new LockRecord();
  const error = new Error('broken');
  const lock = new RecordedLock({ ...noLock(), acquire: () => Promise.reject(error) }, record);
  t.equal(await take(lock).catch((reason: unknown) => reason), error);
  t.equal(record.report().acquireSeconds['internal']?.count, 1);
});

t.test('the time of the check ends with the arming, that of the write with the release', async (t) => {
  const { lock, clock, record } = under();
  const lease = await take(lock);
  await clock.pass(300);
  await lock.arm([lease]);
  await clock.pass(1_000);
  await lock.arm([lease]);
  await clock.pass(1_000);
  lock.release(lease, KNOWN);
  lock.release(lease, KNOWN);
  const refused = await take(lock);
  await clock.pass(50);
  lock.release(refused, unknownFor(1_000));
  lock.release(refused, unknownFor(1_000));
  const { holdSeconds, quarantinedTotal } = record.report();
  t.same(sums(holdSeconds.check), [2, 0.35]);
  t.same(sums(holdSeconds.write), [1, 2]);
  t.equal(quarantinedTotal, 1);
  await lock.stop();
  t.same(lock.state(), IDLE);
});

t.test('a lease of another lock is not counted, whatever is done with it', async (t) => {
  const { lock, record } = under();
  lock.release(heldForEver('a'), unknownFor(1));
  await t.rejects(lock.arm([heldForEver('a')]), { code: 'lock-lost-before-send' });
  const { holdSeconds, quarantinedTotal } = record.report();
  t.same([holdSeconds.check.count, holdSeconds.write.count, quarantinedTotal], [0, 0, 0]);
});

t.test('an arming that fails ends no check', async (t) => {
  const record = new LockRecord();
  const clock = new ManualClock();
  const error = new Error('lost');
  const lock = new RecordedLock({ ...noLock(), arm: () => Promise.reject(error) }, record, clock);
  const lease = await take(lock);
  await clock.pass(100);
  await t.rejects(lock.arm([lease]), error);
  lock.release(lease, KNOWN);
  const { holdSeconds, unserialisedTotal } = record.report();
  t.same([sums(holdSeconds.check), holdSeconds.write.count, unserialisedTotal], [[1, 0.1], 0, 0]);
});

/** When the engine was found gone, and how often that counts. */
const unserialised: Readonly<
  Record<string, readonly [at: 'acquire' | 'arm' | 'arm again' | 'never', number]>
> = {
  'before it is asked': ['acquire', 1],
  'when it is armed': ['arm', 1],
  'when the last of its content is to leave': ['arm again', 1],
  'at no time': ['never', 0],
};
for (const [when, [at, total]] of Object.entries(unserialised)) {
  t.test(`a write whose engine is gone ${when} counts ${total}`, async (t) => {
    const record = new LockRecord();
    let gone = at === 'acquire';
    const lease: Lease = {
      ...heldForEver('a'),
      get unserialised() {
        return gone;
      },
    };
    const lock = new RecordedLock({ ...noLock(), acquire: async () => lease }, record);
    const taken = await take(lock);
    t.equal(record.report().unserialisedTotal, 0, 'a write that is refused goes through nowhere');
    gone ||= at === 'arm';
    await lock.arm([taken]);
    gone ||= at === 'arm again';
    await lock.arm([taken]);
    lock.release(taken, KNOWN);
    t.equal(record.report().unserialisedTotal, total);
  });
}

t.test('buckets are cumulative, each with its bound, and the last has all', (t) => {
  const record = new LockRecord();
  for (const bound of BOUNDS) record.acquired('granted', bound * 1000);
  record.acquired('granted', 0);
  record.acquired('granted', 3_600_000);
  const { buckets = [], count, sum = 0 } = record.report().acquireSeconds['granted'] ?? {};
  t.same(buckets, [...BOUNDS.map((_, at) => at + 2), BOUNDS.length + 2]);
  t.equal(count, BOUNDS.length + 2);
  t.ok(Math.abs(sum - BOUNDS.reduce((total, bound) => total + bound, 3_600)) < 1e-6);
  t.end();
});

t.test('a report is of its moment: what is counted later does not change it', (t) => {
  const record = new LockRecord();
  const before = record.report();
  record.lost('in_flight');
  record.woken('wake');
  record.woken('poll');
  record.woken('poll');
  record.acquired('constructor', 1);
  t.same(before.lostTotal, { before_send: 0, in_flight: 0, after: 0 });
  const { lostTotal, wakesTotal, pollsTotal, acquireSeconds } = record.report();
  t.same([lostTotal.in_flight, wakesTotal, pollsTotal], [1, 1, 2]);
  t.equal(acquireSeconds['constructor']?.count, 1, 'a name that every object has is one like others');
  t.end();
});
