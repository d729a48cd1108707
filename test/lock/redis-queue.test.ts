// The scripts of the lock, asked one at a time: whose a key is, what its place is, and that no two resources share one.
import { createRequire } from 'node:module';
import t from 'tap';
import { ACQUIRE, EXTEND, GUARD, RELEASE } from '../../src/lock/redis-scripts.ts';
import { openRedisQueue } from '../fixtures/redis-lock.ts';
import { startRedis } from '../fixtures/redis-server.ts';

const { client, port } = await startRedis(t);
const queue = await openRedisQueue(t, { port, namespace: 'scripts' });
const LEASE = 5_000;

const lockKeys = () => client.keys('ifmatch:{lock}:*:l');
const one = (token: string) => ({ ...queue.placeFor('a'), token });

t.afterEach(async () => {
  const keys = await client.keys('ifmatch:{lock}:*:?');
  if (keys.length > 0) await client.del(...keys);
});

t.test('a request that is repeated, for its reply was lost, gets the same lock once more', async (t) => {
  const place = queue.placeFor('a');
  const first = await queue.acquire(place, LEASE);
  const again = await queue.acquire(place, LEASE);
  if (first.kind !== 'granted' || again.kind !== 'granted') throw new Error('not granted');
  t.equal(again.fence, first.fence);
  t.ok(again.leaseMs <= first.leaseMs, 'and no more time');
  t.equal(await queue.release(place, 0), true);
});

t.test('a request that is repeated while it waits keeps its place', async (t) => {
  const [holder, first, second] = [queue.placeFor('a'), queue.placeFor('a'), queue.placeFor('a')];
  await queue.acquire(holder, LEASE);
  await queue.acquire(first, LEASE);
  await queue.acquire(second, LEASE);
  await queue.acquire(first, LEASE);
  await queue.release(holder, 0);
  t.equal((await queue.acquire(second, LEASE)).kind, 'queued');
  t.equal((await queue.acquire(queue.placeFor('a'), LEASE)).kind, 'queued', 'nor can anybody new');
  t.equal((await queue.acquire(first, LEASE)).kind, 'granted');
});

const prefixes: readonly (readonly [string, string])[] = [
  ['p-1', 'p-10'],
  ['p-10', 'p-1'],
  ['p', ''],
  ['', 'p'],
];
for (const [holder, other] of prefixes) {
  t.test(`the lock of ${JSON.stringify(holder)} is not that of ${JSON.stringify(other)}`, async (t) => {
    t.equal((await queue.acquire(one(holder), LEASE)).kind, 'granted');
    t.equal((await queue.acquire(one(other), LEASE)).kind, 'queued');
    t.same(await queue.extend([one(other), one(holder)], LEASE), [false, true]);
    t.equal(await queue.release(one(other), 0), false);
    t.equal(await queue.release(one(other), 1_000), false, 'nor may it quarantine');
    t.same(await queue.extend([one(holder)], LEASE), [true], 'it holds on');
    t.equal(await queue.release(one(holder), 0), true);
  });
}

t.test('a quarantine ends with its time, and is nobody lock meanwhile', async (t) => {
  const place = queue.placeFor('a');
  await queue.acquire(place, LEASE);
  t.equal(await queue.release(place, 200.5), true);
  t.match(await queue.acquire(queue.placeFor('a'), LEASE), { kind: 'queued', quarantined: true });
  t.same(await queue.extend([place], LEASE), [false]);
  t.equal(await queue.release(place, 0), false, 'a second release does not end it');
  const [key = ''] = await lockKeys();
  const left = await client.pttl(key);
  t.ok(left > 0 && left <= 201, `${left} ms are left`);
});

t.test(
  'arming a lease writes it, however long it is: a WAIT behind what wrote nothing waits for nothing',
  async (t) => {
    const written = async () => {
      const text = await client.info('persistence');
      return Number(/rdb_changes_since_last_save:(\d+)/.exec(text)?.[1]);
    };
    const place = queue.placeFor('a');
    await queue.acquire(place, 60_000);
    const before = await written();
    t.same(await queue.arm([place], LEASE), [true]);
    t.equal(await written(), before + 1);
  },
);

t.test('a prolongation never shortens', async (t) => {
  const place = queue.placeFor('a');
  await queue.acquire(place, LEASE);
  t.same(await queue.extend([place], 60_000), [true]);
  t.same(await queue.extend([place], LEASE), [true]);
  const [key = ''] = await lockKeys();
  t.ok((await client.pttl(key)) > 50_000);
});

t.test('numbers beyond 2^31, and long leases, are written out in full', async (t) => {
  const place = queue.placeFor('a');
  const day = 86_400_000;
  const reply = await queue.acquire(place, day);
  t.match(reply, { kind: 'granted', leaseMs: day, fence: /^[0-9]{16}$/ });
  const [key = ''] = await lockKeys();
  t.ok((await client.pttl(key)) > day - 10_000);
  t.match(await client.get(key), /^[0-9a-f]{32}-[0-9]+:[0-9]{16}$/);
  const waiter = queue.placeFor('a');
  await queue.acquire(waiter, LEASE);
  const scores = await client.zrange(`${key.slice(0, -1)}q`, '0', '-1', 'WITHSCORES');
  t.match(scores[1], /^[0-9]{16}$/, 'microseconds');
  await queue.release(waiter, 0);
});

t.test('fences rise with every grant, over many keys', async (t) => {
  let last = 0n;
  for (let round = 0; round < 200; round += 1) {
    const place = queue.placeFor(`fence ${round % 3}`);
    const reply = await queue.acquire(place, LEASE);
    if (reply.kind !== 'granted') throw new Error('not granted');
    if (BigInt(reply.fence) <= last) t.fail(`${reply.fence} after ${last}`);
    last = BigInt(reply.fence);
    await queue.release(place, 0);
  }
  t.ok(last > 0n);
});

t.test('fences rise also when the server has set its clock back', async (t) => {
  const [guard = ''] = await client.keys('ifmatch:{lock}:guard:*');
  const ahead = BigInt(Date.now() + 3_600_000) * 1_000n;
  await client.hset(guard, 'fence', String(ahead));
  for (const more of [1n, 2n]) {
    const place = queue.placeFor('a');
    t.match(await queue.acquire(place, LEASE), { kind: 'granted', fence: String(ahead + more) });
    await queue.release(place, 0);
  }
});

t.test(
  'a waiter that is gone holds nobody up for longer when the server has set its clock back',
  async (t) => {
    const [holder, gone, next] = [queue.placeFor('a'), queue.placeFor('a'), queue.placeFor('a')];
    await queue.acquire(holder, LEASE);
    await queue.acquire(gone, LEASE);
    const [signs = ''] = await client.keys('ifmatch:{lock}:*:w');
    const ahead = Date.now() + 3_600_000;
    for (const member of await client.zrange(signs, '0', '-1')) await client.zadd(signs, ahead, member);
    await queue.acquire(next, LEASE);
    const scores = (await client.zrange(signs, '0', '-1', 'WITHSCORES')).filter((text) =>
      /^[0-9]+$/.test(text),
    );
    t.equal(scores.length, 2);
    t.ok(scores.every((score) => Number(score) < ahead - 3_000_000));
    t.match(await queue.acquire(next, LEASE), { kind: 'queued' }, 'and keeps its place as long as any');
  },
);

const odd = [
  ...['["c","a:b"]', '["a:c","b"]', '["c","a","b"]', 'a', 'a ', ' a', 'A', '', '\0', 'a\0', 'a\0b', 'ab'],
  ...['{x}', '{lock}', '}', '{', '*', '?', '[a]', '\r\n', '%0d%0a', '%0D%0A', '\u00e9', 'e\u0301', '%C3%A9'],
  ...[
    'a:l',
    'a:q',
    'guard',
    ':',
    '\u{1f512}',
    'x'.repeat(16_384),
    'x'.repeat(16_385),
    '-1',
    '1',
    '01',
    '1e0',
  ],
];

t.test('no two paths share a lock, however odd they are', async (t) => {
  const places = odd.map((key) => queue.placeFor(key));
  for (const place of places) t.equal((await queue.acquire(place, LEASE)).kind, 'granted');
  t.equal((await lockKeys()).length, odd.length);
  const other = await openRedisQueue(t, { port, namespace: 'script' });
  t.not(other.placeFor('sa').id, queue.placeFor('a').id, 'nor do namespace and path run into each other');
  for (const place of places) await queue.release(place, 0);
});

t.test('every key is in one slot, so that a script may use them together in a cluster', async (t) => {
  const slotOf: unknown = createRequire(createRequire(import.meta.url).resolve('ioredis'))(
    'cluster-key-slot',
  );
  if (typeof slotOf !== 'function') throw new Error('no function');
  for (const key of odd) await queue.acquire(queue.placeFor(key), LEASE);
  await queue.acquire(queue.placeFor('a'), LEASE);
  const keys = await client.keys('*');
  t.ok(keys.length >= odd.length + 3, 'locks, a queue, its signs of life, the guard');
  t.equal(new Set(keys.map((key) => slotOf(key))).size, 1);
  t.ok(
    keys.every((key) => key.length < 60),
    'and short, whatever the path',
  );
});

t.test('no key is used that was not announced, none is searched for', (t) => {
  for (const { lua } of [ACQUIRE, EXTEND, GUARD, RELEASE]) {
    t.notMatch(lua, /'(?:KEYS|SCAN|FLUSH\w*|EVAL)'|redis\.call\('\w+', '/);
    for (const [, key = ''] of lua.matchAll(/redis\.call\('(?!TIME|PUBLISH)\w+', ([\w[\]]+)/g))
      t.match(key, /^(?:KEYS\[[1-4]\]|key)$/);
  }
  t.end();
});
