// What a client may put behind a write on the same connection: the write's own answer comes first, alone and true.

import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type RawRequest, startRawOrigin } from '../fixtures/raw-origin.ts';
import { watchThrown, watchWarnings } from '../fixtures/thrown.ts';
import { settle, until } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 5\r\n\r\nother';
const DONE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone';
const HANDSHAKE = [
  ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const GARBAGE = '\x00garbage\r\n\r\n';

/** The origin answers PUT /slow when the test says so, and all else at once. */
async function scene(t: Test) {
  const thrown = watchThrown(t);
  let slow: RawRequest | undefined;
  const origin = await startRawOrigin(t, (request) => {
    if (request.method === 'HEAD') return OK.slice(0, -5);
    if (request.target !== '/slow') return OK;
    slow = request;
    return undefined;
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'buffer: 4KiB' });
  const lives = async (): Promise<void> => {
    t.equal((await exchange(ifmatch.port, 'GET', '/after')).status, 200, 'others are served');
    t.same(thrown, [], 'nothing is thrown past everybody');
  };
  const lines = (): string[] => origin.requests.map(({ method, target }) => `${method} ${target}`);
  return {
    ifmatch,
    client: await connect(ifmatch.port),
    lines,
    lives,
    answer: () => slow?.socket.write(DONE),
  };
}

/** `after`: statuses after the write's own; `sent`: what the origin gets for them. */
const followers: { name: string; bytes: string; after: readonly number[]; sent: readonly string[] }[] = [
  { name: 'CONNECT', bytes: 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n', after: [], sent: [] },
  { name: 'a WebSocket handshake', bytes: bytesOf('GET', '/ws', HANDSHAKE), after: [200], sent: ['GET /ws'] },
  {
    name: 'a WebSocket handshake with a bad target',
    bytes: bytesOf('GET', '/a/../b', HANDSHAKE),
    after: [400],
    sent: [],
  },
  { name: 'garbage', bytes: GARBAGE, after: [], sent: [] },
  { name: 'a second PUT', bytes: bytesOf('PUT', '/next', [], 'x'), after: [200], sent: ['PUT /next'] },
  {
    name: 'a second PUT of the same',
    bytes: bytesOf('PUT', '/slow/', [], 'x'),
    after: [200],
    sent: ['PUT /slow/'],
  },
  { name: 'a GET', bytes: bytesOf('GET', '/next'), after: [200], sent: ['GET /next'] },
];
for (const { name, bytes, after, sent } of followers) {
  for (const segments of ['in one segment', 'in a segment of its own']) {
    t.test(`${name} behind a slow PUT, ${segments}`, async (t) => {
      const { client, lines, lives, answer } = await scene(t);
      const put = bytesOf('PUT', '/slow', [], 'x');
      client.send(segments === 'in one segment' ? put + bytes : put);
      await until(() => lines().length === 1, 'the write arrives');
      if (segments !== 'in one segment') client.send(bytes);
      await settle();
      t.equal(client.rest(), '', 'nothing before the write is done');
      t.same(lines(), ['PUT /slow'], 'nothing is begun before the write is done');
      answer();
      const first = await client.response();
      t.same([first.status, first.content], [200, 'done'], 'the first answer is the one to the PUT');
      for (const status of after) t.equal((await client.response()).status, status);
      await settle();
      t.equal(client.rest(), '', 'no further answer');
      t.same(lines().slice(1), sent);
      client.close();
      await lives();
    });
  }
}

for (const [name, follower] of [
  ['DELETE', bytesOf('DELETE', '/b')],
  ['a WebSocket handshake', bytesOf('GET', '/ws', HANDSHAKE)],
  ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n'],
]) {
  t.test(`${name} behind a client's own Connection: close is never executed`, async (t) => {
    const { client, lines, lives, answer } = await scene(t);
    client.send(bytesOf('PUT', '/slow', ['Connection: close'], 'x') + follower);
    await until(() => lines().length === 1, 'the write arrives');
    answer();
    t.equal((await client.response()).content, 'done');
    await until(() => client.socket.readableEnded, 'the end of the connection');
    t.equal(client.rest(), '');
    t.same(lines(), ['PUT /slow']);
    await lives();
  });

  t.test(
    `a GET and then ${name} behind a PUT that got a 412 before its content: neither is executed`,
    async (t) => {
      const { client, ifmatch, lines, lives } = await scene(t);
      // connections to the origin are ready: what is begun here is there at once
      t.equal((await exchange(ifmatch.port, 'PUT', '/warm', ['If-Match: "v1"'], 'x')).status, 200);
      client.send(bytesOf('PUT', '/a', ['If-Match: "stale"', 'Content-Length: 300000']));
      await until(() => client.rest().includes('412'), 'the 412');
      client.send('x'.repeat(300_000) + bytesOf('GET', '/b') + follower);
      problem(t, await client.response(), 412);
      await until(() => client.socket.readableEnded || client.socket.destroyed, 'the end of the connection');
      await settle();
      t.equal(client.rest(), '');
      t.same(lines().slice(2), ['HEAD /a']);
      await lives();
    },
  );

  // Node reads 64 KiB at a time: with the first size the follower is in one read with the end of the content
  for (const size of [300_000, 4 * 65_536]) {
    t.test(
      `${name} behind the ${size} octets of a PUT that got a 412 before is never executed`,
      async (t) => {
        const { client, ifmatch, lines, lives } = await scene(t);
        client.send(bytesOf('PUT', '/a', ['If-Match: "stale"', `Content-Length: ${size}`]));
        await until(() => client.rest().includes('412'), 'the 412');
        client.send('x'.repeat(size) + follower);
        const response = await client.response();
        problem(t, response, 412);
        t.equal(response.field('connection'), 'close');
        await until(
          () => client.socket.readableEnded || client.socket.destroyed,
          'the end of the connection',
        );
        await settle();
        t.equal(client.rest(), '');
        t.same(lines(), ['HEAD /a']);
        await lives();
        await ifmatch.idle();
      },
    );
  }
}

t.test('a thousand parse errors while an answer is owed: no warning, and that answer', async (t) => {
  const warnings = watchWarnings(t);
  const { client, lines, lives, answer } = await scene(t);
  client.send(bytesOf('PUT', '/slow', [], 'x'));
  await until(() => lines().length === 1, 'the write arrives');
  for (let i = 0; i < 1000; i++) {
    client.send(GARBAGE);
    await turn();
  }
  await settle();
  t.equal(client.rest(), '');
  answer();
  t.equal((await client.response()).content, 'done');
  await until(() => client.socket.readableEnded || client.socket.destroyed, 'the end of the connection');
  t.equal(client.rest(), '');
  t.same(warnings, []);
  await lives();
});
