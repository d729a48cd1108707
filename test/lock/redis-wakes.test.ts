// The connection for wakes, by whatever it was lost: a process that waits is woken again, without a restart.
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { ask } from '../fixtures/lock-under-test.ts';
import { startRedisLink } from '../fixtures/redis-link.ts';
import { type OpenedRedisLock, openRedisLock } from '../fixtures/redis-lock.ts';
import { startRedisPair } from '../fixtures/redis-pair.ts';
import { type RedisUnderTest, startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

/** Processes that this server can wake. */
const listening = async ({ client }: RedisUnderTest): Promise<number> => {
  const channels = await client.pubsub('CHANNELS', 'ifmatch:wake:*');
  return Array.isArray(channels) ? channels.length : -1;
};

interface Two {
  readonly redis: RedisUnderTest;
  readonly waiting: OpenedRedisLock;
  readonly holding: OpenedRedisLock;
}

/** One that waits for a holder of another process is woken by its release. */
async function isWoken({ redis, waiting, holding }: Two): Promise<boolean> {
  const before = waiting.record.report().wakesTotal;
  const holder = ask(holding.lock, 'a');
  await holder.ended;
  const waiter = ask(waiting.lock, 'a');
  await until(async () => (await redis.client.keys('*:q')).length === 1, 'it waits');
  holder.release();
  await waiter.ended;
  waiter.release();
  return waiting.record.report().wakesTotal > before;
}

async function openTwo(t: Test, redis: RedisUnderTest, port = redis.port): Promise<Two> {
  const namespace = 'two';
  const waiting = await openRedisLock(t, { port, namespace });
  const holding = await openRedisLock(t, { port: redis.port, namespace });
  await until(async () => (await listening(redis)) === 2, 'both listen');
  const both = { redis, waiting, holding };
  t.equal(await isWoken(both), true);
  return both;
}

for (const forgotten of [true, false]) {
  t.test(
    `nothing comes on it any more, ${forgotten ? 'and the server has ended it' : 'and nobody knows'}`,
    async (t) => {
      const redis = await startRedis(t);
      const link = await startRedisLink(t, () => redis.port);
      const both = await openTwo(t, redis, link.port);
      link.mute('subscribe', forgotten);
      await until(() => isWoken(both), 'it is woken again');
      const silence = {
        message: 'the lock engine cannot wake waiters',
        fields: { reason: 'it gives no answer' },
      };
      const warnings = () => both.waiting.log.filter(({ level }) => level === 'warn');
      t.match(warnings(), [silence], 'it is said once, and that is all that was wrong');
      await sleep(2_500); // it is tried, and is well
      link.mute('subscribe', forgotten);
      await until(() => warnings().length > 1, 'it is said again');
      await until(() => isWoken(both), 'it is woken once more');
      t.match(warnings(), [silence, silence]);
      t.equal(both.waiting.lock.engine().up, true);
    },
  );
}

t.test('the server refuses to let it listen, for a while', async (t) => {
  const redis = await startRedis(t);
  const user = ['ACL', 'SETUSER', 'mute', 'on', '>secret', '~*', '+@all', 'resetchannels'] as const;
  await redis.client.call(...user, '&other:*');
  const login = { username: 'mute', password: 'secret' };
  const opened = await openRedisLock(t, { port: redis.port, login });
  const warnings = () => opened.log.filter(({ level }) => level === 'warn');
  await until(() => /cannot wake waiters.*NOPERM/.test(JSON.stringify(warnings())), 'it is refused');
  await sleep(2_500); // it is refused again and again
  await redis.client.call(...user, '&ifmatch:*');
  await until(async () => (await listening(redis)) === 1, 'it listens');
  t.equal(warnings().length, 1);
});

t.test('the server refuses it while it is busy with a script', async (t) => {
  const redis = await startRedis(t, ['--busy-reply-threshold', '50']);
  const both = await openTwo(t, redis);
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const busy = "local t = redis.call('TIME')[1] + 2; while redis.call('TIME')[1] + 0 < t do end";
  await redis.client.eval(busy, 0);
  await until(async () => (await listening(redis)) === 2, 'both listen again');
  t.equal(await isWoken(both), true);
});

t.test('the address leads to a promoted replica, and the first server lives on', async (t) => {
  const { a, b, name } = await startRedisPair(t);
  await openRedisLock(t, { port: name.port });
  await until(async () => (await listening(a)) === 1, 'it listens');
  name.pointTo(b.port);
  await b.client.replicaof('NO', 'ONE');
  await a.client.replicaof('127.0.0.1', b.port);
  await until(async () => (await listening(b)) === 1, 'it listens there');
  await until(async () => (await listening(a)) === 0, 'and no longer here');
});
