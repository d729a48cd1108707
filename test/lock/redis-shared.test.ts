// Several processes and one Redis: one holder at a time, each in its turn, nobody forgotten, nothing left behind.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ask } from '../fixtures/lock-under-test.ts';
import { openRedisLock, openRedisQueue } from '../fixtures/redis-lock.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

const redis = await startRedis(t);
const { client, port } = redis;
const QUEUES = 'ifmatch:{lock}:*:q';

/** Members of the only queue there is. */
async function queued(): Promise<number> {
  const [queue] = await client.keys(QUEUES);
  return queue === undefined ? 0 : client.zcard(queue);
}

/** As many processes as asked for, with one namespace. */
async function processes(t: Parameters<typeof openRedisLock>[0], count: number, namespace: string) {
  const opened = await Promise.all(
    Array.from({ length: count }, () => openRedisLock(t, { port, namespace })),
  );
  return opened.map(({ lock, record }) => ({ lock, record }));
}

t.beforeEach(() => client.flushall());

t.test('three processes in a hurry: never two holders, and each gets its share', async (t) => {
  const locks = await processes(t, 3, 'hurry');
  const turns = locks.map(() => 0);
  let inside = 0;
  let most = 0;
  let taken = 0;
  const writer = async (at: number): Promise<void> => {
    const { lock } = locks[at] ?? {};
    while (lock !== undefined && taken < 300) {
      taken += 1;
      const request = ask(lock, 'a');
      await request.ended;
      inside += 1;
      most = Math.max(most, inside);
      await sleep(1);
      inside -= 1;
      turns[at] = (turns[at] ?? 0) + 1;
      request.release();
    }
  };
  await Promise.all([0, 1, 2, 0, 1, 2, 0].map(writer));
  t.equal(most, 1);
  const [least = 0, greatest = 0] = [Math.min(...turns), Math.max(...turns)];
  t.ok(least >= 10, `turns: ${turns}`);
  t.ok(greatest <= 2 * least, `three writers in one process are no reason for more turns: ${turns}`);
});

t.test(
  'waiters of one process take one place, however many there are; places are served in order',
  async (t) => {
    const [one, two, three] = await processes(t, 3, 'places');
    if (one === undefined || two === undefined || three === undefined) throw new Error('no locks');
    const served: string[] = [];
    const request = (name: string, of: typeof one) => ask(of.lock, 'a', { granted: () => served.push(name) });
    const outside = await openRedisQueue(t, { port, namespace: 'places' });
    const holder = outside.placeFor('a');
    await outside.acquire(holder, 60_000);
    const waiters = [request('1', one), request('1 again', one), request('1 at last', one)];
    await until(async () => (await queued()) === 1, 'the first process waits');
    waiters.push(request('2', two), request('2 again', two));
    await until(async () => (await queued()) === 2, 'the second process waits');
    waiters.push(request('3', three));
    await until(async () => (await queued()) === 3, 'the third process waits');
    t.equal((await client.keys(QUEUES)).length, 1, 'all in one queue');
    await outside.release(holder, 0);
    for (const at of [0, 3, 5, 1, 4, 2]) {
      await waiters[at]?.ended;
      waiters[at]?.release();
    }
    t.same(
      served,
      ['1', '2', '3', '1 again', '2 again', '1 at last'],
      'after a turn a process goes to the end',
    );
  },
);

t.test('a waiter whose process has gone is passed over when its last sign of life is old', async (t) => {
  const dead = await openRedisQueue(t, { port, namespace: 'dead' });
  const [holding, waiting] = await processes(t, 2, 'dead');
  if (holding === undefined || waiting === undefined) throw new Error('no locks');
  const holder = ask(holding.lock, 'a');
  await holder.ended;
  t.equal((await dead.acquire(dead.placeFor('a'), 4_000)).kind, 'queued');
  const waiter = ask(waiting.lock, 'a');
  await until(async () => (await queued()) === 2, 'both wait');
  dead.stop();
  holder.release();
  await until(() => waiter.status() === 'granted', 'it has its turn');
  waiter.release();
});

t.test('a release passes over everybody whose process has gone for long, and wakes the next', async (t) => {
  const dead = await openRedisQueue(t, { port, namespace: 'long dead' });
  const [holding, waiting] = await processes(t, 2, 'long dead');
  const listening = async () => (await client.pubsub('CHANNELS', 'ifmatch:wake:*')).length;
  await until(async () => (await listening()) === 3, 'all can be woken');
  if (holding === undefined || waiting === undefined) throw new Error('no locks');
  const holder = ask(holding.lock, 'a');
  await holder.ended;
  for (let at = 0; at < 3; at += 1) await dead.acquire(dead.placeFor('a'), 4_000);
  const [signs = ''] = await client.keys('ifmatch:{lock}:*:w');
  const gone = await client.zrange(signs, '0', '-1');
  t.equal(gone.length, 3);
  const waiter = ask(waiting.lock, 'a');
  await until(async () => (await queued()) === 4, 'all wait');
  dead.stop();
  await until(async () => (await listening()) === 2, 'one is gone');
  for (const member of gone) await client.zadd(signs, 1, member);
  holder.release();
  await waiter.ended;
  t.equal(waiting.record.report().wakesTotal, 1, 'it was woken, and had not to look by itself');
  waiter.release();
});

t.test(
  'a waiter that can be woken and never comes is passed over when it has not looked for long',
  async (t) => {
    const deaf = await openRedisQueue(t, { port, namespace: 'deaf' });
    const [holding, waiting] = await processes(t, 2, 'deaf');
    if (holding === undefined || waiting === undefined) throw new Error('no locks');
    const holder = ask(holding.lock, 'a');
    await holder.ended;
    await deaf.acquire(deaf.placeFor('a'), 60_000);
    const waiter = ask(waiting.lock, 'a');
    await until(async () => (await queued()) === 2, 'both wait');
    const before = performance.now();
    holder.release();
    await waiter.ended;
    t.equal(waiter.status(), 'granted');
    t.ok(performance.now() - before < 4_900, 'three seconds of silence and one look');
    waiter.release();
  },
);

t.test('a waiter that could not be woken keeps its turn, and takes it when it looks', async (t) => {
  const open = () => openRedisQueue(t, { port, namespace: 'turn' });
  const [holding, deaf, other] = [await open(), await open(), await open()];
  const [holder, first, second] = [holding.placeFor('a'), deaf.placeFor('a'), other.placeFor('a')];
  await holding.acquire(holder, 60_000);
  await deaf.acquire(first, 60_000);
  await other.acquire(second, 60_000);
  await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await holding.release(holder, 0);
  t.equal((await other.acquire(second, 60_000)).kind, 'queued');
  t.equal((await deaf.acquire(first, 60_000)).kind, 'granted');
  await deaf.release(first, 0);
  t.equal((await other.acquire(second, 60_000)).kind, 'granted');
});

t.test('a wake that is lost with its connection is made up for by looking', async (t) => {
  const [holding, waiting] = await processes(t, 2, 'cut');
  if (holding === undefined || waiting === undefined) throw new Error('no locks');
  const holder = ask(holding.lock, 'a');
  await holder.ended;
  const waiter = ask(waiting.lock, 'a');
  await until(async () => (await queued()) === 1, 'it waits');
  await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  holder.release();
  await waiter.ended;
  const { wakesTotal, pollsTotal } = waiting.record.report();
  t.ok(pollsTotal >= 1, `${pollsTotal} looks, ${wakesTotal} wakes`);
  waiter.release();
  await until(
    async () => (await client.pubsub('CHANNELS', 'ifmatch:wake:*')).length === 2,
    'both listen again',
  );
  const [next, last] = [ask(holding.lock, 'a'), ask(waiting.lock, 'a')];
  await next.ended;
  next.release();
  await last.ended;
  last.release();
});

t.test('the same key in two namespaces is two keys', async (t) => {
  const [[one], [other]] = [await processes(t, 1, 'one'), await processes(t, 1, 'other')];
  const [here, there] = [one, other].map((opened) => {
    if (opened === undefined) throw new Error('no lock');
    return ask(opened.lock, 'a');
  });
  await Promise.all([here?.ended, there?.ended]);
  t.same([here?.status(), there?.status()], ['granted', 'granted']);
  here?.release();
  there?.release();
});

t.test(
  'what is said first on a connection is done first, also by a server that knows no script',
  async (t) => {
    for (let turns = 0; turns < 20; turns += 1) {
      await client.script('FLUSH');
      const { lock } = await openRedisLock(t, { port });
      const holder = ask(lock, 'a');
      await holder.ended;
      holder.release();
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
      const next = ask(lock, 'a', { waitMs: 0 });
      await next.ended;
      if (next.status() !== 'granted') t.fail(`${next.status()} after ${turns} turns of the loop`);
      else next.release();
    }
  },
);

t.test('after use nothing is left in Redis but the guard', async (t) => {
  const locks = await processes(t, 2, 'clean');
  const keys = Array.from({ length: 20_000 }, (_, at) => `key ${at}`);
  const writer = async (at: number): Promise<void> => {
    const { lock } = locks[at % 2] ?? {};
    for (let key = keys.pop(); key !== undefined && lock !== undefined; key = keys.pop()) {
      const holder = ask(lock, key);
      const gone = at % 10 === 0 ? ask(lock, key) : undefined;
      const late = at % 10 === 0 ? ask(lock, key, { waitMs: 1 }) : undefined;
      await holder.ended;
      gone?.abort();
      await late?.ended;
      holder.release();
      if (late?.status() === 'granted') late.release();
    }
  };
  await Promise.all(Array.from({ length: 100 }, (_, at) => writer(at)));
  await until(async () => (await client.dbsize()) === 1, 'the guard alone is left');
  t.match(await client.keys('*'), [/^ifmatch:\{lock\}:guard:/]);
});
