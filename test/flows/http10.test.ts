// HTTP/1.0 clients: no Host, keep-alive by request only, and no chunks.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { connect } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 2\r\n\r\nok';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n';

async function scene(t: Test, mode: string, script: RawScript = () => OK) {
  const origin = await startRawOrigin(t, (request) =>
    request.method === 'HEAD' ? OK.slice(0, -2) : script(request),
  );
  const ifmatch = await startIfmatch(t, {
    origin: origin.url,
    yaml: `routes: [{ path: /*, mode: ${mode} }]`,
  });
  return { origin, ifmatch, client: await connect(ifmatch.port) };
}

for (const mode of ['off', 'enforce']) {
  for (const [method, content] of [['GET'], ['PUT', 'new']] as const) {
    const length = content === undefined ? '' : `Content-Length: ${content.length}\r\n`;

    t.test(`${mode}: ${method} without Host: the origin sees its own, and no empty field`, async (t) => {
      const { origin, client } = await scene(t, mode);
      client.send(`${method} /a HTTP/1.0\r\n${length}\r\n${content ?? ''}`);
      const response = await client.response();
      t.same([response.status, response.content], [200, 'ok']);
      const [request] = origin.requests;
      t.same(request?.head.match(/(?<=^host: ).*(?=\r$)/gim), [`127.0.0.1:${origin.port}`]);
      t.notMatch(request?.head, /^x-forwarded-host:/im);
      t.match(request?.head, /^via: 1\.0 ifmatch/im);
      t.equal(request?.content, content ?? '');
      await until(() => client.socket.readableEnded, 'the end of the connection');
    });

    t.test(`${mode}: ${method} with keep-alive: the connection serves on`, async (t) => {
      const { origin, client } = await scene(t, mode);
      for (const target of ['/1', '/2']) {
        client.send(
          `${method} ${target} HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n${length}\r\n${content ?? ''}`,
        );
        const response = await client.response();
        t.same([response.status, response.content], [200, 'ok']);
        t.match(response.field('connection'), /^keep-alive$/i);
      }
      t.equal(origin.requests.length, 2);
      for (const { head } of origin.requests) t.match(head, /^x-forwarded-host: x\r$/im);
      client.close();
    });

    for (const connection of ['close', 'keep-alive']) {
      t.test(
        `${mode}: ${method}, chunks of the origin, ${connection}: the end of the connection ends the content`,
        async (t) => {
          const { client } = await scene(t, mode, () => CHUNKED);
          client.send(
            `${method} /a HTTP/1.0\r\nHost: x\r\nConnection: ${connection}\r\n${length}\r\n${content ?? ''}`,
          );
          const response = await client.response();
          t.equal(response.status, 200);
          t.same(response.all('transfer-encoding'), []);
          t.equal(response.content, 'abcdefg');
          t.ok(client.socket.readableEnded, 'the connection has ended');
        },
      );
    }
  }
}

t.test('a stale write is refused without Host too', async (t) => {
  const { origin, client } = await scene(t, 'enforce');
  client.send('PUT /a HTTP/1.0\r\nIf-Match: "v0"\r\nContent-Length: 1\r\n\r\nx');
  problem(t, await client.response(), 412);
  t.match(origin.requests[0]?.head, new RegExp(`^host: 127\\.0\\.0\\.1:${origin.port}\r$`, 'im'));
  t.equal(origin.count('PUT'), 0);
});

t.test('HTTP/1.1 without Host is refused', async (t) => {
  const { origin, client } = await scene(t, 'enforce');
  client.send('GET /a HTTP/1.1\r\n\r\n');
  problem(t, await client.response(), 400);
  t.equal(origin.requests.length, 0);
});

const UNBOUNDED = [
  { name: '204', answer: 'HTTP/1.1 204 No Content\r\n\r\n' },
  { name: 'chunks', answer: CHUNKED },
];
for (const mode of ['off', 'enforce']) {
  for (const { name, answer } of UNBOUNDED) {
    for (const version of ['1.0', '1.1']) {
      t.test(
        `${mode}: behind an answer without a length (${name}) no HTTP/${version} write is done`,
        async (t) => {
          const { origin, ifmatch, client } = await scene(t, mode, () => answer);
          const put = (target: string, as: string): string =>
            `PUT ${target} HTTP/${as}\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi`;
          client.send(put('/1', '1.0') + put('/2', version));
          const response = await client.response();
          t.match(response.field('connection'), /^close$/i);
          await until(() => client.socket.readableEnded, 'the end of the connection');
          await ifmatch.idle();
          await settle();
          t.same(
            origin.requests.map(({ target }) => target),
            ['/1'],
          );
        },
      );
    }
  }
}

const CUT: { name: string; end: (socket: Socket) => void }[] = [
  { name: 'an end without the last chunk', end: (socket) => void socket.end() },
  { name: 'a malformed chunk', end: (socket) => void socket.write('zz\r\n') },
  { name: 'a reset', end: (socket) => void socket.resetAndDestroy() },
];
for (const mode of ['off', 'enforce']) {
  for (const method of ['GET', 'PROPFIND', 'OPTIONS']) {
    for (const { name, end } of CUT) {
      t.test(`${mode}: ${method} whose answer breaks off by ${name} ends with a reset`, async (t) => {
        const { client } = await scene(t, mode, ({ socket }) => {
          socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
          setTimeout(() => end(socket), 50);
          return undefined;
        });
        const failed = once(client.socket, 'error');
        client.send(`${method} /a HTTP/1.0\r\nHost: x\r\n\r\n`);
        t.match(await failed, [{ code: 'ECONNRESET' }], 'what came looks like no end');
        t.match(client.rest(), /hello$/);
      });
    }
  }
}
