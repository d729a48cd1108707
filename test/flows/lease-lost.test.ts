// The engine forgets a lock while a write is under way: nothing is finished that is not, and the operator is told.
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { connect } from '../fixtures/raw-client.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

const redis = await startRedis(t);
const yaml = `lock: { engine: redis, url: "redis://127.0.0.1:${redis.port}", guard: off }\nbuffer: 16KiB`;
const PART = 'x'.repeat(100_000);

for (const framing of ['Content-Length: 200000', 'Transfer-Encoding: chunked']) {
  t.test(`an upload (${framing}) whose lock is lost midway is broken off before its end`, async (t) => {
    const origin = await startOrigin(t);
    const timeouts = { write: 700, uncertainty: 100, connect: 200 };
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml, timeouts });
    const etag = origin.store('/doc', 'old');
    const client = await connect(ifmatch.port);
    const chunked = framing.startsWith('Transfer');
    const send = (text: string) => client.send(chunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text);
    client.send(`PUT /doc HTTP/1.1\r\nHost: a\r\nIf-Match: ${etag}\r\n${framing}\r\n\r\n`);
    send(PART);
    await until(() => origin.seen('PUT').length === 1, 'the origin sees the write');
    await redis.client.flushall();
    send(PART);
    if (chunked) client.send('0\r\n\r\n');
    const answer = await client.response();
    t.equal(answer.status, 502);
    t.match(String(answer.content), /write-unknown/);
    client.close();
    await ifmatch.idle();
    t.equal(origin.applied.length, 0);
    t.equal(origin.seen('PUT')[0]?.complete, false, 'no end was made up');
    await until(() => ifmatch.log.some(({ msg }) => /a lock was lost/.test(String(msg))), 'it is said');
  });
}

t.test('a write that is under way when its lock is lost is answered as the origin answers', async (t) => {
  const origin = await startOrigin(t, { delay: () => redis.client.flushall() });
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  const etag = origin.store('/doc', 'old');
  const headers = { 'If-Match': etag };
  const answer = await fetch(`${ifmatch.url}/doc`, { method: 'PUT', headers, body: 'new' });
  t.equal(answer.ok, true);
  await ifmatch.idle();
  t.equal(origin.applied.length, 1);
  await until(
    () => ifmatch.log.some(({ msg }) => /found lost at its release/.test(String(msg))),
    'it is said',
  );
});

t.test(
  'an engine that has gone: writes are 503 with Retry-After, reads go on, and no address is told',
  async (t) => {
    const own = await startRedis(t);
    const other = `lock: { engine: redis, url: "redis://user:secret@127.0.0.1:${own.port}", guard: off }`;
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: other });
    const etag = origin.store('/doc', 'old');
    const write = await fetch(`${ifmatch.url}/doc`, {
      method: 'PUT',
      headers: { 'If-Match': etag },
      body: 'new',
    });
    t.equal(write.status, 503);
    t.equal(write.headers.get('retry-after'), '5');
    const text = (await write.text()) + JSON.stringify([...write.headers]);
    t.match(text, /lock-engine-unavailable/);
    t.equal((await fetch(`${ifmatch.url}/doc`)).status, 200);
    await own.kill();
    await fetch(`${ifmatch.url}/doc`, { method: 'PUT', headers: { 'If-Match': etag }, body: 'new' });
    for (const told of [text, JSON.stringify(ifmatch.log)])
      t.notMatch(told, new RegExp(`secret|user|${own.port}`));
    t.equal(origin.applied.length, 0);
  },
);
