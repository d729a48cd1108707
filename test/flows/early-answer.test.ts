// An origin that answers while the upload still goes on: the key stays locked until the content has gone out.

import t, { type Test } from 'tap';
import { startHastyOrigin } from '../fixtures/hasty-origin.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { settle, until } from '../fixtures/until.ts';

const SIZE = 300_000;
const PART = 'x'.repeat(100_000);
const REST = 'x'.repeat(SIZE - PART.length);

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';

/** One client amid its upload whose answer has begun, and another one that wants to write the same. */
async function scene(t: Test, release: 'end' | 'headers', early = HEAD) {
  const origin = await startHastyOrigin(t, early);
  const yaml = `buffer: 4KiB\nlock: { release: ${release} }`;
  const ifmatch = await startIfmatch(t, {
    origin: origin.url,
    yaml,
    timeouts: { write: 1000, uncertainty: 500 },
  });
  const [first, second] = [await connect(ifmatch.port), await connect(ifmatch.port)];
  first.send(bytesOf('PUT', '/doc', [`Content-Length: ${SIZE}`]) + PART);
  await until(() => origin.got[0]?.bytes.endsWith(PART) === true, 'the origin has a part');
  second.send(bytesOf('PUT', '/doc', [], 'y'));
  await until(() => ifmatch.lock().waiting === 1, 'the second write waits');
  const heads = (): number => origin.got.filter(({ bytes }) => bytes.startsWith('PUT')).length;
  return { origin, ifmatch, first, second, heads };
}

for (const release of ['end', 'headers'] as const) {
  t.test(`release: ${release}: the next write waits for the rest of the content`, async (t) => {
    const { origin, ifmatch, first, second, heads } = await scene(t, release);
    await settle();
    t.same(ifmatch.lock(), { held: 1, waiting: 1, quarantined: 0 });
    t.equal(heads(), 1);
    first.send(REST);
    await until(() => origin.got[0]?.bytes.endsWith(PART + REST) === true, 'the origin has it all');
    origin.got[0]?.socket.write('ok');
    t.equal((await first.response()).status, 200);
    await until(() => heads() === 2, 'the second write has its turn');
    origin.got.at(-1)?.socket.write('ok');
    t.equal((await second.response()).status, 200);
    first.close();
    second.close();
    await ifmatch.idle();
  });
}

t.test('an upload that breaks off behind the head of its answer leaves a quarantine', async (t) => {
  const { origin, ifmatch, first, second, heads } = await scene(t, 'end');
  first.reset();
  await until(() => ifmatch.lock().held === 0, 'the lock is held no more');
  t.same(ifmatch.lock(), { held: 0, waiting: 1, quarantined: 1 });
  t.equal(heads(), 1);
  await until(() => heads() === 2, 'the second write has its turn');
  origin.got.at(-1)?.socket.write('ok');
  t.equal((await second.response()).status, 200);
  second.close();
});

const COMPLETE = [
  { name: 'a length', bytes: `${HEAD}ok` },
  {
    name: 'a length, and the last of its connection',
    bytes: `${HEAD.slice(0, -2)}Connection: close\r\n\r\nok`,
  },
  { name: 'chunks', bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n' },
  { name: 'nothing', bytes: 'HTTP/1.1 204 No Content\r\n\r\n' },
  { name: 'a redirection', bytes: `${HEAD.replace('200 OK', '303 See Other')}ok` },
];
for (const { name, bytes } of COMPLETE) {
  t.test(`a whole answer with ${name}, amid the upload: the rest still goes to the origin`, async (t) => {
    const { origin, ifmatch, first, second, heads } = await scene(t, 'end', bytes);
    await settle();
    t.same(ifmatch.lock(), { held: 1, waiting: 1, quarantined: 0 });
    t.equal(heads(), 1);
    first.send(REST);
    await until(() => origin.got[0]?.bytes.endsWith(PART + REST) === true, 'the origin has it all');
    const { status, complete } = await first.response();
    t.same([status, complete], [Number(bytes.slice(9, 12)), true]);
    await until(() => heads() === 2, 'the second write has its turn');
    await second.response();
    first.close();
    second.close();
    await ifmatch.idle();
  });
}

t.test('an upload that breaks off behind a whole answer leaves a quarantine', async (t) => {
  const { ifmatch, first, second, heads } = await scene(t, 'end', `${HEAD}ok`);
  first.reset();
  await until(() => ifmatch.lock().held === 0, 'the lock is held no more');
  t.same(ifmatch.lock(), { held: 0, waiting: 1, quarantined: 1 });
  t.equal(heads(), 1);
  t.equal((await second.response()).status, 200);
  await until(() => heads() === 2, 'the second write has its turn');
  second.close();
});

t.test('a whole answer that refuses the upload ends it: nothing is left to wait for', async (t) => {
  const refusal = `${HEAD.replace('200 OK', '413 Too Large')}no`;
  const origin = await startHastyOrigin(t, refusal);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'buffer: 4KiB' });
  for (let n = 0; n < 2; n++) {
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/doc', [`Content-Length: ${SIZE}`]) + PART);
    const { status, content } = await client.response();
    t.same([status, content], [413, 'no']);
    client.close();
    await until(() => ifmatch.lock().held === 0, 'the lock is held no more');
    t.equal(ifmatch.lock().quarantined, 0);
  }
});

t.test('a refusal whose origin resets the connection just as more content comes is not lost', async (t) => {
  const refusal = HEAD.replace('200 OK', '401 Unauthorized');
  for (let n = 0; n < 5; n++) {
    const origin = await startHastyOrigin(t, '');
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'buffer: 4KiB' });
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/doc', [`Content-Length: ${SIZE}`]) + PART);
    await until(() => origin.got[0]?.bytes.endsWith(PART) === true, 'the origin has a part');
    client.send(REST);
    origin.got[0]?.socket.write(`${refusal}no`);
    origin.got[0]?.socket.resetAndDestroy();
    const { status, content } = await client.response();
    t.same([status, content], [401, 'no']);
    client.close();
    await until(() => ifmatch.lock().held === 0, 'the lock is held no more');
    t.equal(ifmatch.lock().quarantined, 0);
  }
});
