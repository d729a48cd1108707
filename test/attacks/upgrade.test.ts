// Upgrade: bytes behind a request never reach the origin as they are, unless the origin has agreed to a WebSocket.

import t from 'tap';
import { OK, SMUGGLED, startArena } from '../fixtures/attack.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import type { RawRequest } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const WEBSOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: x',
];
const STOLEN = bytesOf('PUT', '/stolen', ['If-Match: "v0"'], 'x');

const arena = await startArena(t);
const { origin, ifmatch } = arena;

/** The origin refuses every one of them; what is behind them is a write with a stale condition, and a read. */
const attempts: { name: string; fields: string[]; method?: string; version?: string; content?: string }[] = [
  // 38
  { name: 'foo, without Connection', fields: ['Upgrade: foo'] },
  { name: 'websocket, without Connection', fields: ['Upgrade: websocket'] },
  { name: 'foo', fields: ['Connection: Upgrade', 'Upgrade: foo'] },
  { name: 'h2c', fields: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMA'] },
  { name: 'websocket', fields: WEBSOCKET },
  { name: 'websocket among others', fields: ['Connection: Upgrade', 'Upgrade: websocket, h2c'] },
  { name: 'two lines of it', fields: ['Connection: Upgrade', 'Upgrade: h2c', 'Upgrade: websocket'] },
  { name: 'websocket in HTTP/1.0', fields: WEBSOCKET, version: '1.0' },
  { name: 'websocket with content', fields: WEBSOCKET, content: SMUGGLED },
  { name: 'websocket on a PUT', fields: WEBSOCKET, method: 'PUT', content: 'x' },
  { name: 'websocket on an OPTIONS', fields: WEBSOCKET, method: 'OPTIONS' },
  { name: 'websocket with chunked content', fields: [...WEBSOCKET, 'Transfer-Encoding: chunked'] },
];
for (const { name, fields, method = 'GET', version = '1.1', content } of attempts) {
  for (const behind of [STOLEN, SMUGGLED]) {
    t.test(`Upgrade: ${name}, and ${behind.split(' ')[0]} behind it`, async (t) => {
      const got = await arena.attack(t, async () => {
        const client = await connect(ifmatch.port);
        client.send(bytesOf(method, '/a', fields, content).replace('HTTP/1.1', `HTTP/${version}`) + behind);
        t.equal((await client.response()).status, 200, 'the first is answered');
        const second = await client.response().catch(() => undefined);
        // closed, or judged as any other
        if (second !== undefined) t.equal(second.status, behind === STOLEN ? 412 : 200);
        client.close();
      });
      t.notOk(
        got.some(({ method, target }) => method === 'PUT' && target === '/stolen'),
        'no write around the guard',
      );
      for (const { head, target } of got)
        if (target === '/stolen') t.match(head, /^HEAD /, 'a probe at most');
    });
  }
}

t.test('bytes behind a handshake wait for the 101, and are dropped with any other answer', async (t) => {
  let handshake: RawRequest | undefined;
  const arena = await startArena(t, (request) => {
    if (request.method !== 'GET') return OK;
    handshake = request;
    return undefined;
  });
  const all = (): string => arena.origin.bytes().join('');
  await arena.attack(t, async () => {
    const client = await connect(arena.ifmatch.port);
    client.send(bytesOf('GET', '/chat', WEBSOCKET) + SMUGGLED);
    await until(() => handshake !== undefined, 'the handshake arrives');
    client.send(STOLEN);
    await settle();
    t.notMatch(all(), /smuggled|stolen/, 'nothing before the origin agrees');
    handshake?.socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    t.equal((await client.response()).status, 403);
    await until(() => client.socket.readableEnded || client.socket.destroyed, 'the end of the connection');
    client.close();
  });
  t.notMatch(all(), /smuggled|stolen/);
});

for (const [name, fields] of [
  ['of another protocol', 'Connection: upgrade\r\nUpgrade: foo\r\n'],
  ['without a protocol', ''],
] as const) {
  t.test(`a 101 ${name} opens no tunnel`, async (t) => {
    const arena = await startArena(t, ({ method }) =>
      method === 'GET' ? `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n` : OK,
    );
    await arena.attack(t, async () => {
      const client = await connect(arena.ifmatch.port);
      client.send(bytesOf('GET', '/chat', WEBSOCKET) + STOLEN);
      t.equal((await client.response()).status, 502);
      client.close();
    });
    t.notMatch(arena.origin.bytes().join(''), /stolen/);
  });
}

t.test('a handshake whose client leaves before the origin answers leaves nothing', async (t) => {
  const sockets: RawRequest['socket'][] = [];
  const arena = await startArena(t, ({ method, socket }) => {
    if (method !== 'GET') return OK;
    sockets.push(socket);
    return undefined;
  });
  await arena.attack(t, async () => {
    const client = await connect(arena.ifmatch.port);
    client.send(bytesOf('GET', '/chat', WEBSOCKET));
    await until(() => sockets.length === 1, 'the handshake arrives');
    client.reset();
    await until(() => sockets[0]?.destroyed === true, "the origin's connection ends too");
  });
  t.ok(origin.requests.length > 0);
});
