// The engine is gone, hung, read-only, full or strange: writes are refused within bounds, and it heals by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ask } from '../fixtures/lock-under-test.ts';
import { type OpenedRedisLock, openRedisLock } from '../fixtures/redis-lock.ts';
import { type RedisArguments, type RedisUnderTest, startRedis } from '../fixtures/redis-server.ts';
import { startForwarder } from '../fixtures/tcp-forwarder.ts';
import { until } from '../fixtures/until.ts';

/** One command, and as much again for a busy machine. Milliseconds. */
const BOUND = 2_500;

/** The code with which a write is refused, or `granted`. */
async function writing({ lock }: OpenedRedisLock, key = 'b'): Promise<string> {
  const before = performance.now();
  const request = ask(lock, key);
  await request.ended;
  const ms = performance.now() - before;
  if (request.status() === 'granted') request.release();
  return ms < BOUND ? request.status() : `${request.status()} after ${ms} ms`;
}

const heals = (opened: OpenedRedisLock, key?: string) =>
  until(async () => (await writing(opened, key)) === 'granted', 'it heals by itself');

interface Fault {
  readonly with?: RedisArguments;
  ail(redis: RedisUnderTest): unknown;
  heal(redis: RedisUnderTest): unknown;
}

const lockKey = async ({ client }: RedisUnderTest) => (await client.keys('ifmatch:{lock}:*:l'))[0] ?? '';

const faults: Readonly<Record<string, Fault>> = {
  'the server is killed': { ail: (redis) => redis.kill(), heal: (redis) => redis.restart() },
  'the server hangs': {
    ail: (redis) => redis.process.kill('SIGSTOP'),
    heal: (redis) => redis.process.kill('SIGCONT'),
  },
  'the server is paused': {
    ail: ({ client }) => client.call('CLIENT', 'PAUSE', '2000', 'ALL'),
    heal: () => {},
  },
  'the server has become a replica': {
    ail: ({ client }) => client.replicaof('127.0.0.1', 1),
    heal: ({ client }) => client.replicaof('NO', 'ONE'),
  },
  'too few replicas follow it': {
    ail: ({ client }) => client.config('SET', 'min-replicas-to-write', '1'),
    heal: ({ client }) => client.config('SET', 'min-replicas-to-write', '0'),
  },
  'it wants a password now': {
    ail: async ({ client }) => {
      await client.config('SET', 'requirepass', 'secret');
      await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const list = String(await client.call('CLIENT', 'LIST'));
      const [own] = /(?<=id=)[0-9]+/.exec(String(await client.call('CLIENT', 'INFO'))) ?? [];
      for (const [id] of list.matchAll(/(?<=^id=)[0-9]+/gm))
        if (id !== own) await client.call('CLIENT', 'KILL', 'ID', id);
    },
    heal: ({ client }) => client.config('SET', 'requirepass', ''),
  },
  'the lock of the key is a hash': {
    async ail(redis) {
      const key = await lockKey(redis);
      await redis.client.del(key);
      await redis.client.hset(key, 'a', 'b');
    },
    heal: async (redis) => redis.client.del(await lockKey(redis)),
  },
  'its guard is a list': {
    async ail({ client }) {
      const [guard = ''] = await client.keys('ifmatch:{lock}:guard:*');
      await client.del(guard);
      await client.lpush(guard, 'a');
    },
    heal: ({ client }) => client.flushall(),
  },
  'its guard has no time': {
    async ail({ client }) {
      const [guard = ''] = await client.keys('ifmatch:{lock}:guard:*');
      await client.hset(guard, 'notBefore', 'soon');
    },
    heal: ({ client }) => client.flushall(),
  },
};
for (const [what, fault] of Object.entries(faults)) {
  t.test(`${what}: 503 within bounds, and writes again when that is over`, async (t) => {
    const redis = await startRedis(t, fault.with);
    const opened = await openRedisLock(t, { port: redis.port });
    const holder = ask(opened.lock, 'a');
    await holder.ended;
    await fault.ail(redis);
    await sleep(20);
    const key = what.startsWith('the lock of the key') ? 'a' : 'b';
    if (key === 'a') holder.release();
    t.equal(await writing(opened, key), 'lock-engine-unavailable');
    t.equal(await writing(opened, key), 'lock-engine-unavailable');
    await fault.heal(redis);
    await heals(opened, key);
    if (key !== 'a') holder.release();
    await heals(opened, 'a');
    t.equal(opened.lock.engine().up, true);
    const said = JSON.stringify(opened.log);
    t.notMatch(said, /127\.0\.0\.1|secret|redis:\/\//, 'the log names no address');
    t.ok(opened.log.filter(({ level }) => level === 'warn').length <= 3, said);
  });
}

t.test('a server that refuses writes is asked once for each of them, and then no more', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port });
  await heals(opened);
  await redis.client.config('SET', 'min-replicas-to-write', '1');
  const scripts = async () => {
    const stats = await redis.client.info('commandstats');
    const counts = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=([0-9]+)/g)].map(([, calls]) =>
      Number(calls),
    );
    return counts.reduce((sum, calls) => sum + calls, 0);
  };
  const before = await scripts();
  const refused = Array.from({ length: 100 }, (_, at) => writing(opened, `key ${at}`));
  t.same(new Set(await Promise.all(refused)), new Set(['lock-engine-unavailable']));
  await sleep(1_500);
  t.equal(await scripts(), before + 100);
});

t.test('while the server is gone a write is refused without waiting for anything', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port });
  await redis.kill();
  await until(() => !opened.lock.engine().up, 'the connection is closed');
  for (let round = 0; round < 200; round += 1) {
    const request = ask(opened.lock, `key ${round}`);
    const first = await Promise.race([request.ended.then(() => 'refused'), sleep(500, 'waits')]);
    if (first !== 'refused') t.fail('it waits for the engine');
    if (round === 0) t.equal(request.retryAfter(), 5);
  }
  const said = () => JSON.stringify(opened.log);
  await until(() => said().includes('ECONNREFUSED'), 'it is said why');
  t.equal(opened.log.filter(({ level }) => level === 'warn').length, 2, 'and nothing is said twice');
  t.notMatch(said(), /127\.0\.0\.1/);
  const refusal = opened.lock.acquire('a', { waitMs: 0, signal: new AbortController().signal });
  await t.rejects(refusal, { cause: { message: 'not connected' } });
});

t.test('a strange value at a key that is locked keeps everybody out until it is gone', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port });
  const holder = ask(opened.lock, 'a');
  await holder.ended;
  const key = await lockKey(redis);
  await redis.client.set(key, 'no lock of ours');
  holder.release();
  const waiter = ask(opened.lock, 'a', { waitMs: 200 });
  await waiter.ended;
  t.equal(waiter.status(), 'lock-timeout');
  const patient = ask(opened.lock, 'a');
  await redis.client.del(key);
  await patient.ended;
  patient.release();
});

t.test('its memory is full: who would have to wait is refused, who holds a lock may end', async (t) => {
  const redis = await startRedis(t);
  const [holding, other] = await Promise.all([
    openRedisLock(t, { port: redis.port, namespace: 'full' }),
    openRedisLock(t, { port: redis.port, namespace: 'full' }),
  ]);
  const lease = await holding.lock.acquire('a', { waitMs: 0, signal: new AbortController().signal });
  await redis.client.config('SET', 'maxmemory', '1');
  t.equal(await writing(other, 'a'), 'lock-engine-unavailable');
  await holding.lock.arm([lease]);
  holding.lock.release(lease, { kind: 'known' });
  await redis.client.config('SET', 'maxmemory', '0');
  await heals(other, 'a');
  await until(async () => (await redis.client.dbsize()) === 1, 'nothing is left half done');
});

t.test('scripts that the server has forgotten are told to it once more', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port });
  for (let round = 0; round < 20; round += 1) {
    await redis.client.script('FLUSH');
    const [one, two] = [ask(opened.lock, 'a'), ask(opened.lock, 'a')];
    await one.ended;
    await redis.client.script('FLUSH');
    one.release();
    await two.ended;
    two.release();
  }
  await until(async () => (await redis.client.dbsize()) === 1, 'all is given back');
});

t.test('a subscriber whose server hangs as it subscribes does not end the process', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port });
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  redis.process.kill('SIGSTOP');
  await sleep(1_300);
  redis.process.kill('SIGCONT');
  await heals(opened);
});

t.test('a connection that has died in silence is noticed before a writer is', async (t) => {
  const redis = await startRedis(t);
  const forwarder = await startForwarder(t, redis.port);
  const opened = await openRedisLock(t, { port: forwarder.port });
  forwarder.deafen(true);
  await until(() => !opened.lock.engine().up, 'it is looked at');
  t.match(JSON.stringify(opened.log), /it gives no answer/);
  forwarder.deafen(false);
  await heals(opened);
});

/** It takes its time to read, and answers meanwhile. */
const SLOW = [
  ...['--key-load-delay', '10000', '--rdbcompression', 'no'],
  ...['--loading-process-events-interval-bytes', '1024'],
];

t.test('a server that still reads its data is waited for', async (t) => {
  const redis = await startRedis(t, SLOW);
  const keys = Array.from({ length: 100 }, (_, at) => [`key ${at}`, 'x'.repeat(2_000)]).flat();
  await redis.client.mset(...keys);
  await redis.client.save();
  await redis.relaunch();
  const opened = await openRedisLock(t, { port: redis.port });
  t.equal(opened.lock.engine().up, false);
  t.equal(await writing(opened), 'lock-engine-unavailable');
  await heals(opened);
  t.match(JSON.stringify(opened.log), /it is loading its data/);
});

t.test('a server that has become a replica is noticed before a writer is refused', async (t) => {
  const { client, port } = await startRedis(t);
  const { lock, log } = await openRedisLock(t, { port });
  await client.replicaof('127.0.0.1', 1);
  await until(() => !lock.engine().up, 'it is looked at');
  t.match(JSON.stringify(log), /it is a replica/);
});

t.test('a stop ends although the server hangs', async (t) => {
  const redis = await startRedis(t);
  const { lock } = await openRedisLock(t, { port: redis.port });
  const holder = ask(lock, 'a');
  await holder.ended;
  redis.process.kill('SIGSTOP');
  t.teardown(() => redis.process.kill('SIGCONT'));
  holder.release();
  await lock.stop();
  t.equal(lock.engine().up, false);
});

t.test('a server that has become unfit is noticed, and nothing is armed there until it is fit', async (t) => {
  const { client, port } = await startRedis(t, ['--maxmemory', '1gb', '--maxmemory-policy', 'noeviction']);
  const { lock, log } = await openRedisLock(t, { port });
  const lease = await lock.acquire('a', { waitMs: 0, signal: new AbortController().signal });
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await until(() => !lock.engine().up, 'it is looked at');
  await t.rejects(lock.arm([lease]), { code: 'lock-engine-unavailable' });
  t.match(JSON.stringify(log), /it would evict locks/);
  await client.config('SET', 'maxmemory-policy', 'noeviction');
  await until(() => lock.engine().up, 'it is up');
  lock.release(lease, { kind: 'known' });
});

t.test('a server that goes a second time: that is said again', async (t) => {
  const redis = await startRedis(t);
  const opened = await openRedisLock(t, { port: redis.port });
  const saying = (reason: string) =>
    opened.log.filter(({ level, fields }) => level === 'warn' && JSON.stringify(fields).includes(reason));
  for (const times of [1, 2]) {
    await redis.kill();
    await until(() => saying('ECONNREFUSED').length === times, 'it is said');
    await redis.restart();
    await heals(opened);
  }
});
