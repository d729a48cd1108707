// Answers on the wire: framed truly, with back-pressure, and let go when the client has gone.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { send as sendOr } from '../../src/app/send.ts';
import type { Answer, MadeAnswer, PassedAnswer } from '../../src/guard/exchange.ts';
import { OriginContent } from '../../src/origin/content.ts';
import { OriginFailure } from '../../src/origin/failure.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { settle, until } from '../fixtures/until.ts';

const MADE: MadeAnswer = {
  made: true,
  status: 412,
  fields: ['Content-Length', '4', 'X', '1'],
  content: Buffer.from('made'),
};

function send(
  message: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  failed = (error: unknown): void => {
    throw error;
  },
): void {
  sendOr(message, response, answer, failed);
}

function passing(fields: readonly string[] = [], statusText = 'Fine') {
  const counts = { abandoned: 0, paused: 0, resumed: 0 };
  const count = (what: keyof typeof counts) => () => {
    counts[what] += 1;
  };
  const flow = { pause: count('paused'), resume: count('resumed') };
  const content = new OriginContent(() => flow, 0);
  const abandon = count('abandoned');
  const answer: PassedAnswer = { made: false, status: 200, statusText, fields, content, abandon };
  return { answer, content, counts };
}

async function request(t: Test, bytes: string) {
  const arrived = Promise.withResolvers<[IncomingMessage, ServerResponse]>();
  const server = http.createServer((message, response) => arrived.resolve([message, response]));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = await connect((server.address() as AddressInfo).port);
  t.teardown(() => {
    client.close();
    server.close();
    server.closeAllConnections();
  });
  client.send(bytes);
  const [message, response] = await arrived.promise;
  return { client, message, response };
}

t.test('an answer made here', async (t) => {
  const { client, message, response } = await request(t, bytesOf('PUT', '/', [], 'x'));
  message.resume();
  await once(message, 'end');
  send(message, response, MADE);
  const got = await client.response();
  t.same(
    [got.status, got.content, got.field('x'), got.field('connection')],
    [412, 'made', '1', 'keep-alive'],
  );
});

t.test('an answer made here, to a HEAD: no content', async (t) => {
  const { client, message, response } = await request(t, bytesOf('HEAD', '/') + bytesOf('GET', '/'));
  send(message, response, MADE);
  t.equal((await client.response('HEAD')).field('content-length'), '4');
  await settle();
  t.equal(client.rest(), '');
});

t.test('an answer of the origin: status, reason, lines and content as they are', async (t) => {
  const { client, message, response } = await request(t, bytesOf('GET', '/'));
  const { answer, content, counts } = passing(['Content-Length', '3', 'X-a', '\xe9', 'x-A', '2']);
  send(message, response, answer);
  content.push(Buffer.from('a\x00\xff', 'latin1'));
  content.finish('complete');
  const got = await client.response();
  t.same([got.status, got.content, got.complete], [200, 'a\x00\xff', true]);
  t.same(got.all('x-a'), ['\xe9', '2']);
  t.equal(counts.abandoned, 0);
});

for (const size of [256, 8_192, 8_193]) {
  for (const fields of [['Content-Length', String(size)], []]) {
    t.test(`${size} bytes that have come already, ${fields[0] ?? 'chunked'}: as they are`, async (t) => {
      const { client, message, response } = await request(t, bytesOf('GET', '/'));
      const { answer, content } = passing([...fields, 'X', '\xe9']);
      const bytes = Buffer.from(Array.from({ length: size }, (_, at) => at % 256));
      content.push(bytes);
      content.finish('complete');
      send(message, response, answer);
      const got = await client.response();
      t.same([got.content, got.complete, got.field('x')], [bytes.toString('latin1'), true, '\xe9']);
    });
  }
}

t.test('an answer made here has its bytes as they are, beside a field of Latin-1', async (t) => {
  const { client, message, response } = await request(t, bytesOf('GET', '/'));
  const content = Buffer.from('{"sent":"\xe9\u20ac"}');
  const fields = ['Content-Length', String(content.length), 'ETag', '"\xe9"'];
  send(message, response, { made: true, status: 412, fields, content });
  const got = await client.response();
  t.same([got.content, got.field('etag')], [content.toString('latin1'), '"\xe9"']);
});

t.test('without a length it is chunked, and an empty reason stays empty or standard', async (t) => {
  const { client, message, response } = await request(t, bytesOf('GET', '/'));
  const { answer, content } = passing([], '');
  send(message, response, answer);
  content.push(Buffer.from('abc'));
  content.finish('complete');
  const got = await client.response();
  t.same([got.field('transfer-encoding'), got.content, got.complete], ['chunked', 'abc', true]);
});

t.test('content that is cut off on a Unix socket, which knows no reset, ends the connection', async (t) => {
  const { content, answer } = passing();
  const server = http.createServer((message, response) => send(message, response, answer, () => {}));
  // short: a path of a socket has 107 bytes
  const folder = await mkdtemp(join(tmpdir(), 'ifmatch-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'http.sock');
  await once(server.listen(path), 'listening');
  const socket = net.connect(path);
  t.teardown(() => {
    socket.destroy();
    server.close();
  });
  let received = '';
  socket.on('data', (data) => {
    received += data.toString('latin1');
    if (received.endsWith('half')) content.finish(new OriginFailure('reset', true));
  });
  socket.write('GET / HTTP/1.0\r\n\r\n');
  content.push(Buffer.from('half'));
  await once(socket, 'close');
  t.match(received, /half$/);
});

t.test('content that is cut off does not look complete', async (t) => {
  for (const fields of [[], ['Content-Length', '100']]) {
    const { client, message, response } = await request(t, bytesOf('GET', '/'));
    const { answer, content } = passing(fields);
    const failures: unknown[] = [];
    send(message, response, answer, (error) => failures.push(error));
    content.push(Buffer.from('half'));
    await settle();
    content.finish(new OriginFailure('reset', true));
    t.equal((await client.response()).complete, false);
    t.match(failures, [{ code: 'origin-invalid', cause: { kind: 'reset' } }], 'it is told, once');
    await until(() => client.socket.destroyed || client.socket.readableEnded, 'the end');
  }
});

t.test('a client that does not read pauses the origin, and gets everything in the end', async (t) => {
  const { client, message, response } = await request(t, bytesOf('GET', '/'));
  client.socket.pause();
  const { answer, content, counts } = passing(['Content-Length', '20000000']);
  send(message, response, answer);
  for (let sent = 0; sent < 20; sent++) content.push(Buffer.alloc(1_000_000, 'x'));
  t.equal(counts.paused, 1);
  client.socket.resume();
  await until(() => counts.resumed === 1, 'the origin may go on');
  content.finish('complete');
  const got = await client.response();
  t.same([got.content.length, got.complete], [20_000_000, true]);
});

t.test('large pieces are free once they have left, and a slow client gets all of them', async (t) => {
  const { client, message, response } = await request(t, bytesOf('GET', '/'));
  client.socket.pause();
  const { answer, content } = passing(['Content-Length', String(64 * 65_536)]);
  send(message, response, answer);
  const pieces = Array.from({ length: 64 }, (_, at) => Buffer.alloc(65_536, at + 1));
  const expected = Buffer.concat(pieces).toString('latin1');
  for (const piece of pieces) content.push(piece);
  content.finish('complete');
  const free = () => pieces.filter(({ buffer }) => buffer instanceof ArrayBuffer && buffer.detached).length;
  await settle();
  t.ok(free() < 64, 'what waits is kept');
  client.socket.resume();
  t.equal((await client.response()).content, expected);
  await until(() => free() === 64, 'all are free');
});

t.test('a client that goes amid the content lets the origin go, once', async (t) => {
  const { client, message, response } = await request(t, bytesOf('GET', '/'));
  const { answer, content, counts } = passing();
  send(message, response, answer);
  content.push(Buffer.from('half'));
  client.reset();
  await until(() => counts.abandoned === 1, 'it is let go');
  content.finish('complete');
  await settle();
  t.equal(counts.abandoned, 1);
});

t.test('to a client that has gone nothing is sent, and the origin is let go', async (t) => {
  const { client, message, response } = await request(t, bytesOf('GET', '/'));
  client.reset();
  await until(() => response.destroyed, 'gone');
  const { answer, counts } = passing();
  send(message, response, answer);
  send(message, response, MADE);
  t.equal(counts.abandoned, 1);
  t.equal(response.headersSent, false);
});

t.test('a second answer is not sent', async (t) => {
  const { client, message, response } = await request(t, bytesOf('GET', '/'));
  send(message, response, MADE);
  const { answer, counts } = passing();
  send(message, response, answer);
  t.equal((await client.response()).status, 412);
  await settle();
  t.equal(client.rest(), '');
  t.equal(counts.abandoned, 1);
});

t.test('content that was not read is not taken for a request', async (t) => {
  const { client, message, response } = await request(
    t,
    bytesOf('PUT', '/', ['Content-Length: 100'], 'part'),
  );
  send(message, response, MADE);
  const got = await client.response();
  t.same([got.status, got.field('connection')], [412, 'close']);
  client.send(`${'x'.repeat(96)}GET / HTTP/1.1\r\nHost: x\r\n\r\n`);
  await until(() => client.socket.readableEnded, 'the end');
  t.equal(client.rest(), '');
});

for (const { name, bytes } of [
  { name: 'at once', bytes: bytesOf('GET', '/') },
  { name: 'a turn later, behind content that came with its head', bytes: bytesOf('PUT', '/', [], 'x') },
]) {
  t.test(`an answer that cannot be sent, ${name}, is reported and ends nothing else`, async (t) => {
    const { client, message, response } = await request(t, bytes);
    const { answer, counts } = passing(['X', 'a\r\nY: b']);
    const failed = Promise.withResolvers<unknown>();
    sendOr(message, response, answer, failed.resolve);
    t.match(await failed.promise, { code: 'ERR_INVALID_CHAR' });
    t.same([counts.abandoned, client.rest()], [1, '']);
  });
}
