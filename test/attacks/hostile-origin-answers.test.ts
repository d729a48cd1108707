// Answers that come too early, too often, not at all or in part: the write is sent once, and what is said of it is true.

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { type Arena, OK, startArena } from '../fixtures/attack.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import type { RawScript } from '../fixtures/raw-origin.ts';
import type { RawResponse } from '../fixtures/raw-response.ts';

// Most of these wait for a quarantine to end.
t.jobs = 8;

const timeouts = { read: 500, write: 500, uncertainty: 100 };
const start = (t: Test, answer: RawScript): Promise<Arena> =>
  startArena(t, (request) => (request.method === 'HEAD' ? OK : answer(request)), {
    connections: 1,
    timeouts,
  });

const requests = [
  { method: 'GET', fields: [] },
  { method: 'PUT', fields: [] },
  { method: 'PUT', fields: ['If-Match: "v1"'] },
];
const RIGHT = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright';

/** Runs the attack with each request; the origin must have got it once. */
function each(
  name: string,
  answer: RawScript,
  look: (t: Test, response: RawResponse, method: string) => void,
): void {
  for (const { method, fields } of requests) {
    t.test(`${name}, to a ${[method, ...fields].join(' with ')}`, async (t) => {
      const arena = await start(t, answer);
      const got = await arena.attack(t, async () => {
        const content = method === 'PUT' ? 'hi' : undefined;
        look(t, await exchange(arena.ifmatch.port, method, '/a', fields, content), method);
      });
      t.equal(got.filter((request) => request.method === method).length, 1, 'not repeated');
    });
  }
}

/** 502 or 504, which calls a write unknown. */
function failed(t: Test, response: RawResponse, method: string): void {
  t.ok([502, 504].includes(response.status), String(response.status));
  const { title, detail } = problem(t, response, response.status);
  t.equal(/unknown/i.test(title + detail), method === 'PUT');
}
const delivered = (t: Test, response: RawResponse): void => {
  t.equal(response.status, 200);
  t.equal(response.content, 'right');
};
const cut =
  (bytes: string, how: 'FIN' | 'RST'): RawScript =>
  ({ socket }) => {
    if (how === 'FIN') socket.end(bytes, 'latin1');
    else socket.write(bytes, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 20));
    return undefined;
  };

// 50: interim answers that nobody asked for are not the answer (RFC 9110 15.2)
for (const status of [100, 102, 103]) {
  each(`${status} before the answer`, () => `HTTP/1.1 ${status} X\r\nLink: </x>\r\n\r\n${RIGHT}`, delivered);
}
each(
  '101 without having been asked',
  () => 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
  failed,
);

// 51
const partial = (['FIN', 'RST'] as const).flatMap((how) =>
  ['', 'Connection: close\r\n'].flatMap((close) => [
    { name: 'half of a length', bytes: `HTTP/1.1 200 OK\r\n${close}Content-Length: 10\r\n\r\nhalf`, how },
    {
      name: 'chunks without an end',
      bytes: `HTTP/1.1 200 OK\r\n${close}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`,
      how,
    },
  ]),
);
partial.push({ name: 'content without framing', bytes: 'HTTP/1.1 200 OK\r\n\r\nhalf', how: 'RST' });
for (const { name, bytes, how } of partial) {
  each(
    `${name}${/n: close/.test(bytes) ? ' and Connection: close' : ''}, then ${how}`,
    cut(bytes, how),
    (t, response, method) => {
      if (response.status === 200) t.equal(response.complete, false, 'the client can tell');
      else failed(t, response, method);
    },
  );
}
each('content that ends with the connection', cut('HTTP/1.1 200 OK\r\n\r\nright', 'FIN'), delivered);

// 52
each('no answer but FIN', cut('', 'FIN'), failed);
each('no answer but RST', cut('', 'RST'), failed);
const HINT = 'HTTP/1.1 102 Processing\r\n\r\n';
each(
  '100 000 times 102, then the answer',
  () => HINT.repeat(100_000) + RIGHT,
  (t, response, method) => {
    if (response.status === 200) delivered(t, response);
    else failed(t, response, method);
  },
);
each(
  '102 for ever',
  ({ socket }) => {
    const timer = setInterval(() => socket.write(HINT), 5);
    socket.on('close', () => clearInterval(timer));
    return undefined;
  },
  failed,
);

for (const status of [412, 413]) {
  t.test(`${status} before the content was read is relayed, and the write is not repeated`, async (t) => {
    let [heads, writes] = [0, 0];
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      let seen = '';
      socket.on('data', (data) => {
        seen += data.toString('latin1');
        if (!/^\w+ .*\r\n\r\n/s.test(seen)) return;
        if (seen.startsWith('HEAD')) {
          heads++;
          socket.write(OK);
        } else if (seen.startsWith('PUT')) {
          writes++;
          socket.pause();
          socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsaid`);
        }
        seen = '';
      });
      t.teardown(() => socket.destroy());
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => server.close());
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ifmatch = await startIfmatch(t, {
      origin,
      yaml: 'buffer: 4KiB\nlimits: { idle: 300ms }',
      timeouts,
    });
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/a', ['If-Match: "v1"', 'Content-Length: 300000'], 'x'.repeat(50_000)));
    const response = await client.response();
    t.equal(response.status, status);
    t.equal(response.content, 'said');
    client.close();
    await ifmatch.idle();
    t.ok(heads > 0);
    t.equal(writes, 1);
  });
}
