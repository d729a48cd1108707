// What an origin may do to a probe: redirect it, fail it, drown it. Nothing is written unchecked.

import type { Socket } from 'node:net';
import t from 'tap';
import { attackRaw } from '../fixtures/aftermath.ts';
import { startCanary } from '../fixtures/canary.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import type { RawScript } from '../fixtures/raw-origin.ts';
import { until } from '../fixtures/until.ts';

// Some of these wait for a deadline.
t.jobs = 4;

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';

for (const status of [300, 301, 302, 303, 305, 307, 308]) {
  t.test(`row 98: a probe that is answered ${status} follows nothing and writes nothing`, async (t) => {
    const { address, visits } = await startCanary(t);
    const redirect = `HTTP/1.1 ${status} R\r\nLocation: http://${address}/\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n`;
    const { origin, ifmatch, aftermath } = await attackRaw(t, ({ method }) =>
      method === 'HEAD' ? redirect : OK,
    );
    const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'x');
    t.equal(response.status, status);
    t.equal(response.field('location'), `http://${address}/`);
    t.equal(response.field('etag'), undefined, 'the validator of an error page is no validator');
    t.equal(origin.count('PUT'), 0);
    t.equal(visits(), 0);
    await aftermath();
  });
}

/** Answers probes so; other requests well. */
const probeGets =
  (status: number): RawScript =>
  ({ method }) =>
    method === 'PUT'
      ? OK
      : `HTTP/1.1 ${status} X\r\nETag: "v1"\r\n${method === 'HEAD' ? '' : 'Content-Length: 0\r\n'}\r\n`;
const statuses: readonly (readonly [origin: number, client: number])[] = [
  ...([
    [400, 400],
    [401, 401],
    [403, 403],
    [404, 412],
    [405, 405],
    [407, 407],
    [409, 409],
    [410, 412],
  ] as const),
  ...([
    [416, 416],
    [418, 418],
    [426, 502],
    [429, 429],
    [500, 502],
    [501, 502],
    [502, 502],
    [503, 503],
    [504, 504],
    [304, 502],
  ] as const),
];
for (const [status, expected] of statuses) {
  for (const condition of ['If-Match: "v1"', 'If-Match: *']) {
    t.test(`row 99: a probe that is answered ${status} fails closed: ${condition}`, async (t) => {
      const { origin, ifmatch, aftermath } = await attackRaw(t, probeGets(status));
      const response = await exchange(ifmatch.port, 'PUT', '/doc', [condition], 'x');
      t.equal(response.status, expected);
      t.equal(origin.count('PUT'), 0);
      t.not(response.field('etag'), '"v1"');
      await aftermath();
    });
  }
}

const failures: readonly { name: string; fail: RawScript; status: number }[] = [
  { name: 'hangs', fail: () => undefined, status: 504 },
  { name: 'is reset', fail: ({ socket }) => void socket.resetAndDestroy(), status: 502 },
  { name: 'is closed', fail: ({ socket }) => void socket.end(), status: 502 },
  { name: 'is garbage', fail: () => 'SSH-2.0\r\n\r\n', status: 502 },
  {
    name: 'is closed amid the fields',
    fail: ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nETag: "v1'),
    status: 502,
  },
  {
    name: 'has 20 kB of fields',
    fail: () => `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\nETag: "v1"\r\n\r\n`,
    status: 502,
  },
  {
    name: 'is 1000 interim responses and no end',
    fail: () => 'HTTP/1.1 102 P\r\n\r\n'.repeat(1000),
    status: 504,
  },
  { name: 'drips', fail: drip('HTTP/1.1 200 OK\r\nX-Slow: '), status: 504 },
];
/** Sends the start, then a byte every 20 ms as long as the connection lasts. */
function drip(start: string): RawScript {
  return ({ socket }) => {
    socket.write(start);
    const timer = setInterval(() => socket.write('x'), 20);
    socket.once('close', () => clearInterval(timer));
    return undefined;
  };
}
for (const { name, fail, status } of failures) {
  t.test(`row 99: a probe whose answer ${name} fails closed and frees the lock`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(
      t,
      (request) => (request.method === 'HEAD' ? fail(request) : OK),
      { timeouts: { probe: 300, uncertainty: 60_000 } },
    );
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'x'), status);
    t.equal(origin.count('PUT'), 0);
    t.equal(origin.count('HEAD'), 1, 'asked once');
    await aftermath();
  });
}

const CHUNKS = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nTransfer-Encoding: chunked\r\n\r\n';
const LARGE = 10 * 1024 ** 3;
/** Writes chunks as long as somebody takes them. */
const endless: RawScript = ({ socket }) => {
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.write(CHUNKS);
  socket.on('drain', more);
  more();
  return undefined;
};
const bombs: readonly { name: string; bomb: RawScript }[] = [
  { name: 'chunks without end', bomb: endless },
  {
    name: '10 GB announced, and silence',
    bomb: () => `HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: ${LARGE}\r\n\r\n`,
  },
  {
    name: 'a byte now and then',
    bomb: drip(`HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: ${LARGE}\r\n\r\n`),
  },
  {
    name: 'a thousand content codings of what is no gzip',
    bomb: () =>
      `HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Encoding: ${'gzip,'.repeat(1000)}gzip\r\nContent-Length: 3\r\n\r\nzip`,
  },
];
for (const { name, bomb } of bombs) {
  t.test(
    `row 100: a GET in place of HEAD that gives ${name} is cut off, and the write goes on`,
    async (t) => {
      const sockets: Socket[] = [];
      const script: RawScript = (request) => {
        if (request.method === 'PUT') return 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
        if (request.method === 'HEAD') return 'HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n';
        sockets.push(request.socket);
        return bomb(request);
      };
      const { origin, ifmatch, aftermath } = await attackRaw(t, script, { timeouts: { probe: 500 } });
      problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "old"'], 'x'), 412);
      t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'x')).status, 200);
      t.equal(origin.count('PUT'), 1);
      if (!name.startsWith('a thousand')) {
        await until(
          () => sockets.length === 2 && sockets.every((socket) => socket.destroyed),
          'the connection is given up',
        );
        for (const socket of sockets)
          t.ok(socket.bytesWritten < 64 * 1024 ** 2, `${socket.bytesWritten} bytes were taken`);
      }
      await aftermath();
    },
  );
}
