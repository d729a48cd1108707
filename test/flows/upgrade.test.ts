// WebSocket's opening handshake becomes a tunnel when the origin agrees; every other Upgrade is ignored and guarded.
import net from 'node:net';
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type RawRequest, startRawOrigin } from '../fixtures/raw-origin.ts';
import { watchThrown } from '../fixtures/thrown.ts';
import { until } from '../fixtures/until.ts';

const HANDSHAKE = [
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
/** More than a socket and its client's kernel take at once. */
const LARGE = 16 * 1024 * 1024;
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 2\r\n\r\nok';

/** Agrees, and answers what comes through the tunnel in capitals. */
function agree({ socket }: RawRequest): string {
  socket.removeAllListeners('data');
  socket.on('data', (data) => socket.write(data.toString('latin1').toUpperCase()));
  return SWITCH;
}

t.test(
  'bytes go both ways after the 101, early ones too, and the end of one side ends the other',
  async (t) => {
    const origin = await startRawOrigin(t, agree);
    const { port } = await startIfmatch(t, { origin: origin.url });
    const client = await connect(port);
    client.send(`${bytesOf('GET', '/chat?room=1', HANDSHAKE)}early `);
    await until(() => client.rest().endsWith('EARLY '), 'early bytes back');
    client.send('frame');
    await until(() => client.rest().endsWith('EARLY FRAME'), 'the frame back');
    t.match(
      client.rest(),
      /^HTTP\/1\.1 101 [\s\S]*\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/,
    );
    for (const name of ['connection', 'upgrade'])
      t.equal(client.rest().match(new RegExp(`^${name}:`, 'gim'))?.length, 1, `${name} is one line`);
    const [request] = origin.requests;
    t.equal(request?.target, '/chat?room=1');
    t.match(request?.head, /^connection: upgrade\r$/im);
    t.match(request?.head, /^upgrade: websocket\r$/im);
    t.match(request?.head, /^Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r$/im);
    request?.socket.destroy();
    await until(() => client.socket.closed, 'the end of the connection');
  },
);

t.test('a client whose connection breaks off leaves no tunnel behind', async (t) => {
  const origin = await startRawOrigin(t, agree);
  const { port } = await startIfmatch(t, { origin: origin.url });
  const client = await connect(port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => client.rest().includes('\r\n\r\n'), 'the 101');
  client.reset();
  await until(() => origin.requests[0]?.socket.closed === true, 'the end of the connection to the origin');
});

t.test('an origin whose connection breaks off ends the tunnel, and nothing else', async (t) => {
  const thrown = watchThrown(t);
  const origin = await startRawOrigin(t, (request) => (request.target === '/chat' ? agree(request) : OK));
  const { port, log } = await startIfmatch(t, { origin: origin.url });
  const client = await connect(port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => client.rest().includes('\r\n\r\n'), 'the 101');
  origin.requests[0]?.socket.resetAndDestroy();
  await until(() => client.socket.closed, 'the end of the connection');
  t.equal((await exchange(port, 'GET', '/doc')).status, 200, 'others are served');
  t.same(thrown, [], 'nothing is thrown past everybody');
  t.match(
    log.find(({ path }) => path === '/chat'),
    { status: 101 },
  );
});

t.test('a client that goes on when the origin has ended the tunnel is cut off', async (t) => {
  const origin = await startRawOrigin(t, agree);
  const { port } = await startIfmatch(t, { origin: origin.url });
  const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => client.destroy());
  client.on('error', () => {});
  let received = '';
  client.on('data', (data) => {
    received += data.toString('latin1');
  });
  client.write(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => received.includes('\r\n\r\n'), 'the 101');
  origin.requests[0]?.socket.destroy();
  await until(() => {
    if (!client.destroyed) client.write('still here');
    return client.closed;
  }, 'the end of the connection');
  t.ok(client.readableEnded || client.destroyed);
});

t.test('a client that leaves before the origin answers ends the handshake', async (t) => {
  const origin = await startRawOrigin(t, () => undefined);
  const { port, log } = await startIfmatch(t, {
    origin: origin.url,
    timeouts: { read: 60_000, write: 60_000 },
  });
  const client = await connect(port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => origin.requests.length === 1, 'the handshake');
  client.reset();
  await until(() => origin.requests[0]?.socket.closed === true, 'the end of the connection to the origin');
  await until(() => log.some(({ path }) => path === '/chat'), 'its line');
});

t.test('an origin may spell the protocol as it likes', async (t) => {
  const origin = await startRawOrigin(t, (request) => agree(request).replace('websocket', 'WebSocket'));
  const { port } = await startIfmatch(t, { origin: origin.url });
  const client = await connect(port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => client.rest().includes('\r\n\r\n'), 'the 101');
  client.send('frame');
  await until(() => client.rest().endsWith('FRAME'), 'the frame back');
  client.close();
});

t.test('an origin that does not agree has its answer passed on', async (t) => {
  const origin = await startRawOrigin(t, () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope');
  const { port } = await startIfmatch(t, { origin: origin.url });
  const client = await connect(port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  const response = await client.response();
  t.equal(response.status, 403);
  t.equal(response.content, 'nope');
  t.equal(response.field('connection'), 'close');
  await until(() => client.socket.closed, 'the end of the connection');
});

t.test(
  'an answer to a handshake that breaks off as its head comes: 502, and not a connection that ends',
  async (t) => {
    const answer = 'HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
    const origin = await startRawOrigin(t, () => answer);
    const { port } = await startIfmatch(t, { origin: origin.url });
    const client = await connect(port);
    client.send(bytesOf('GET', '/chat', HANDSHAKE));
    problem(t, await client.response(), 502);
  },
);

t.test('an answer to a handshake that the origin breaks off is not laid to the client', async (t) => {
  const origin = await startRawOrigin(t, ({ socket }) => {
    socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\npart');
    setTimeout(() => socket.resetAndDestroy(), 50);
    return undefined;
  });
  const { port, log } = await startIfmatch(t, { origin: origin.url });
  const client = await connect(port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  t.equal((await client.response()).complete, false);
  const line = () => log.find(({ msg }) => msg === 'request');
  await until(() => line() !== undefined, 'its line');
  t.match(line(), { level: 40, status: 403, brokeOff: true, cause: /origin reset: / });
  t.notHas(line(), { clientGone: true });
  t.equal(line()?.['code'], undefined, 'nothing was refused here');
});

t.test('an answer that is no agreement comes whole, however large', async (t) => {
  const content = 'x'.repeat(LARGE);
  const origin = await startRawOrigin(
    t,
    () => `HTTP/1.1 403 Forbidden\r\nContent-Length: ${LARGE}\r\n\r\n${content}`,
  );
  const { port } = await startIfmatch(t, { origin: origin.url });
  const client = await connect(port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  t.equal((await client.response()).content.length, LARGE);
  await until(() => client.socket.closed, 'the end of the connection');
});

t.test('a client that takes nothing of such an answer is cut off', async (t) => {
  const content = 'x'.repeat(LARGE);
  const origin = await startRawOrigin(
    t,
    () => `HTTP/1.1 403 Forbidden\r\nContent-Length: ${LARGE}\r\n\r\n${content}`,
  );
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'limits: { send: 1s }' });
  const client = await connect(ifmatch.port);
  client.socket.pause();
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => ifmatch.log.some(({ path }) => path === '/chat'), 'the end of the request');
  client.close();
});

t.test('an origin that is not there: 502', async (t) => {
  const { port, log } = await startIfmatch(t, { origin: 'http://127.0.0.1:9' });
  const client = await connect(port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  const { type } = problem(t, await client.response(), 502);
  const line = () => log.find(({ msg }) => msg === 'request');
  await until(() => line() !== undefined, 'its line');
  t.equal(`urn:ifmatch:${line()?.['code']}`, type, 'its line says why');
});

t.test('an ambiguous target is refused before anything is sent', async (t) => {
  const origin = await startRawOrigin(t, agree);
  const { port } = await startIfmatch(t, { origin: origin.url });
  const client = await connect(port);
  client.send(bytesOf('GET', '/a/../chat', HANDSHAKE));
  t.equal((await client.response()).status, 400);
  t.equal(origin.requests.length, 0);
});

const ignored: { name: string; method: string; fields: string[]; content?: string; status: number }[] = [
  {
    name: 'h2c',
    method: 'GET',
    fields: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMA'],
    status: 200,
  },
  { name: 'without Connection', method: 'GET', fields: ['Upgrade: websocket'], status: 200 },
  {
    name: 'on a write with a stale If-Match',
    method: 'PUT',
    fields: [...HANDSHAKE, 'If-Match: "v0"'],
    content: 'x',
    status: 412,
  },
  {
    name: 'on a GET with a condition',
    method: 'GET',
    fields: [...HANDSHAKE, 'If-None-Match: "v1"'],
    status: 304,
  },
];
for (const { name, method, fields, content, status } of ignored) {
  t.test(`Upgrade is ignored: ${name}`, async (t) => {
    const origin = await startRawOrigin(t, ({ method }) => (method === 'HEAD' ? OK.slice(0, -2) : OK));
    const { port } = await startIfmatch(t, { origin: origin.url });
    const client = await connect(port);
    client.send(bytesOf(method, '/doc', fields, content));
    t.equal((await client.response(method)).status, status);
    for (const { head } of origin.requests) t.notMatch(head, /^(upgrade|http2-settings):/im);
    client.close();
  });
}

t.test('what follows an ignored Upgrade reaches nobody: the connection is closed', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const { port } = await startIfmatch(t, { origin: origin.url });
  const client = await connect(port);
  const smuggled = bytesOf('PUT', '/doc', [], 'x');
  client.send(bytesOf('GET', '/doc', ['Connection: Upgrade', 'Upgrade: foo']) + smuggled);
  t.equal((await client.response()).status, 200);
  await until(() => client.socket.closed, 'the end of the connection');
  t.equal(origin.requests.length, 1);
});

t.test('a stop ends the tunnels', async (t) => {
  const origin = await startRawOrigin(t, agree);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const client = await connect(ifmatch.port);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => client.rest().includes('101'), 'the 101');
  t.equal(await ifmatch.stop(), true, 'it does not wait for them');
  await until(() => client.socket.closed, 'the end of the connection');
});
