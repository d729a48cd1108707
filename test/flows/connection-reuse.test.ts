// Connections to the origin are kept until it is caught sending what answers no request, and by nothing else: behind a HEAD, or behind any.

import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 2\r\n\r\n';
const OK = `${HEAD}ok`;

/** PUT /odd gets `odd`, a HEAD gets `head`. */
async function scene(t: Test, odd: string, head = HEAD) {
  const origin = await startRawOrigin(t, ({ method, target }) => {
    if (method === 'HEAD') return head;
    return target === '/odd' ? odd : OK;
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url, timeouts: { write: 400, uncertainty: 50 } });
  /** A write with a condition: a HEAD, then a PUT. */
  const checked = async (): Promise<void> => {
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'x')).status, 200);
  };
  const closing = (): boolean[] =>
    origin.requests
      .filter(({ method }) => method === 'HEAD')
      .map(({ head }) => /^connection: close\r$/im.test(head));
  const warnings = () => ifmatch.log.filter(({ msg }) => /HEAD/.test(String(msg)));
  return { origin, ifmatch, checked, closing, warnings };
}

const oddities = [
  { name: 'two lengths', odd: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok' },
  { name: 'a length that is none', odd: 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok' },
  { name: 'a malformed field', odd: 'HTTP/1.1 200 OK\r\nA B: c\r\n\r\nok' },
  {
    name: 'a malformed chunk',
    odd: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n',
  },
  { name: 'a status that is none', odd: 'HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nok' },
  { name: 'fields without end', odd: `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}\r\n\r\n` },
];
for (const { name, odd } of oddities) {
  t.test(`${name} in answer to a PUT says nothing about HEAD`, async (t) => {
    const { ifmatch, origin, checked, closing, warnings } = await scene(t, odd);
    await checked();
    const response = await exchange(ifmatch.port, 'PUT', '/odd', [], 'x').catch(() => undefined);
    t.notMatch(response, { status: 200, complete: true }, 'it does not pass');
    await settle();
    await ifmatch.idle();
    const connections = origin.bytes().length;
    for (let i = 0; i < 3; i++) await checked();
    t.same(closing(), [false, false, false, false], 'connections are kept');
    t.ok(origin.bytes().length <= connections + 1, 'and used again');
    t.same(warnings(), []);
  });
}

t.test('an unsolicited 100 in answer to a PUT says nothing about HEAD, nor about the PUT', async (t) => {
  const { ifmatch, origin, checked, closing, warnings } = await scene(
    t,
    `HTTP/1.1 100 Continue\r\n\r\n${OK}`,
  );
  await checked();
  t.match(await exchange(ifmatch.port, 'PUT', '/odd', [], 'x'), { status: 200, complete: true });
  const connections = origin.bytes().length;
  for (let i = 0; i < 3; i++) await checked();
  t.same(closing(), [false, false, false, false], 'connections are kept');
  t.equal(origin.bytes().length, connections, 'and used again');
  t.same(warnings(), []);
});

t.test('a HEAD that is answered with content ends it, with a warning', async (t) => {
  const { ifmatch, closing, warnings } = await scene(
    t,
    OK,
    `HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 5\r\n\r\nstray`,
  );
  const first = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'x');
  if (first.status !== 200) problem(t, first, 502);
  await until(() => warnings().length > 0, 'the warning');
  await ifmatch.idle();
  for (let i = 0; i < 3; i++) {
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'x')).status, 200);
  }
  t.same(closing(), [false, true, true, true]);
  t.equal(warnings().length, 1, 'said once');
  t.equal(warnings()[0]?.['level'], 40);
});

t.test('content of a HEAD that comes as late as the next answer ends it, too', async (t) => {
  let heads = 0;
  const origin = await startRawOrigin(t, ({ method }) => {
    if (method === 'HEAD') heads += 1;
    if (method !== 'HEAD') return OK;
    return heads === 2 ? `stray${HEAD}` : HEAD;
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const put = () => exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'x');
  t.equal((await put()).status, 200);
  problem(t, await put(), 502);
  await ifmatch.idle();
  t.equal((await put()).status, 200);
  const closing = origin.requests.flatMap(({ method, head }) =>
    method === 'HEAD' ? [/^connection: close\r$/im.test(head)] : [],
  );
  t.same(closing, [false, false, true]);
  t.equal(ifmatch.log.filter(({ msg }) => /after a HEAD$/.test(String(msg))).length, 1, 'it is said');
});

t.test(
  'an answer that nobody asked for, behind any other, ends all reuse: it becomes at most one wrong answer',
  async (t) => {
    const unasked = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong';
    const origin = await startRawOrigin(t, ({ target, socket }) => {
      if (target === '/odd') setTimeout(() => socket.write(unasked), 1);
      return OK;
    });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const warnings = () => ifmatch.log.filter(({ msg }) => /no longer reused$/.test(String(msg)));
    await exchange(ifmatch.port, 'PUT', '/odd', [], 'x');
    await until(() => warnings().length === 1, 'the warning');
    for (let n = 0; n < 20; n++) {
      for (const [method, content] of [['PUT', 'x'], ['GET'], ['HEAD']] as const) {
        await exchange(ifmatch.port, 'PUT', '/odd', [], 'x');
        const got = await exchange(ifmatch.port, method, '/doc', [], content);
        t.equal(got.content, method === 'HEAD' ? '' : 'ok');
      }
    }
    const [, ...later] = origin.requests;
    t.ok(later.every(({ head }) => /^connection: close\r$/im.test(head)));
    t.equal(warnings().length, 1, 'said once');
  },
);
