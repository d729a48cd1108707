// The connection for wakes, by whatever it was lost: a process that waits is woken again, without a restart.
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { connectionOptions } from '../../src/lock/redis-connection.ts';
import { WakeConnection } from '../../src/lock/redis-wakes.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { ask } from '../fixtures/lock-under-test.ts';
import { startRedisLink } from '../fixtures/redis-link.ts';
import { type OpenedRedisLock, openRedisLock } from '../fixtures/redis-lock.ts';
import { startRedisPair } from '../fixtures/redis-pair.ts';
import { type RedisUnderTest, startRedis } from '../fixtures/redis-server.ts';
import { startForwarder } from '../fixtures/tcp-forwarder.ts';
import { settle, until } from '../fixtures/until.ts';

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

const CHANNEL = 'ifmatch:wake:one';

/** The connection by itself; what it says to itself goes where the test wants it. */
async function openWakes(t: Test, port: number) {
  const said: string[] = [];
  const woken: string[] = [];
  const say = (_fields: object, message: string) => void said.push(message);
  const wakes = new WakeConnection({
    connection: connectionOptions({ address: { host: '127.0.0.1', port, tls: false, db: 0 } }),
    channel: CHANNEL,
    log: { info: say, warn: say, error: say },
    onWake: (message) => void woken.push(message),
    reasonOf: String,
  });
  t.teardown(() => wakes.stop());
  await wakes.start();
  return { wakes, said, woken };
}

async function openListening(t: Test, port: number) {
  const opened = await openWakes(t, port);
  await until(() => opened.wakes.listening, 'it listens');
  return opened;
}

/** Nobody hears it. */
const unheard = async (): Promise<void> => {};

t.test('what it says to itself may be heard before the saying has its answer', async (t) => {
  const { client, port } = await startRedis(t);
  const { wakes, said, woken } = await openListening(t, port);
  for (const rounds of [1, 2, 3]) {
    await wakes.look(async (channel, message) => {
      await client.publish(channel, message);
      await client.publish(channel, 'behind it');
      await until(() => woken.length === rounds, 'it is heard');
    });
  }
  t.same(woken, ['behind it', 'behind it', 'behind it'], 'and wakes nobody');
  t.same(said, []);
});

t.test('what could not be said is not missed', async (t) => {
  const { port } = await startRedis(t);
  const { wakes, said } = await openListening(t, port);
  for (let round = 0; round < 3; round += 1) await wakes.look(() => Promise.reject(new Error('not now')));
  t.equal(wakes.listening, true, 'it is the same connection');
  t.same(said, []);
});

t.test('a new connection is not judged by what the last one did not hear', async (t) => {
  const { port } = await startRedis(t);
  const { wakes, said } = await openListening(t, port);
  await wakes.look(unheard);
  wakes.renew();
  t.equal(wakes.listening, false);
  await wakes.look(async () => t.fail('nobody would hear it'));
  await until(() => wakes.listening, 'it listens');
  t.same(said, []);
});

t.test('it is cut off: until it is there again it does not count as one that hears', async (t) => {
  const { port } = await startRedis(t);
  const net = await startForwarder(t, port);
  const { wakes, said } = await openListening(t, net.port);
  await wakes.look(unheard);
  net.refuse(true);
  net.cut();
  await until(() => !wakes.listening, 'it does not');
  net.refuse(false);
  await until(() => wakes.listening, 'it does again');
  await wakes.look(unheard);
  t.same(said, [], 'what was said before is not waited for');
});

t.test('while it cannot connect it says nothing to itself, and is not said to be silent', async (t) => {
  const printed = t.capture(console, 'error');
  const { wakes, said } = await openWakes(t, await closedPort());
  for (let round = 0; round < 3; round += 1) await wakes.look(async () => t.fail('nobody would hear it'));
  t.same([said, printed()], [[], []], 'nor anything else by its client');
});

t.test('after a stop it is not opened again, and nothing is said of it', async (t) => {
  const { client, port } = await startRedis(t);
  const { wakes, said } = await openListening(t, port);
  const opened = async () => /total_connections_received:[0-9]+/.exec(await client.info('stats'))?.[0];
  const before = await opened();
  await wakes.look(unheard);
  wakes.stop();
  await wakes.look(unheard);
  await settle();
  t.equal(await opened(), before);
  t.same(said, []);
});
