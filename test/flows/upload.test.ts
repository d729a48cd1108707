// Request content: the verdict comes before the 100, slow uploads hold no lock, bytes arrive as they were sent.

import t from 'tap';
import { startHastyOrigin } from '../fixtures/hasty-origin.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

// Some of these wait for a deadline.
t.jobs = 8;

const EXPECT = 'Expect: 100-continue';

/** A small buffer, so that a test need not send megabytes to exceed it. */
const SMALL = 'buffer: 4KiB';
const BIG = 'x'.repeat(300_000);

t.test('Expect: 100-continue with a stale tag is refused without a 100', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  origin.store('/doc', 'old');
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/doc', ['If-Match: "stale"', EXPECT, 'Content-Length: 3']));
  const response = await client.response();
  problem(t, response, 412);
  t.same(response.interim, []);
  t.equal(origin.seen('PUT').length, 0);
  client.close();
  await ifmatch.idle();
});

for (const [name, length] of [
  ['small', 3],
  ['larger than the buffer', BIG.length],
] as const) {
  t.test(`Expect: 100-continue with the current tag is asked for its content, ${name}`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: SMALL });
    const etag = origin.store('/doc', 'old');
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`, EXPECT, `Content-Length: ${length}`]));
    await until(() => client.rest() !== '', 'something comes before the content');
    t.match(client.rest(), /^HTTP\/1\.1 100 /);
    client.send(BIG.slice(0, length));
    const response = await client.response();
    t.same(response.interim, [100], 'one 100');
    t.equal(response.status, 200);
    t.equal(origin.content('/doc'), BIG.slice(0, length));
    client.close();
    await ifmatch.idle();
  });
}

t.test('Expect: 100-continue without a condition, and with the content sent at once', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const response = await exchange(ifmatch.port, 'PUT', '/doc', [EXPECT], 'new');
  t.equal(response.status, 201);
  t.equal(origin.content('/doc'), 'new');
});

t.test('an unknown expectation is 417', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['Expect: 200-ok'], 'new'), 417);
  t.equal(origin.requests.length, 0);
});

t.test('a slow upload holds no lock', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', 'old');
  const slow = await connect(ifmatch.port);
  slow.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`, 'Content-Length: 8'], 'slow'));
  await settle();
  t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'quick')).status, 200);
  slow.send('slow');
  problem(t, await slow.response(), 412);
  t.equal(origin.content('/doc'), 'quick');
  slow.close();
});

t.test(
  'content larger than the buffer streams: the origin has its beginning before its end is sent',
  async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: SMALL });
    const etag = origin.store('/doc', 'old');
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`, `Content-Length: ${BIG.length}`]));
    client.send(BIG.slice(0, 100_000));
    await until(() => origin.seen('PUT').length === 1, 'the origin sees the write');
    t.equal(ifmatch.lock().held, 1, 'under the lock');
    client.send(BIG.slice(100_000));
    t.equal((await client.response()).status, 200);
    t.equal(origin.content('/doc'), BIG);
    client.close();
    await ifmatch.idle();
  },
);

t.test('content larger than the buffer with a stale tag is refused before it is sent', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: SMALL });
  origin.store('/doc', 'old');
  const client = await connect(ifmatch.port);
  client.send(
    bytesOf('PUT', '/doc', ['If-Match: "stale"', `Content-Length: ${BIG.length}`], BIG.slice(0, 10_000)),
  );
  problem(t, await client.response(), 412);
  t.equal(origin.seen('PUT').length, 0);
  client.close();
  await ifmatch.idle();
});

for (const framing of [`Content-Length: ${BIG.length}`, 'Transfer-Encoding: chunked']) {
  for (const by of ['FIN', 'RST']) {
    t.test(
      `a streamed upload (${framing}) that breaks off by ${by} is not applied and frees its key`,
      async (t) => {
        const origin = await startOrigin(t);
        const timeouts = { write: 500, uncertainty: 300 };
        const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: SMALL, timeouts });
        const etag = origin.store('/doc', 'old');
        const client = await connect(ifmatch.port);
        const part = BIG.slice(0, 50_000);
        client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`, framing]));
        client.send(framing.startsWith('Content') ? part : `c350\r\n${part}\r\n`);
        await until(() => origin.seen('PUT').length === 1, 'the origin sees the write');
        if (by === 'FIN') client.close();
        else client.reset();
        await until(() => ifmatch.lock().held === 0, 'the lock is held no more');
        t.equal(ifmatch.lock().quarantined, 1, 'the origin may have acted on a part');
        await ifmatch.idle();
        t.equal(origin.applied.length, 0);
        t.equal(origin.seen('PUT')[0]?.complete, false, 'no end was made up');
      },
    );
  }
}

t.test('a streamed upload whose chunks become malformed is broken off at the origin', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: SMALL, timeouts: { write: 500 } });
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/doc', ['Transfer-Encoding: chunked']));
  client.send(`c350\r\n${BIG.slice(0, 50_000)}\r\n`);
  await until(() => origin.seen('PUT').length === 1, 'the origin sees the write');
  client.send('not a chunk\r\n');
  await until(() => ifmatch.lock().held === 0, 'the lock is held no more');
  await ifmatch.idle();
  t.equal(origin.applied.length, 0);
  t.equal(origin.seen('PUT')[0]?.complete, false, 'no end was made up');
  client.close();
});

t.test('content above limits.content is 413 and not applied', async (t) => {
  const origin = await startOrigin(t);
  const yaml = `${SMALL}\nlimits: { content: 100KiB }`;
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml, timeouts: { write: 500 } });
  const declared = await connect(ifmatch.port);
  declared.send(bytesOf('PUT', '/doc', ['Content-Length: 200000']));
  problem(t, await declared.response(), 413);
  t.equal(origin.requests.length, 0, 'a declared length is refused at once');
  declared.close();
  const undeclared = await connect(ifmatch.port);
  undeclared.send('PUT /doc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  undeclared.send(`30d40\r\n${BIG.slice(0, 200_000)}\r\n0\r\n\r\n`);
  t.equal((await undeclared.response()).status, 413);
  undeclared.close();
  await ifmatch.idle();
  t.equal(origin.applied.length, 0);
});

t.test('stalled content is 408, whether it is buffered or streamed', async (t) => {
  const origin = await startOrigin(t);
  const yaml = `${SMALL}\nlimits: { idle: 200ms }`;
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml, timeouts: { write: 1000 } });
  for (const length of [100, 300_000]) {
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/doc', [`Content-Length: ${length}`], 'begin'));
    problem(t, await client.response(), 408);
    client.close();
    await ifmatch.idle();
  }
  t.equal(origin.applied.length, 0);
});

const CHUNKS = `2710\r\n${BIG.slice(0, 10_000)}\r\n`;
const breaks = [
  { name: 'silence', length: String(BIG.length), more: '' },
  { name: 'silence amid chunks', length: undefined, more: '' },
  { name: 'a malformed chunk', length: undefined, more: 'zz\r\n' },
  { name: 'more than limits.content', length: undefined, more: CHUNKS.repeat(40) },
];
for (const { name, length, more } of breaks) {
  t.test(`content that ends in ${name}, a part of it sent: unknown, and no 4xx`, async (t) => {
    const origin = await startRawOrigin(t, () => undefined);
    const yaml = `${SMALL}\nlimits: { idle: 200ms, content: 350KiB }`;
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml, timeouts: { write: 1000 } });
    const client = await connect(ifmatch.port);
    const framing = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
    client.send(`PUT /doc HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
    client.send(length === undefined ? CHUNKS : BIG.slice(0, 10_000));
    await until(() => origin.bytes().join('').includes('xxxx'), 'the origin has a part of it');
    client.send(more);
    const { type, detail } = problem(t, await client.response(), 502);
    t.equal(type, 'urn:ifmatch:write-unknown');
    t.match(detail, /unknown whether it was applied/);
    t.equal(ifmatch.lock().quarantined, 1);
    client.close();
    await ifmatch.idle();
    t.match(ifmatch.log.at(-1), { msg: 'request', status: 502, fate: 'unknown' });
  });
}

t.test('an answer that comes before the content has ended is relayed', async (t) => {
  const early = 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig';
  const origin = await startHastyOrigin(t, early);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: SMALL, timeouts: { write: 1000 } });
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/doc', [`Content-Length: ${BIG.length}`], BIG.slice(0, 50_000)));
  const response = await client.response();
  t.equal(response.status, 413);
  t.equal(response.content, 'big');
  client.close();
  await ifmatch.idle();
});

t.test('content that trickles ends at limits.upload', async (t) => {
  const origin = await startOrigin(t);
  const yaml = 'limits: { idle: 300ms, upload: 300ms }';
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/doc', ['Content-Length: 100000']));
  const answer = client.response();
  const drip = setInterval(() => client.send('x'), 20);
  t.teardown(() => clearInterval(drip));
  problem(t, await answer, 408);
  client.close();
  t.equal(origin.requests.length, 0);
});
