// Failovers of the engine: whatever the promoted server may not know of has ended before anything is granted.
import t from 'tap';
import { KNOWN } from '../fixtures/lock-under-test.ts';
import { GUARD, isGuarded, isOpen } from '../fixtures/redis-guarded.ts';
import { openRedisLock } from '../fixtures/redis-lock.ts';
import { follow, startRedisPair } from '../fixtures/redis-pair.ts';
import { until } from '../fixtures/until.ts';

t.test('a failover, and one back to the first server', async (t) => {
  const { a, b, name, failover } = await startRedisPair(t);
  const opened = await openRedisLock(t, { port: name.port, guardMs: GUARD });
  await isOpen(t, opened);
  let since = performance.now();
  await failover(a, b);
  await isGuarded(t, opened, since);
  since = performance.now();
  await failover(b, a);
  await isGuarded(t, opened, since);
});

t.test('a lock that the promoted replica has as well is still its holder own', async (t) => {
  const { a, b, name, failover } = await startRedisPair(t);
  const opened = await openRedisLock(t, { port: name.port, guardMs: GUARD });
  const lease = await opened.lock.acquire('a', { waitMs: 5_000, signal: new AbortController().signal });
  await until(async () => (await b.client.keys('*:l')).length === 1, 'the replica has it');
  await failover(a, b);
  await until(() => opened.lock.engine().up, 'the engine is up');
  await opened.lock.arm([lease]);
  opened.lock.release(lease, KNOWN);
  await until(async () => (await b.client.dbsize()) === 1, 'it is released there');
});

t.test(
  'a server that is emptied by its new primary and promoted again, under a living connection',
  async (t) => {
    const { a, b } = await startRedisPair(t);
    const opened = await openRedisLock(t, { port: a.port, guardMs: GUARD });
    await isOpen(t, opened);
    await b.client.replicaof('NO', 'ONE');
    const since = performance.now();
    await follow(a, b);
    await a.client.replicaof('NO', 'ONE');
    await until(() => opened.lock.engine().guardMs > 0, 'it is noticed without a write');
    await isGuarded(t, opened, since);
  },
);
