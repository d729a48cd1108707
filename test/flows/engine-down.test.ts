// The lock's engine goes away: writes get 503 at once, or what lock.down says; reads go on; it comes back by itself.

import t, { type Test } from 'tap';
import { askAdmin } from '../fixtures/ask-admin.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

async function scene(t: Test, more = '') {
  const redis = await startRedis(t);
  const origin = await startOrigin(t);
  const etag = origin.store('/doc', 'old');
  const url = `"redis://ifmatch:secret@127.0.0.1:${redis.port}"`;
  await redis.client.acl('SETUSER', 'ifmatch', 'on', '>secret', '~ifmatch:*', '&ifmatch:*', '+@all');
  const yaml = `lock: { engine: redis, url: ${url}, guard: off${more} }`;
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  return { redis, origin, ifmatch, etag };
}

const CONDITION = 'If-Match: *';
const UNUSABLE = 'the lock engine cannot be used: lock.down says what becomes of writes';

t.test(
  'without its engine a write gets 503 at once and nothing is sent; reads are as ever; later all is well',
  async (t) => {
    const { redis, origin, ifmatch } = await scene(t);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [CONDITION], 'new')).status, 200);
    await redis.kill();
    await until(() => ifmatch.log.some(({ msg }) => msg === UNUSABLE), 'it is noticed');
    const refused = await exchange(ifmatch.port, 'PUT', '/doc', [CONDITION], 'newer');
    const said = problem(t, refused, 503);
    t.equal(said['type'], 'urn:ifmatch:lock-engine-unavailable');
    t.equal(refused.field('retry-after'), '5');
    t.match(refused.field('proxy-status'), /lock-engine-unavailable/);
    t.notMatch(refused.content, /127\.0\.0\.1|redis|secret/i, 'it says nothing of what is inside');
    t.equal(origin.seen('PUT').length, 1, 'nothing was sent');
    const read = await exchange(ifmatch.port, 'GET', '/doc', [`If-None-Match: ${origin.etag('/doc')}`]);
    t.equal(read.status, 304);
    await redis.restart();
    await redis.client.acl('SETUSER', 'ifmatch', 'on', '>secret', '~ifmatch:*', '&ifmatch:*', '+@all');
    await until(async () => {
      const again = await exchange(ifmatch.port, 'PUT', '/doc', [CONDITION], 'newer');
      return again.status === 200;
    }, 'it comes back by itself');
    t.notMatch(JSON.stringify(ifmatch.log), /secret/, 'no password in the log');
  },
);

for (const down of ['local', 'open'] as const) {
  t.test(`down: ${down} writes without the engine, and says so`, async (t) => {
    const { redis, origin, ifmatch } = await scene(t, `, down: ${down}`);
    const safe = await exchange(ifmatch.port, 'PUT', '/doc', [CONDITION], 'safe');
    t.equal(safe.field('proxy-status'), undefined);
    await redis.kill();
    const answer = await exchange(ifmatch.port, 'PUT', '/doc', [CONDITION], 'unsafe');
    t.equal(answer.status, 200);
    t.equal(answer.field('proxy-status'), 'ifmatch; details="unserialised"');
    t.equal(origin.content('/doc'), 'unsafe');
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'x')).status, 412);
    await until(() => ifmatch.log.some((line) => line['unserialised'] === true), 'the log says so too');
    await ifmatch.idle();
  });
}

t.test('content that streams when the engine forgets its lock is broken off before its end', async (t) => {
  const { redis, origin, ifmatch } = await scene(t);
  const client = await connect(ifmatch.port);
  const size = 3 * 1024 * 1024;
  client.send(bytesOf('PUT', '/doc', [CONDITION, `Content-Length: ${size}`]));
  client.send('x'.repeat(2 * 1024 * 1024));
  await until(() => origin.seen('PUT').length === 1, 'a part of it arrives');
  await redis.client.flushall();
  client.send('x'.repeat(1024 * 1024));
  const answer = await client.response();
  problem(t, answer, 502);
  t.match(answer.content, /urn:ifmatch:write-unknown/);
  t.equal(origin.applied.length, 0, 'the origin never had all of it');
  client.close();
});

t.test('an engine that is not there at the start: unready, then ready, without a restart', async (t) => {
  const redis = await startRedis(t);
  await redis.kill();
  const origin = await startOrigin(t);
  const yaml = `lock: { engine: redis, url: "redis://127.0.0.1:${redis.port}", guard: off }`;
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml, admin: true });
  const ready = async () => (await askAdmin(ifmatch.adminPort, '/readyz')).status;
  t.equal(await ready(), 503);
  t.equal((await exchange(ifmatch.port, 'GET', '/doc')).status, 404, 'reads pass');
  await redis.restart();
  await until(async () => (await ready()) === 200, 'ready');
  await redis.kill();
  await until(async () => {
    const { lock } = JSON.parse((await askAdmin(ifmatch.adminPort, '/readyz')).content);
    return lock.engine === 'redis' && lock.up === false;
  }, 'it says that the engine is down');
  t.equal(await ready(), 200, 'and stays ready, for the reads');
});
