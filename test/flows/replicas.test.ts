// Two replicas with one Redis: one writer per resource across both; the same race with a lock in each process loses updates.

import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { type OriginOptions, startOrigin } from '../fixtures/origin.ts';
import type { Applied } from '../fixtures/origin-store.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange, type RawClient } from '../fixtures/raw-client.ts';
import { type RedisUnderTest, startRedis } from '../fixtures/redis-server.ts';
import { secondHasCome } from '../fixtures/second-writer.ts';
import { until } from '../fixtures/until.ts';

const WRITERS = 32;
const slow = { delay: () => sleep(Math.random() * 3) };

const redisLock = ({ port }: RedisUnderTest, more = '') =>
  `lock: { engine: redis, url: "redis://127.0.0.1:${port}", guard: off${more} }`;

async function scene(t: Test, on: OriginOptions, yaml: (redis: RedisUnderTest) => string) {
  const redis = await startRedis(t);
  const origin = await startOrigin(t, on);
  const start = () => startIfmatch(t, { origin: origin.url, yaml: yaml(redis) });
  const replicas = [await start(), await start()] as const;
  return { redis, origin, replicas };
}

/** Applied writes whose If-Match is not the tag they replaced. */
const breaks = (log: readonly Applied[]): number =>
  log.filter(({ ifMatch, previousEtag }) => ifMatch !== previousEtag).length;

const half = (replicas: readonly Ifmatch[], at: number): number => replicas[at % replicas.length]?.port ?? 0;

async function put(client: RawClient, tag: string | undefined, content: string): Promise<number> {
  client.send(bytesOf('PUT', '/counter', [`If-Match: ${tag}`], content));
  return (await client.response('PUT')).status;
}

t.test(
  'of 32 writers with the same tag on two replicas exactly one wins, version after version',
  async (t) => {
    const { origin, replicas } = await scene(t, slow, redisLock);
    const writers = await Promise.all(
      Array.from({ length: WRITERS }, (_, at) => connect(half(replicas, at))),
    );
    origin.store('/counter', 'start');
    const rounds = 40;
    for (let round = 0; round < rounds; round += 1) {
      const tag = origin.etag('/counter');
      const statuses = await Promise.all(writers.map((writer, at) => put(writer, tag, `${round}.${at}`)));
      const won = statuses.filter((status) => status === 200).length;
      const lost = statuses.filter((status) => status === 412).length;
      if (won !== 1 || lost !== WRITERS - 1) t.fail(`round ${round}`, { won, lost, statuses });
    }
    t.equal(origin.applied.length, rounds, 'one write in each round');
    t.equal(breaks(origin.applied), 0);
    for (const writer of writers) writer.close();
    for (const replica of replicas) await replica.idle();
  },
);

t.test('control: with a lock in each process the same race has several winners', async (t) => {
  const { origin, replicas } = await scene(t, slow, () => '');
  const writers = await Promise.all(Array.from({ length: WRITERS }, (_, at) => connect(half(replicas, at))));
  origin.store('/counter', 'start');
  for (let round = 0; round < 40; round += 1) {
    const tag = origin.etag('/counter');
    await Promise.all(writers.map((writer, at) => put(writer, tag, `${round}.${at}`)));
  }
  t.ok(breaks(origin.applied) > 0, `${breaks(origin.applied)} of ${origin.applied.length}`);
  for (const writer of writers) writer.close();
});

t.test('MOVE on one replica holds both resources against the other', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { origin, replicas } = await scene(
    t,
    { delay: ({ method }) => (method === 'MOVE' ? gate.promise : Promise.resolve()) },
    redisLock,
  );
  const mover = await connect(replicas[0].port);
  mover.send(bytesOf('MOVE', '/a', ['Destination: /b']));
  await until(() => origin.seen('MOVE').length === 1, 'it arrives');
  const writers = await Promise.all(
    ['/a', '/b'].map(async (target) => {
      const client = await connect(replicas[1].port);
      client.send(bytesOf('PUT', target, [], 'x'));
      return client;
    }),
  );
  await until(() => replicas[1].lock().waiting === 2, 'both wait');
  await sleep(100);
  t.equal(origin.seen('PUT').length, 0);
  gate.resolve();
  for (const client of [mover, ...writers]) {
    t.match((await client.response()).status, /^20[01]$/);
    client.close();
  }
});

t.test(
  'replicas that spell the origin differently share its locks by the namespace they were given',
  async (t) => {
    const gate = Promise.withResolvers<void>();
    const redis = await startRedis(t);
    const origin = await startOrigin(t, { delay: () => gate.promise });
    const yaml = redisLock(redis, ', namespace: legacy');
    const one = await startIfmatch(t, { origin: origin.url, yaml });
    const other = await startIfmatch(t, { origin: origin.url.replace('127.0.0.1', 'localhost'), yaml });
    const tag = origin.store('/doc', 'start');
    const first = exchange(one.port, 'PUT', '/doc', [`If-Match: ${tag}`], 'first');
    await until(() => origin.seen('PUT').length === 1, 'it arrives');
    const second = exchange(other.port, 'PUT', '/doc', [`If-Match: ${tag}`], 'second');
    await secondHasCome(redis, origin);
    gate.resolve();
    t.same([(await first).status, (await second).status], [200, 412]);
  },
);

t.test('the origin sees a fence that grows with every lock, and none that a client made up', async (t) => {
  const { origin, replicas } = await scene(t, {}, (redis) => redisLock(redis, ', fence: X-Lock-Fence'));
  for (let at = 0; at < 4; at += 1)
    await exchange(half(replicas, at), 'PUT', '/doc', ['x-lock-fence: 99999999999999999999'], 'x');
  const fences = origin
    .seen('PUT')
    .map(({ fields }) => fields.filter((_, at) => fields[at - 1]?.toLowerCase() === 'x-lock-fence'));
  t.ok(
    fences.every((lines) => lines.length === 1),
    'one in each write',
  );
  const numbers = fences.flat().map(Number);
  t.same(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  t.equal(new Set(numbers).size, 4);
  t.ok(numbers.every((number) => number < 9e15));
  await until(() => replicas[0].log.some(({ fence }) => fence === fences[0]?.[0]), 'the log has it too');
});

t.test(
  'no fence that a client made up, by a name that an origin may fold, or where nothing is locked',
  async (t) => {
    const { origin, replicas } = await scene(
      t,
      {},
      (redis) => `${redisLock(redis, ', fence: X-Lock-Fence')}\nroutes: [{ path: /off/*, mode: off }]`,
    );
    const claims = ['X.Lock-Fence: 99', 'x-lock!fence: 98', 'X-LOCK-FENCE: 97', 'X-Lock-Fences: kept'];
    for (const [method, target] of [
      ['PUT', '/doc'],
      ['PUT', '/off/doc'],
      ['GET', '/doc'],
    ] as const) {
      await exchange(replicas[0].port, method, target, claims, method === 'PUT' ? 'x' : undefined);
      const fields = origin.seen(method).at(-1)?.fields ?? [];
      const isLocked = method === 'PUT' && target === '/doc';
      const named = fields.flatMap((name, at) =>
        at % 2 === 0 && /^x.lock/i.test(name) ? [name, fields[at + 1]] : [],
      );
      t.same(named.slice(0, 2), ['X-Lock-Fences', 'kept']);
      t.equal(named[2], isLocked ? 'X-Lock-Fence' : undefined);
      t.equal(named.length, isLocked ? 4 : 2);
    }
  },
);

t.test('a write of unknown fate on one replica keeps its key from the other', async (t) => {
  const { origin, replicas } = await scene(t, {}, redisLock);
  origin.on.answer = ({ method, target }) =>
    method === 'PUT' && target === '/doc' ? { status: 504, apply: true } : undefined;
  const lostAnswer = await exchange(replicas[0].port, 'PUT', '/doc', [], 'first');
  problem(t, lostAnswer, 504);
  const started = performance.now();
  origin.on.answer = () => undefined;
  const next = await exchange(replicas[1].port, 'PUT', '/doc', [], 'second');
  t.equal(next.status, 200);
  const waited = performance.now() - started;
  t.ok(
    waited >= 300,
    `it waited for ${Math.round(waited)} ms: the quarantine is at least the uncertainty, 300 ms`,
  );
});
