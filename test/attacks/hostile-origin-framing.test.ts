// Answers that are no HTTP, or end where they should not: 502, nothing of them to the client, and nothing of them later.

import t, { type Test } from 'tap';
import { type Arena, OK, startArena } from '../fixtures/attack.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import type { RawScript } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

// Most of these wait for a quarantine to end.
t.jobs = 8;

/** Answers what is not a probe by `answer`. One connection, so that what is left on it would meet the next request. */
const start = (t: Test, answer: RawScript): Promise<Arena> =>
  startArena(t, (request) => (request.method === 'HEAD' ? OK : answer(request)), {
    connections: 1,
    timeouts: { read: 500, write: 300, uncertainty: 100 },
  });

const requests = [
  { method: 'GET', fields: [], unknown: false },
  { method: 'PROPFIND', fields: [], unknown: false },
  { method: 'OPTIONS', fields: [], unknown: false },
  { method: 'PUT', fields: [], unknown: true },
  { method: 'PUT', fields: ['If-Match: "v1"'], unknown: true },
];
const LEAK = 'the-inside-of-the-origin';

const invalid: { name: string; answer: string }[] = [
  // 46
  { name: 'two lengths', answer: `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n${LEAK}` },
  {
    name: 'a length and chunks',
    answer: `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n18\r\n${LEAK}\r\n0\r\n\r\n`,
  },
  {
    name: 'chunks and a length',
    answer: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n18\r\n${LEAK}\r\n0\r\n\r\n`,
  },
  {
    name: 'a coding that is not known',
    answer: `HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n18\r\n${LEAK}\r\n0\r\n\r\n`,
  },
  { name: 'a folded field', answer: `HTTP/1.1 200 OK\r\nX-A: a\r\n ${LEAK}\r\nContent-Length: 2\r\n\r\nhi` },
  { name: 'LF alone behind a field', answer: `HTTP/1.1 200 OK\r\nX-A: ${LEAK}\nContent-Length: 2\r\n\r\nhi` },
  { name: 'LF alone throughout', answer: `HTTP/1.1 200 OK\nX-A: ${LEAK}\nContent-Length: 2\n\nhi` },
  {
    name: 'the octet 01 in a value',
    answer: `HTTP/1.1 200 OK\r\nX-A: \x01${LEAK}\r\nContent-Length: 2\r\n\r\nhi`,
  },
  {
    name: 'CR alone in a value',
    answer: `HTTP/1.1 200 OK\r\nX-A: a\rX-B: ${LEAK}\r\nContent-Length: 2\r\n\r\nhi`,
  },
  {
    name: 'a malformed chunk that comes with the head',
    answer: `HTTP/1.1 200 OK\r\nX-A: ${LEAK}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
  },
  {
    name: 'a chunk longer than it says that comes with the head',
    answer: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n${LEAK}\r\n0\r\n\r\n`,
  },
  { name: 'the status 099', answer: `HTTP/1.1 099 No\r\nX-A: ${LEAK}\r\nContent-Length: 2\r\n\r\nhi` },
  { name: 'no HTTP', answer: `SSH-2.0-${LEAK}\r\n\r\n` },
  // 52
  { name: 'the status 999', answer: `HTTP/1.1 999 No\r\nX-A: ${LEAK}\r\nContent-Length: 2\r\n\r\nhi` },
  {
    name: 'a field of 20 000 bytes',
    answer: `HTTP/1.1 200 OK\r\nX-A: ${LEAK}${'x'.repeat(20_000)}\r\nContent-Length: 2\r\n\r\nhi`,
  },
];
for (const { name, answer } of invalid) {
  for (const { method, fields, unknown } of requests) {
    const sent = [method, ...fields].join(' with ');
    t.test(`${name}, to a ${sent}: 502${unknown ? ', unknown, sent once' : ''}`, async (t) => {
      const arena = await start(t, () => answer);
      const got = await arena.attack(t, async () => {
        const response = await exchange(
          arena.ifmatch.port,
          method,
          '/a',
          fields,
          method === 'PUT' ? 'hi' : undefined,
        );
        const { title, detail } = problem(t, response, 502);
        t.equal(/unknown/i.test(title + detail), unknown, 'a write is called unknown, and nothing else is');
        t.notMatch(JSON.stringify(response), LEAK);
        const sockets = arena.origin.requests
          .filter((request) => request.method === method)
          .map(({ socket }) => socket);
        await until(
          () => sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded),
          'its connection ends',
        );
      });
      t.equal(got.filter((request) => request.method === method).length, 1, 'once');
    });
  }
}

const right = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 5\r\n\r\nright';
const stray = 'HTTP/1.1 299 No\r\nETag: "v0"\r\nContent-Length: 5\r\n\r\nstray';
const surplus: { name: string; answer: RawScript }[] = [
  // 47
  {
    name: 'a surplus answer in the same segment',
    answer: ({ method }) => (method === 'HEAD' ? OK : right + stray),
  },
  {
    name: 'a surplus answer behind a probe',
    answer: ({ method }) => (method === 'HEAD' ? OK + stray : right),
  },
  {
    name: 'a surplus answer that comes a little later',
    answer: ({ method, socket }) => {
      if (method !== 'HEAD') setTimeout(() => socket.write(stray), 5);
      return method === 'HEAD' ? OK : right;
    },
  },
  // 48
  {
    name: 'a HEAD answered with content that looks like an answer',
    answer: ({ method }) =>
      method === 'HEAD'
        ? `HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: ${stray.length}\r\n\r\n${stray}`
        : right,
  },
];
for (const { name, answer } of surplus) {
  t.test(`${name}: the next requests get their own answers`, async (t) => {
    const arena = await startArena(t, answer, { connections: 1, timeouts: { write: 300, uncertainty: 100 } });
    await arena.attack(t, async () => {
      for (let round = 0; round < 5; round++) {
        for (const { method, fields } of requests) {
          // bytes that come when a request is already out are its answer: that cannot be told
          if (name.includes('later')) await settle();
          const response = await exchange(
            arena.ifmatch.port,
            method,
            `/${round}`,
            fields,
            method === 'PUT' ? 'hi' : undefined,
          );
          t.not(response.status, 299);
          t.notMatch(response.content, 'stray');
          if (response.status === 200) t.equal(response.content, 'right');
          else t.ok(response.status >= 502, `${response.status}`);
        }
      }
      if (name.includes('later')) await settle();
    });
  });
}

// 49
for (const { status, method } of [
  { status: 304, method: 'GET' },
  { status: 304, method: 'HEAD' },
  { status: 204, method: 'DELETE' },
  { status: 204, method: 'PUT' },
  { status: 204, method: 'GET' },
]) {
  t.test(`${status} with a length and no content, to a ${method}, passes`, async (t) => {
    const arena = await startArena(
      t,
      (request) =>
        request.method !== method || request.target !== '/a'
          ? OK
          : `HTTP/1.1 ${status} X\r\nETag: "v1"\r\nContent-Length: 10\r\n\r\n`,
      { connections: 1 },
    );
    await arena.attack(t, async () => {
      for (let round = 0; round < 2; round++) {
        const response = await exchange(
          arena.ifmatch.port,
          method,
          '/a',
          [],
          method === 'PUT' ? 'hi' : undefined,
        );
        t.equal(response.status, status);
        t.equal(
          (await exchange(arena.ifmatch.port, 'GET', '/b')).status,
          200,
          'the next one has its own answer',
        );
      }
    });
  });
}
