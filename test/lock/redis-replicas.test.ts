// lock.replicas: a write is sent only when so many replicas of the engine have its lock.
import t from 'tap';
import type { Lease, Lock } from '../../src/lock/lock.ts';
import { ask, KNOWN } from '../fixtures/lock-under-test.ts';
import { openRedisLock } from '../fixtures/redis-lock.ts';
import { startRedisPair } from '../fixtures/redis-pair.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

const take = (lock: Lock, key = 'a'): Promise<Lease> =>
  lock.acquire(key, { waitMs: 5_000, signal: new AbortController().signal });

t.test('with a replica that follows, a write is armed, and the replica has its lock', async (t) => {
  const { a, b } = await startRedisPair(t);
  const { lock } = await openRedisLock(t, { port: a.port, replicas: 1 });
  const lease = await take(lock);
  await lock.arm([lease]);
  t.equal((await b.client.keys('ifmatch:{lock}:*:l')).length, 1);
  lock.release(lease, KNOWN);
});

t.test(
  'with a replica that has stopped a write is refused within bounds, and its key is free again',
  async (t) => {
    const { a, b } = await startRedisPair(t);
    const { lock } = await openRedisLock(t, { port: a.port, replicas: 1 });
    const lease = await take(lock);
    b.process.kill('SIGSTOP');
    const before = performance.now();
    await t.rejects(lock.arm([lease]), { code: 'lock-engine-unavailable', retryAfter: 5 });
    t.ok(performance.now() - before < 3_000);
    lock.release(lease, KNOWN);
    b.process.kill('SIGCONT');
    const again = ask(lock, 'a');
    await again.ended;
    t.equal(again.status(), 'granted');
    again.release();
  },
);

t.test(
  'down: local, and too few replicas: the write is sent, marked, and its key is free after',
  async (t) => {
    const redis = await startRedis(t);
    const { lock, record } = await openRedisLock(t, { port: redis.port, replicas: 1, down: 'local' });
    const lease = await take(lock);
    await lock.arm([lease]);
    t.equal(lease.unserialised, true);
    lock.release(lease, KNOWN);
    await until(async () => (await redis.client.keys('*:l')).length === 0, 'it is released');
    t.equal(record.report().lostTotal.after, 0);
  },
);
