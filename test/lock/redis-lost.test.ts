// Leases that are lost, over a real server: what is refused, what is counted, and what the operator is told.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Lease, Lock } from '../../src/lock/lock.ts';
import type { Loss } from '../../src/lock/lock-record.ts';
import { IDLE, KNOWN, unknownFor } from '../fixtures/lock-under-test.ts';
import { type OpenedRedisLock, openRedisLock } from '../fixtures/redis-lock.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

const { client, port } = await startRedis(t);
/** A check lease that is over soon, unless it is renewed; a third of it passes between two renewals. */
const leaseMs = { check: 1_500, write: 3_000 };

t.afterEach(() => client.flushall());

const take = (lock: Lock, key = 'a'): Promise<Lease> =>
  lock.acquire(key, { waitMs: 5_000, signal: new AbortController().signal });

async function arming(lock: Lock, ...leases: readonly Lease[]): Promise<string> {
  try {
    await lock.arm(leases);
    return 'armed';
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

/** Losses are counted, and said once for each. */
function lossesAre({ record, log }: OpenedRedisLock, wanted: Partial<Record<Loss, number>>): string | true {
  const { lostTotal } = record.report();
  const all = { before_send: 0, in_flight: 0, after: 0, ...wanted };
  const said = log.filter(({ level }) => level === 'error').length;
  const total = all.before_send + all.in_flight + all.after;
  if (JSON.stringify(lostTotal) !== JSON.stringify(all)) return JSON.stringify(lostTotal);
  return said === total || `said ${said} times`;
}

async function lockKey(): Promise<string> {
  const [key = 'none'] = await client.keys('ifmatch:{lock}:*:l');
  return key;
}

const thieves: Readonly<Record<string, () => Promise<unknown>>> = {
  'the engine forgets everything': () => client.flushall(),
  'its key alone is forgotten': async () => client.del(await lockKey()),
  'somebody else has its key': async () => client.set(await lockKey(), 'other-1:17', 'PX', 60_000),
  'its key is quarantined': async () => client.set(await lockKey(), `Q:${await client.get(await lockKey())}`),
};
for (const [what, steal] of Object.entries(thieves)) {
  t.test(`${what} before the write is sent: it is not sent, whoever holds the key`, async (t) => {
    const opened = await openRedisLock(t, { port });
    const { lock } = opened;
    const lease = await take(lock);
    await steal();
    t.equal(await arming(lock, lease), 'lock-lost-before-send');
    t.equal(lease.remainingMs(), 0);
    t.equal(await arming(lock, lease), 'lock-lost-before-send', 'nor a second time');
    lock.release(lease, KNOWN);
    await lock.stop();
    t.equal(lossesAre(opened, { before_send: 1 }), true);
    t.same(lock.state(), IDLE);
  });

  t.test(`${what} while the write is under way: that is found at the next renewal`, async (t) => {
    const opened = await openRedisLock(t, { port, leaseMs });
    const { lock } = opened;
    const lease = await take(lock);
    t.equal(await arming(lock, lease), 'armed');
    await steal();
    t.ok(lease.remainingMs() > 0, 'nobody knows as yet');
    await until(() => lease.remainingMs() === 0, 'the renewal finds out');
    t.equal(await arming(lock, lease), 'lock-lost-before-send', 'the last of its content may not leave');
    lock.release(lease, unknownFor(1_000));
    await lock.stop();
    t.equal(lossesAre(opened, { in_flight: 1 }), true);
  });

  t.test(`${what} while the write is under way: that is found at the release`, async (t) => {
    const opened = await openRedisLock(t, { port });
    const { lock } = opened;
    const lease = await take(lock);
    t.equal(await arming(lock, lease), 'armed');
    await steal();
    const stolen = await client.get(await lockKey());
    lock.release(lease, KNOWN);
    await lock.stop();
    t.equal(lossesAre(opened, { after: 1 }), true);
    t.equal(await client.get(await lockKey()), stolen, 'what is not its own it leaves alone');
  });
}

t.test(
  'a loss found while the state is asked for is counted once, also when it is armed after',
  async (t) => {
    const opened = await openRedisLock(t, { port, leaseMs });
    const { lock } = opened;
    const lease = await take(lock);
    await client.flushall();
    await until(() => lease.remainingMs() === 0, 'the renewal finds out');
    t.equal(await arming(lock, lease), 'lock-lost-before-send');
    lock.release(lease, KNOWN);
    await lock.stop();
    t.equal(lossesAre(opened, { before_send: 1 }), true);
  },
);

t.test('of two leases one is lost: neither is armed, the other is freed as ever', async (t) => {
  const opened = await openRedisLock(t, { port });
  const { lock } = opened;
  const [one, other] = [await take(lock, 'one'), await take(lock, 'other')];
  const keys = await client.keys('ifmatch:{lock}:*:l');
  const [first = ''] = keys;
  await client.del(first);
  t.equal(await arming(lock, one, other), 'lock-lost-before-send');
  lock.release(one, KNOWN);
  lock.release(other, KNOWN);
  await lock.stop();
  t.equal(lossesAre(opened, { before_send: 1 }), true);
  t.same(await client.keys('ifmatch:{lock}:*:l'), []);
});

t.test(
  'a process that stood still for longer than its lease arms nothing, and another has the key',
  async (t) => {
    const [stopped, other] = await Promise.all([
      openRedisLock(t, { port, namespace: 'still', leaseMs: { check: 200, write: 8_000 } }),
      openRedisLock(t, { port, namespace: 'still' }),
    ]);
    const lease = await take(stopped.lock);
    const next = await take(other.lock);
    t.equal(await arming(stopped.lock, lease), 'lock-lost-before-send');
    t.equal(await arming(other.lock, next), 'armed');
    stopped.lock.release(lease, KNOWN);
    await stopped.lock.stop();
    t.equal(await arming(other.lock, next), 'armed', 'the late release frees nobody else');
    other.lock.release(next, KNOWN);
    await other.lock.stop();
    t.equal(lossesAre(stopped, { before_send: 1 }), true);
    t.equal(lossesAre(other, {}), true);
  },
);

t.test('a check that takes long keeps its lease, and nobody else gets the key', async (t) => {
  const [one, other] = await Promise.all([
    openRedisLock(t, { port, namespace: 'long', leaseMs }),
    openRedisLock(t, { port, namespace: 'long', leaseMs }),
  ]);
  const lease = await take(one.lock);
  const next = take(other.lock);
  await sleep(2 * leaseMs.check);
  t.ok(lease.remainingMs() > 0);
  t.equal(await arming(one.lock, lease), 'armed');
  t.equal(other.lock.state().held, 0);
  one.lock.release(lease, KNOWN);
  other.lock.release(await next, KNOWN);
  await Promise.all([one.lock.stop(), other.lock.stop()]);
  t.equal(lossesAre(one, {}), true);
});
