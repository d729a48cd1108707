// After the engine lost its memory, or may have lost some of it, nothing is granted until no write can be under way.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import t from 'tap';
import { ask, KNOWN } from '../fixtures/lock-under-test.ts';
import { GUARD, impatient, isGuarded, isOpen } from '../fixtures/redis-guarded.ts';
import { openRedisLock } from '../fixtures/redis-lock.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

/** The guard as it stands in Redis. */
async function guardOf(client: Redis): Promise<Record<string, string>> {
  const [key = ''] = await client.keys('ifmatch:{lock}:guard:*');
  return client.hgetall(key);
}

t.test('a server that was never seen before, then restarted, then emptied', async (t) => {
  const redis = await startRedis(t);
  let since = performance.now();
  const opened = await openRedisLock(t, { port: redis.port, guardMs: GUARD });
  await isGuarded(t, opened, since);
  t.equal(opened.lock.engine().guardMs, 0);
  since = performance.now();
  await redis.restart();
  await isGuarded(t, opened, since);
  since = performance.now();
  await redis.client.flushall();
  await isGuarded(t, opened, since);
  const said = opened.log.filter(({ message }) => /lost its memory/.test(message));
  t.equal(said.length, 3, 'each is said once');
});

t.test('the guard begins with the connection, not with the first write', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port, guardMs: GUARD });
  await sleep(GUARD + 50);
  const request = impatient(opened);
  await request.ended;
  t.equal(request.status(), 'granted');
  request.release();
});

t.test('another process that comes later is no reason for a new guard', async (t) => {
  const redis = await startRedis(t);
  const first = await openRedisLock(t, { port: redis.port, guardMs: GUARD, namespace: 'same' });
  await isOpen(t, first);
  const before = await guardOf(redis.client);
  const second = await openRedisLock(t, { port: redis.port, guardMs: GUARD, namespace: 'same' });
  const request = impatient(second);
  await request.ended;
  t.equal(request.status(), 'granted');
  request.release();
  t.match(await guardOf(redis.client), { tag: before['tag'], notBefore: before['notBefore'] });
});

t.test('each namespace has a guard of its own', async (t) => {
  const redis = await startRedis(t);
  const old = await openRedisLock(t, { port: redis.port, guardMs: GUARD });
  await isOpen(t, old);
  const since = performance.now();
  const young = await openRedisLock(t, { port: redis.port, guardMs: GUARD });
  const request = impatient(old);
  await request.ended;
  t.equal(request.status(), 'granted');
  request.release();
  await isGuarded(t, young, since);
});

t.test('a guard longer than the rest of the wait refuses at once, and says when to come again', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port, guardMs: 90_000 });
  const request = ask(opened.lock, 'a', { waitMs: 10_000 });
  await request.ended;
  t.equal(request.status(), 'lock-engine-guard');
  t.equal(request.retryAfter(), 90);
});

t.test('old and new connections agree on one guard', async (t) => {
  const redis = await startRedis(t, ['--enable-debug-command', 'yes']);
  const settings = { port: redis.port, guardMs: GUARD, namespace: 'same' };
  const old = await openRedisLock(t, settings);
  await isOpen(t, old);
  const before = await guardOf(redis.client);
  await redis.client.call('DEBUG', 'CHANGE-REPL-ID');
  const since = performance.now();
  const young = await openRedisLock(t, settings);
  await until(
    async () => (await guardOf(redis.client))['tag'] !== before['tag'],
    'the new one begins a guard',
  );
  const begun = await guardOf(redis.client);
  for (const opened of [old, young, old, young]) {
    const request = impatient(opened);
    await request.ended;
    t.equal(request.status(), 'lock-engine-guard');
  }
  t.same(await guardOf(redis.client), begun, 'it begins once');
  await isGuarded(t, old, since);
  await isOpen(t, young);
});

for (const when of ['has ended long ago', 'is on']) {
  t.test(
    `the server sets its clock back by an hour when a guard ${when}: it lasts once more, and no longer`,
    async (t) => {
      const redis = await startRedis(t);
      const opened = await openRedisLock(t, { port: redis.port, guardMs: GUARD });
      if (when !== 'is on') await isOpen(t, opened);
      const [key = ''] = await redis.client.keys('ifmatch:{lock}:guard:*');
      const { notBefore } = await guardOf(redis.client);
      const since = performance.now();
      await redis.client.hset(key, 'notBefore', String(Number(notBefore) + 3_600_000));
      await isGuarded(t, opened, since);
      await isOpen(t, opened);
    },
  );
}

t.test('a guard is as long as who began it wanted, also after one that was shorter', async (t) => {
  const redis = await startRedis(t, ['--enable-debug-command', 'yes']);
  const namespace = 'same';
  const short = await openRedisLock(t, { port: redis.port, guardMs: 1, namespace });
  await isOpen(t, short);
  await short.lock.stop();
  await redis.client.call('DEBUG', 'CHANGE-REPL-ID');
  const since = performance.now();
  const long = await openRedisLock(t, { port: redis.port, guardMs: GUARD, namespace });
  const hasty = await openRedisLock(t, { port: redis.port, guardMs: 1, namespace });
  const refused = impatient(hasty);
  await refused.ended;
  t.equal(refused.status(), 'lock-engine-guard', 'nor does anybody else shorten it');
  await isGuarded(t, long, since);
});

t.test('a waiter outlives a guard that begins while it waits', async (t) => {
  const redis = await startRedis(t);
  const settings = { port: redis.port, guardMs: GUARD, namespace: 'same' };
  const [one, other] = await Promise.all([openRedisLock(t, settings), openRedisLock(t, settings)]);
  const holder = ask(one.lock, 'a');
  await holder.ended;
  const waiter = ask(other.lock, 'a', { waitMs: 8_000 });
  const hasty = ask(one.lock, 'b', { waitMs: 8_000 });
  await hasty.ended;
  hasty.release();
  await until(async () => (await redis.client.keys('*:q')).length === 1, 'it waits');
  const since = performance.now();
  await redis.client.flushall();
  await waiter.ended;
  t.ok(performance.now() - since >= GUARD - 10);
  waiter.release();
  holder.release();
});

t.test('fences rise over a flush and a restart', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port });
  let last = 0n;
  const rises = async () => {
    const lease = await opened.lock.acquire('a', { waitMs: 5_000, signal: new AbortController().signal });
    t.ok(BigInt(lease.fence ?? 0) > last);
    last = BigInt(lease.fence ?? 0);
    opened.lock.release(lease, KNOWN);
  };
  await rises();
  await rises();
  await redis.client.flushall();
  await rises();
  await redis.restart();
  await until(() => opened.lock.engine().up, 'the engine is up');
  await rises();
});
