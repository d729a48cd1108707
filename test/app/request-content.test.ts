// A request's content as the guard gets it: whole or as a stream, within its limits, and never a timer left behind.

import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { IncomingContent } from '../../src/app/request-content.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { settle, until } from '../fixtures/until.ts';

t.jobs = 8;

const LIMITS = { content: 1000, idle: 5000, upload: 10_000 };

/** A server whose one request is given to the test together with its content. */
async function receive(t: Test, bytes: string, limits = LIMITS) {
  const arrived = Promise.withResolvers<{ message: IncomingMessage; response: ServerResponse }>();
  const take = (message: IncomingMessage, response: ServerResponse) => arrived.resolve({ message, response });
  const server = http.createServer(take).on('checkContinue', take);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = await connect(port);
  t.teardown(() => {
    client.close();
    server.close();
    server.closeAllConnections();
  });
  client.send(bytes);
  const { message, response } = await arrived.promise;
  return { client, message, response, content: new IncomingContent(message, response, limits) };
}

const announced = (length: number, content = ''): string =>
  bytesOf('PUT', '/', [`Content-Length: ${length}`], content);
const chunked = (...chunks: string[]): string =>
  bytesOf('PUT', '/', ['Transfer-Encoding: chunked']) +
  chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
const END = '0\r\n\r\n';

const whole = [
  { name: 'nothing announced', bytes: bytesOf('DELETE', '/'), length: 0, wanted: '' },
  { name: 'a length of 0', bytes: announced(0), length: 0, wanted: '' },
  { name: 'a length', bytes: announced(5, 'hello'), length: 5, wanted: 'hello' },
  { name: 'a length at the limit', bytes: announced(10, '0123456789'), length: 10, wanted: '0123456789' },
  { name: 'chunks', bytes: chunked('he', 'llo') + END, length: undefined, wanted: 'hello' },
  { name: 'no chunk', bytes: chunked() + END, length: undefined, wanted: '' },
];
for (const { name, bytes, length, wanted } of whole) {
  t.test(`${name}: whole`, async (t) => {
    const { content } = await receive(t, bytes);
    t.equal(content.length, length);
    t.equal(content.withheld, false);
    const read = await content.read(10);
    if (read instanceof Readable) throw new Error('it must be all there');
    t.equal(String(Buffer.concat(read)), wanted);
  });
}

for (const [name, bytes] of [
  ['a length', announced(11, '0123456789x')],
  ['chunks', chunked('0123456789', 'x') + END],
] as const) {
  t.test(`${name} beyond the limit: a stream of all of it`, async (t) => {
    const { content } = await receive(t, bytes);
    const read = await content.read(10);
    if (!(read instanceof Readable)) throw new Error('it must be a stream');
    t.equal(await text(read), '0123456789x');
  });
}

t.test('a stream that nobody reads stops the client', async (t) => {
  const { content, client, message } = await receive(t, announced(1_000_000, 'x'.repeat(100)), {
    ...LIMITS,
    content: 2_000_000,
  });
  const read = await content.read(10);
  client.send('x'.repeat(999_900));
  await settle();
  t.equal(message.isPaused(), true);
  if (!(read instanceof Readable)) throw new Error('it must be a stream');
  t.equal((await text(read)).length, 1_000_000);
});

const failing: { name: string; bytes: string; limits?: Partial<typeof LIMITS>; code: string }[] = [
  { name: 'a length above limits.content', bytes: announced(1001), code: 'content-too-large' },
  {
    name: 'chunks above limits.content',
    bytes: chunked('x'.repeat(600), 'x'.repeat(600)),
    code: 'content-too-large',
  },
  { name: 'silence', bytes: announced(5, 'he'), limits: { idle: 50 }, code: 'content-timeout' },
  { name: 'silence from the start', bytes: announced(5), limits: { idle: 50 }, code: 'content-timeout' },
  { name: 'no end in time', bytes: chunked('he'), limits: { upload: 50 }, code: 'content-timeout' },
];
for (const { name, bytes, limits, code } of failing) {
  t.test(`${name}: ${code}`, async (t) => {
    const { content } = await receive(t, bytes, { ...LIMITS, ...limits });
    await t.rejects(content.read(5000), { code });
  });
  if (bytes.includes('chunked')) {
    t.test(`${name}, as a stream: ${code}`, async (t) => {
      const { content } = await receive(t, bytes, { ...LIMITS, ...limits });
      const read = await content.read(1);
      if (!(read instanceof Readable)) throw new Error('it must be a stream');
      await t.rejects(text(read), { code });
    });
  }
}

t.test('bytes that trickle keep the silence short, not the whole', async (t) => {
  const { content, client } = await receive(t, announced(100, 'x'), { ...LIMITS, idle: 200, upload: 400 });
  const timer = setInterval(() => client.send('x'), 20);
  t.teardown(() => clearInterval(timer));
  const started = performance.now();
  await t.rejects(content.read(5000), { code: 'content-timeout' });
  t.ok(performance.now() - started > 300, 'it is the whole that took too long');
});

t.test('a stream is not silent while nobody reads it, nor when all of it is there', async (t) => {
  const limits = { ...LIMITS, content: 1_000_000, idle: 400 };
  const unread = await receive(t, announced(200_000, 'x'.repeat(100_000)), limits);
  const waiting = await unread.content.read(90_000);
  const complete = await receive(t, announced(11, '0123456789x'), limits);
  const taken = await complete.content.read(10);
  if (!(waiting instanceof Readable && taken instanceof Readable)) throw new Error('they must be streams');
  taken.once('data', () => taken.pause());
  await until(() => complete.message.complete, 'all of it');
  await sleep(900);
  t.same([waiting.errored, taken.errored], [null, null]);
  t.same(await text(taken), '');
  await t.rejects(text(waiting), { code: 'content-timeout' }, 'who reads it waits for the client again');
});

t.test('content of a client that has left before it was asked for is not waited for', async (t) => {
  const { content, client, message } = await receive(t, announced(100, 'part'));
  client.close();
  await until(() => message.destroyed, 'it is gone');
  await t.rejects(content.read(5000), { code: 'client-gone' });
});

for (const way of ['close', 'reset'] as const) {
  t.test(`a client that goes by ${way}: client-gone`, async (t) => {
    const buffered = await receive(t, announced(100, 'part'));
    const read = t.rejects(buffered.content.read(5000), { code: 'client-gone' });
    buffered.client[way]();
    await read;
    const streamed = await receive(t, announced(100, 'part'));
    const stream = await streamed.content.read(1);
    if (!(stream instanceof Readable)) throw new Error('it must be a stream');
    const broken = t.rejects(text(stream), { code: 'client-gone' });
    streamed.client[way]();
    await broken;
  });
}

for (const { name, begun, code } of [
  { name: 'of which a part was taken: unknown', begun: true, code: 'write-timeout' },
  { name: 'of which nothing was taken: not applied', begun: false, code: 'content-timeout' },
]) {
  t.test(`a stream that the origin does not take in time, ${name}`, async (t) => {
    const { content } = await receive(t, announced(900_000, 'x'.repeat(400_000)), {
      ...{ content: 1_000_000, idle: 5000, upload: 150 },
    });
    const stream = await content.read(1);
    if (!(stream instanceof Readable)) throw new Error('it must be a stream');
    if (begun) stream.once('data', () => stream.pause());
    const [error] = await once(stream, 'error');
    t.match(error, { code });
    if (!begun) t.match(error, { detail: /Nothing of it was sent/ });
  });
}

t.test('a 100 (Continue) is sent when the content is asked for, and not before', async (t) => {
  const { content, client } = await receive(
    t,
    bytesOf('PUT', '/', ['Content-Length: 2', 'Expect: 100-continue']),
  );
  t.equal(content.withheld, true);
  await settle();
  t.equal(client.rest(), '');
  const read = content.read(10);
  await until(() => client.rest() !== '', 'the 100');
  t.match(client.rest(), /^HTTP\/1\.1 100 /);
  client.send('hi');
  t.equal(String(await read), 'hi');
});

t.test('nothing is withheld by HTTP/1.0, nor without content', async (t) => {
  const old = await receive(t, 'PUT / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi');
  t.equal(old.content.withheld, false);
  const none = await receive(t, bytesOf('PUT', '/', ['Content-Length: 0', 'Expect: 100-continue']));
  t.equal(none.content.withheld, false);
});
