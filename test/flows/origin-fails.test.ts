// An origin that fails amid a write: the client hears that the outcome is unknown, nothing is retried, the key stays locked.

import t, { type Test } from 'tap';
import { closedPort } from '../fixtures/closed-port.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import type { RawResponse } from '../fixtures/raw-response.ts';
import { settle, until } from '../fixtures/until.ts';

// Most of these wait for a quarantine to end.
t.jobs = 8;

/** Answers HEAD well and everything else to /bad by `fail`. */
const failing =
  (fail: RawScript): RawScript =>
  (request) => {
    if (request.method === 'HEAD') return 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 3\r\n\r\n';
    if (request.target !== '/bad') return 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    return fail(request);
  };

/** Writes the bytes and ends the connection. */
const cut =
  (bytes: string): RawScript =>
  ({ socket }) => {
    socket.end(bytes, 'latin1');
    return undefined;
  };

/** What tells the client about the outcome: an answer of the origin passes with Proxy-Status, the others are problems. */
function said(t: Test, response: RawResponse): string {
  if (response.content === 'oops') return response.field('proxy-status') ?? '';
  const { title, detail } = problem(t, response, response.status);
  return `${title}. ${detail}`;
}

const failures: { name: string; fail: RawScript; status: readonly number[] }[] = [
  {
    name: 'resets before it answers',
    fail: ({ socket }) => {
      socket.resetAndDestroy();
      return undefined;
    },
    status: [502],
  },
  { name: 'closes before it answers', fail: cut(''), status: [502] },
  { name: 'closes amid the fields', fail: cut('HTTP/1.1 200 OK\r\nContent-Le'), status: [502] },
  { name: 'never answers', fail: () => undefined, status: [504] },
  { name: 'answers with garbage', fail: () => 'SSH-2.0-OpenSSH_9.2\r\n\r\n', status: [502] },
  {
    name: 'sends two lengths',
    fail: () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc',
    status: [502],
  },
  {
    name: 'sends a length and chunks',
    fail: () =>
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
    status: [502],
  },
  { name: 'sends status 099', fail: () => 'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n', status: [502] },
  { name: 'sends status 999', fail: () => 'HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n', status: [502] },
  {
    name: 'sends more fields than are read',
    fail: () => `HTTP/1.1 200 OK\r\nX-Long: ${'a'.repeat(40_000)}\r\nContent-Length: 0\r\n\r\n`,
    status: [502],
  },
  {
    name: 'switches protocols unasked',
    fail: () => 'HTTP/1.1 101 Sw\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    status: [502],
  },
  {
    name: 'is a gateway that gave up with 502',
    fail: () => 'HTTP/1.1 502 B\r\nContent-Length: 4\r\n\r\noops',
    status: [502, 504],
  },
  {
    name: 'is a gateway that gave up with 504',
    fail: () => 'HTTP/1.1 504 T\r\nContent-Length: 4\r\n\r\noops',
    status: [502, 504],
  },
  {
    // Varnish 7.1 when first_byte_timeout has passed; the write goes on behind it
    name: 'is a gateway that gave up with 503',
    fail: () =>
      'HTTP/1.1 503 Backend fetch failed\r\nServer: Varnish\r\nRetry-After: 5\r\nX-Varnish: 11\r\n' +
      'Via: 1.1 varnish (Varnish/7.1)\r\nContent-Length: 4\r\n\r\noops',
    status: [502],
  },
];

for (const { name, fail, status } of failures) {
  for (const fields of [[], ['If-Match: "v1"']]) {
    t.test(
      `${fields.length > 0 ? 'conditional' : 'unconditional'} write to an origin that ${name}`,
      async (t) => {
        const origin = await startRawOrigin(t, failing(fail));
        const ifmatch = await startIfmatch(t, {
          origin: origin.url,
          yaml: 'lock: { wait: 150ms }',
          timeouts: { write: 300, uncertainty: 500 },
        });
        const response = await exchange(ifmatch.port, 'PUT', '/bad', fields, 'new');
        t.ok(status.includes(response.status), `${response.status}`);
        t.match(said(t, response), /unknown/i, 'says that the outcome is unknown');
        t.equal(ifmatch.lock().quarantined, 1);

        const second = await exchange(ifmatch.port, 'PUT', '/bad', fields, 'next');
        t.match(problem(t, second, 503).detail, /^The fate of an earlier write is unknown/, 'not others');
        await until(() => ifmatch.log.some(({ code }) => code === 'lock-timeout'), 'its line');
        t.ok(ifmatch.log.some(({ cause }) => cause === 'a write of unknown fate'));
        t.match(second.field('retry-after'), /^[1-9]\d*$/);
        const other = await exchange(ifmatch.port, 'PUT', '/good', fields, 'new');
        t.equal(other.status, 200, 'another key is free');
        t.equal(
          origin.requests.filter(({ method, target }) => method === 'PUT' && target === '/bad').length,
          1,
          'sent once',
        );
        await ifmatch.idle();
      },
    );
  }
}

t.test('half of the content: the client can tell, and the key stays locked for a while', async (t) => {
  const origin = await startRawOrigin(t, failing(cut('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')));
  const ifmatch = await startIfmatch(t, { origin: origin.url, timeouts: { write: 300, uncertainty: 500 } });
  const response = await exchange(ifmatch.port, 'PUT', '/bad', [], 'new');
  if (response.status === 200) t.equal(response.complete, false);
  else t.match(said(t, response), /unknown/i);
  await until(() => ifmatch.lock().quarantined === 1, 'the key is kept');
  t.equal(origin.count('PUT'), 1);
  await ifmatch.idle();
});

t.test(
  'refused connection: not sent, so the key is free at once and the answer does not say unknown',
  async (t) => {
    const ifmatch = await startIfmatch(t, {
      origin: `http://127.0.0.1:${await closedPort()}`,
      timeouts: { uncertainty: 60_000 },
    });
    for (const fields of [[], ['If-Match: "v1"']]) {
      const response = await exchange(ifmatch.port, 'PUT', '/doc', fields, 'new');
      t.ok([502, 503].includes(response.status), `${response.status}`);
      t.notMatch(problem(t, response, response.status).detail, /unknown/i);
      await ifmatch.idle();
    }
  },
);

for (const status of [500, 501, 503, 409, 412, 200]) {
  t.test(`an origin's ${status} to a write is an answer: it passes and frees the key`, async (t) => {
    const answer = { status, fields: ['X-Origin', 'yes'], content: 'said the origin' };
    const origin = await startOrigin(t, { answer: ({ method }) => (method === 'PUT' ? answer : undefined) });
    const ifmatch = await startIfmatch(t, { origin: origin.url, timeouts: { uncertainty: 60_000 } });
    const etag = origin.store('/doc', 'old');
    const response = await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'new');
    t.equal(response.status, status);
    t.equal(response.field('x-origin'), 'yes');
    t.equal(response.content, 'said the origin');
    await ifmatch.idle();
    t.equal(origin.seen('PUT').length, 1);
  });
}

t.test('a write that is applied late, after its deadline, does not cross the next one', async (t) => {
  const origin = await startOrigin(t);
  const etag = origin.store('/doc', 'old');
  origin.on.delay = async ({ content }) => {
    if (content.toString() === 'late') for (let i = 0; i < 8; i++) await settle();
  };
  const ifmatch = await startIfmatch(t, { origin: origin.url, timeouts: { write: 250, uncertainty: 1000 } });
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'late'));
  problem(t, await client.response(), 504);
  t.equal(origin.applied.length, 0, 'it is still under way');
  client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'next'));
  t.equal((await client.response()).status, 412);
  t.equal(origin.content('/doc'), 'late');
  t.equal(origin.applied.length, 1);
  client.close();
  await ifmatch.idle();
});

t.test('an early hint before the answer does not hide the answer', async (t) => {
  const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';
  const origin = await startRawOrigin(t, () => `${hint}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [], 'x')).content, 'ok');
  t.equal((await exchange(ifmatch.port, 'GET', '/doc')).content, 'ok');
  await ifmatch.idle();
});

t.test('surplus bytes after an answer do not become the answer to another', async (t) => {
  const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';
  const origin = await startRawOrigin(t, ({ target }) =>
    target === '/first'
      ? `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst${stray}`
      : 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright',
  );
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  t.equal((await exchange(ifmatch.port, 'PUT', '/first', [], 'a')).content, 'first');
  t.equal((await exchange(ifmatch.port, 'PUT', '/second', [], 'b')).content, 'right');
  t.equal((await exchange(ifmatch.port, 'GET', '/third')).content, 'right');
});

t.test('a HEAD that is answered with content does not shift the answers', async (t) => {
  const origin = await startRawOrigin(t, ({ method }) =>
    method === 'HEAD'
      ? 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 43\r\n\r\nHTTP/1.1 299 No\r\nContent-Length: 5\r\n\r\nstray'
      : 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright',
  );
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  for (let round = 0; round < 3; round++) {
    const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'a');
    t.not(response.content, 'stray');
    t.not(response.status, 299);
  }
});
