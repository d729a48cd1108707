// Who may do what at the engine: the fewest rights that are enough, wrong passwords, databases that are not to be had.
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { ask, unknownFor } from '../fixtures/lock-under-test.ts';
import { type OpenedRedisLock, openRedisLock, type RedisQueueSettings } from '../fixtures/redis-lock.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

const { client, port } = await startRedis(t);

/** What the user of ifmatch may do; the documents say so too. */
const CONNECTION = ['eval', 'evalsha', 'info', 'subscribe'];
const SCRIPTS = [
  ...['time', 'get', 'set', 'del', 'pttl', 'pexpire', 'hmget', 'hset'],
  ...['zadd', 'zrange', 'zrem', 'zscore', 'publish'],
];
const ENOUGH = [...CONNECTION, ...SCRIPTS];

let users = 0;

async function loginWith(commands: readonly string[], more: readonly string[] = []) {
  users += 1;
  const [username, password] = [`ifmatch-user-${users}`, `secret-${users}`];
  const rights = ['resetkeys', '~ifmatch:*', 'resetchannels', '&ifmatch:*', ...more];
  const allowed = commands.map((command) => `+${command}`);
  await client.call('ACL', 'SETUSER', username, 'on', `>${password}`, ...rights, '-@all', ...allowed);
  return { username, password };
}

/** Everything that the lock ever says to its engine; the first refusal. */
async function workout(t: Test, login: NonNullable<RedisQueueSettings['login']>): Promise<string> {
  const settings = { port, login, leaseMs: { check: 1_500, write: 3_000 }, namespace: login.username ?? '' };
  const [one, other] = await Promise.all([openRedisLock(t, settings), openRedisLock(t, settings)]);
  const codes: string[] = [];
  const holder = ask(one.lock, 'a');
  await holder.ended;
  codes.push(holder.status());
  if (holder.status() !== 'granted') return holder.status();
  const waiter = ask(other.lock, 'a', { waitMs: 2_000 });
  await sleep(30);
  holder.release();
  await waiter.ended;
  if (waiter.status() !== 'granted') return waiter.status();
  if (other.record.report().wakesTotal === 0) return 'not woken';
  const lease = await one.lock.acquire('b', { waitMs: 0, signal: new AbortController().signal });
  const armed = await one.lock.arm([lease]).then(
    () => 'armed',
    () => 'not armed',
  );
  one.lock.release(lease, unknownFor(1_000));
  if (waiter.status() === 'granted') waiter.release();
  await Promise.all([one.lock.stop(), other.lock.stop()]);
  return armed === 'armed' && everythingSaid(one, other) ? 'works' : armed;
}

function everythingSaid(...opened: readonly OpenedRedisLock[]): boolean {
  return opened.every(({ log }) => log.every(({ level }) => level === 'info'));
}

t.test('a user with these rights, and for these names, is enough', async (t) => {
  t.equal(await workout(t, await loginWith(ENOUGH)), 'works');
});

t.test('without any one of them it is not', async (t) => {
  // zscore is for the head of a queue that is somebody else's: with three processes
  const needed = ENOUGH.filter((command) => command !== 'zscore');
  const outcomes = needed.map(async (command) => {
    const login = await loginWith(ENOUGH.filter((other) => other !== command));
    const outcome = command === 'evalsha' ? await workoutTwice(t, login) : await workout(t, login);
    t.not(outcome, 'works', `${command} is needed`);
  });
  await Promise.all(outcomes);
});

/** The second time a script is asked for by its name. */
async function workoutTwice(t: Test, login: NonNullable<RedisQueueSettings['login']>): Promise<string> {
  const { lock } = await openRedisLock(t, { port, login });
  for (let round = 0; round < 2; round += 1) {
    const request = ask(lock, 'a');
    await request.ended;
    if (request.status() !== 'granted') return request.status();
    request.release();
  }
  return 'works';
}

const wrong: Readonly<Record<string, () => Promise<NonNullable<RedisQueueSettings['login']>>>> = {
  'a wrong password': async () => ({ ...(await loginWith(ENOUGH)), password: 'not-the-secret' }),
  'a user that is not there': async () => ({ username: 'nobody-here', password: 'secret' }),
  'a user that may not do anything': () => loginWith([]),
  'a user with other keys': () => loginWith(ENOUGH, ['resetkeys', '~other:*']),
  'a user with other channels': () => loginWith(ENOUGH, ['resetchannels', '&other:*']),
  'a database that is not there': async () => ({ db: 99 }),
  'a database that the user may not choose': async () => ({ ...(await loginWith(ENOUGH)), db: 3 }),
};
for (const [what, make] of Object.entries(wrong)) {
  t.test(`${what}: no write, and what is wrong is said without naming anybody`, async (t) => {
    const login = await make();
    const opened = await openRedisLock(t, { port, login });
    const [holder, waiter] = [ask(opened.lock, 'a'), ask(opened.lock, 'a', { waitMs: 100 })];
    await Promise.all([holder.ended, waiter.ended]);
    const codes = [holder.status(), waiter.status()];
    if (what.includes('channels')) {
      t.equal(codes[0], 'granted', 'waiters look by themselves');
      t.match(JSON.stringify(opened.log), /cannot wake waiters.*NOPERM/);
    } else {
      t.equal(codes[0], 'lock-engine-unavailable');
      await until(
        () => opened.log.some(({ level }) => level === 'warn') || what.includes('keys'),
        'it is said',
      );
    }
    await sleep(400);
    const said = JSON.stringify(opened.log);
    t.notMatch(said, /secret|nobody-here|ifmatch-user|127\.0\.0\.1/);
    t.ok(opened.log.filter(({ level }) => level === 'warn').length <= 2, said);
  });
}

t.test('with the user as it should be, all is well without a restart', async (t) => {
  const login = await loginWith([]);
  const opened = await openRedisLock(t, { port, login });
  t.equal(opened.lock.engine().up, false);
  const allowed = ENOUGH.map((command) => `+${command}`);
  await client.call('ACL', 'SETUSER', login.username, ...allowed);
  await until(() => opened.lock.engine().up, 'it is up');
});
