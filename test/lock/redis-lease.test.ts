// How long a lease in Redis lasts by this process's own clocks, and how it is renewed.
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { momentOf } from '../../src/lock/clock.ts';
import type { Lease } from '../../src/lock/lock.ts';
import { MARGIN, RedisLease } from '../../src/lock/redis-lease.ts';
import { KNOWN } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';
import { CHECK, granted, type ScriptedLock, scriptedLock, WRITE } from '../fixtures/scripted-lock.ts';

function lease(clock: ManualClock, leaseMs = 5_000): RedisLease {
  const place = { id: 'a', token: 't1' };
  return new RedisLease({
    key: 'a',
    turn: undefined,
    place,
    fence: '7',
    from: momentOf(clock),
    leaseMs,
    clock,
  });
}

const clocks: readonly {
  readonly name: string;
  readonly pass?: number;
  readonly step?: number;
  readonly left: number;
}[] = [
  { name: 'time goes by', pass: 2_000, left: 2_500 },
  { name: 'the monotonic clock stood still while the machine slept', step: 2_000, left: 2_500 },
  { name: 'the wall clock steps forward over the end', pass: 10, step: 3_600_000, left: 0 },
  { name: 'the wall clock steps back', pass: 2_000, step: -3_600_000, left: 2_500 },
  { name: 'both go on', pass: 1_000, step: 1_000, left: 2_500 },
  { name: 'one millisecond is left', pass: 4_499, left: 1 },
  { name: 'it ends', pass: 4_500, left: 0 },
  { name: 'it has ended long ago', pass: 90_000, left: 0 },
];
for (const { name, pass = 0, step = 0, left } of clocks) {
  t.test(`${name}: ${left} ms of 5000 are certain`, async (t) => {
    const clock = new ManualClock();
    const held = lease(clock);
    t.equal(held.remainingMs(), 5_000 - MARGIN);
    await clock.pass(pass);
    clock.wallStep = step;
    t.equal(held.remainingMs(), left);
  });
}

t.test('what is lost has no time left, what nobody else knows of no end', (t) => {
  const clock = new ManualClock();
  const one = lease(clock);
  one.lost = true;
  t.equal(one.remainingMs(), 0);
  t.equal(one.needsRenewal, false);
  const other = lease(clock);
  other.unserialised = true;
  t.equal(other.remainingMs(), Number.POSITIVE_INFINITY);
  t.equal(other.needsRenewal, false);
  t.end();
});

t.test('an answer that was overtaken does not shorten it', async (t) => {
  const clock = new ManualClock();
  const held = lease(clock);
  const early = momentOf(clock);
  await clock.pass(1_000);
  held.prolong(momentOf(clock), 9_000);
  held.prolong(early, 9_000);
  t.equal(held.remainingMs(), 8_500);
  held.prolong(momentOf(clock), 5_000);
  t.equal(held.remainingMs(), 8_500);
});

async function acquire({ lock, queue }: ScriptedLock, key = 'a'): Promise<Lease> {
  const asked = lock.acquire(key, { waitMs: 60_000, signal: new AbortController().signal });
  await turn();
  queue.acquires.at(-1)?.answer(granted());
  return asked;
}

/** Lets time go by; every renewal is answered at once. */
async function passRenewing({ clock, queue }: ScriptedLock, ms: number): Promise<void> {
  const until = clock.now() + ms;
  while (clock.now() < until) {
    await clock.pass(100);
    for (const { places, answer } of queue.extends) answer(places.map(() => true));
    await turn();
  }
}

t.test('a lease in use lasts far beyond its length, while it is renewed', async (t) => {
  const under = scriptedLock();
  const held = await acquire(under);
  await passRenewing(under, 10 * CHECK);
  t.ok(held.remainingMs() > CHECK / 2, `${held.remainingMs()} ms are left`);
  t.ok(under.queue.extends.length >= 20, `${under.queue.extends.length} renewals`);
  t.ok(under.queue.extends.every(({ leaseMs }) => leaseMs === CHECK));
  under.lock.release(held, KNOWN);
  const { length } = under.queue.extends;
  await passRenewing(under, CHECK);
  t.equal(under.queue.extends.length, length, 'nothing is renewed after the release');
});

t.test('an engine that does not answer renewals ends no lease before its time', async (t) => {
  const under = scriptedLock();
  const held = await acquire(under);
  for (let ms = 0; ms < CHECK - MARGIN; ms += 100) {
    t.equal(held.remainingMs(), CHECK - MARGIN - ms);
    await under.clock.pass(100);
    for (const { fail } of under.queue.extends) fail();
  }
  t.equal(held.remainingMs(), 0);
  t.same(under.log, [], 'no loss');
  t.ok(under.queue.extends.length > 0);
});

t.test('a wall clock that was set forward is made good by the next renewal', async (t) => {
  const under = scriptedLock();
  const held = await acquire(under);
  under.clock.wallStep = 3_600_000;
  t.equal(held.remainingMs(), 0);
  await passRenewing(under, 600);
  t.ok(held.remainingMs() > 2_000, `${held.remainingMs()} ms are left`);
});

t.test('a renewal on its way while the lease is armed changes nothing of it', async (t) => {
  for (const mine of [true, false]) {
    const under = scriptedLock();
    const { lock, queue, clock, record } = under;
    const held = await acquire(under);
    await clock.pass(CHECK / 3);
    const [renewal] = queue.extends;
    t.equal(renewal?.leaseMs, CHECK);
    const arming = lock.arm([held]);
    t.equal(queue.extends[1]?.leaseMs, WRITE);
    queue.extends[1]?.answer([true]);
    await arming;
    renewal?.answer([mine]);
    await turn();
    t.equal(held.remainingMs(), WRITE - MARGIN);
    t.same(record.report().lostTotal, { before_send: 0, in_flight: 0, after: 0 });
  }
});

t.test('an armed lease is renewed for the length of a write', async (t) => {
  const under = scriptedLock();
  const held = await acquire(under);
  const arming = under.lock.arm([held]);
  under.queue.extends[0]?.answer([true]);
  await arming;
  await passRenewing(under, 3 * WRITE);
  t.ok(under.queue.extends.every(({ leaseMs }) => leaseMs === WRITE));
  t.ok(held.remainingMs() > WRITE / 2, `${held.remainingMs()} ms are left`);
});

t.test('many leases are renewed in batches, each asked for once', async (t) => {
  const under = scriptedLock();
  for (let at = 0; at < 1_001; at += 1) await acquire(under, `key ${at}`);
  await under.clock.pass(CHECK / 3);
  t.same(
    under.queue.extends.map(({ places }) => places.length),
    [500, 500, 1],
  );
  t.equal(new Set(under.queue.extends.flatMap(({ places }) => places.map(({ token }) => token))).size, 1_001);
});
