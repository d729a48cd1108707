// Bytes that look like line ends, ranges without end, and more connections than are let in.
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

for (const bytes of ['\xe5\x98\x8a', '\x85', '\x9b[2J', '\xe2\x80\xa8']) {
  t.test(`row 80: ${JSON.stringify(bytes)} in a field of the origin ends no line`, async (t) => {
    const fields = `Location: /a${bytes}X-Injected: 1\r\nX-Odd: ${bytes}\r\nContent-Length: 0`;
    const origin = await startRawOrigin(t, () => `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`);
    const { port } = await startIfmatch(t, { origin: origin.url });
    const response = await exchange(port, 'GET', '/');
    t.equal(response.status, 200);
    t.equal(response.field('x-injected'), undefined);
    t.equal(response.field('location'), `/a${bytes}X-Injected: 1`);
    t.equal(response.field('x-odd'), bytes);
  });
}

t.test('row 80: a 412 for a target with markup is JSON and nothing else', async (t) => {
  const origin = await startOrigin(t);
  const { port } = await startIfmatch(t, { origin: origin.url });
  const response = await exchange(port, 'PUT', '/<script>alert(1)</script>', ['If-Match: "<script>"'], 'x');
  t.equal(response.status, 412);
  t.match(response.field('content-type'), /^application\/problem\+json$/);
  t.equal(response.field('x-content-type-options'), 'nosniff');
  t.equal(JSON.parse(response.content).sent, '"<script>"');
  t.equal(origin.applied.length, 0);
});

t.test('row 81: a Range of 1300 parts passes on a GET, and is on no probe', async (t) => {
  const origin = await startOrigin(t);
  const { port } = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', 'content');
  const range = `bytes=${Array.from({ length: 1300 }, (_, at) => `${at}-${at}`).join(',')}`;
  t.equal((await exchange(port, 'GET', '/doc', [`Range: ${range}`])).status, 200);
  t.ok(origin.requests[0]?.fields.includes(range));
  for (const method of ['PUT', 'DELETE']) {
    const stale = await exchange(port, method, '/doc', [
      'Range: bytes=0-0',
      'If-Range: "x"',
      'If-Match: "x"',
    ]);
    t.equal(stale.status, 412, method);
  }
  const part = ['Content-Range: bytes 0-0/7', 'If-Match: "x"'];
  t.equal((await exchange(port, 'PUT', '/doc', part, 'x')).status, 412, 'a part is a write');
  for (const { method, fields } of origin.requests) {
    if (method === 'HEAD') t.notMatch(fields.join('\n'), /^(range|if-range|content-range)$/im);
  }
  t.equal(origin.etag('/doc'), etag);
});

t.test('row 117: connections beyond the limit are closed, and the others go on', async (t) => {
  const origin = await startOrigin(t);
  const { port } = await startIfmatch(t, { origin: origin.url, yaml: 'limits: { connections: 20 }' });
  origin.store('/doc', 'content');
  const sockets: Socket[] = [];
  for (let i = 0; i < 50; i++) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {}).resume();
    await once(socket, 'connect');
    sockets.push(socket);
  }
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  await until(() => sockets.filter(({ closed }) => closed).length === 30, 'thirty are closed');
  sockets.find(({ closed }) => !closed)?.destroy();
  await settle();
  t.equal((await exchange(port, 'PUT', '/doc', ['If-Match: *'], 'x')).status, 200);
});
