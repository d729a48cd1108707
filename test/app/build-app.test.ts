// The data listener as a whole: methods, limits of the head, expectations, and that no route of ours hides there.

import { METHODS } from 'node:http';
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';
const origin = await startRawOrigin(t, () => OK);
const ifmatch = await startIfmatch(t, { origin: origin.url });
const last = () => origin.requests.at(-1);

for (const method of METHODS.filter((method) => !['CONNECT', 'TRACE'].includes(method))) {
  t.test(`${method} reaches the origin`, async (t) => {
    const response = await exchange(ifmatch.port, method, '/any');
    t.equal(response.status, 200);
    t.equal(last()?.method, method);
  });
}

t.test('every method but reads is guarded when it has a condition', async (t) => {
  const unguarded = ['CONNECT', 'TRACE', 'GET', 'HEAD', 'OPTIONS'];
  for (const method of METHODS.filter((method) => !unguarded.includes(method))) {
    const before = origin.count(method);
    const response = await exchange(ifmatch.port, method, '/any', ['If-Match: "v0"']);
    t.equal(response.status, 412, method);
    t.equal(origin.count(method), before, `${method} stayed here`);
  }
});

t.test('OPTIONS counts Max-Forwards down and ends at 0', async (t) => {
  await exchange(ifmatch.port, 'OPTIONS', '/a', ['Max-Forwards: 2']);
  t.match(last()?.head, /\r\nmax-forwards: 1\r\n/i);
  const before = origin.requests.length;
  t.equal((await exchange(ifmatch.port, 'OPTIONS', '/a', ['Max-Forwards: 0'])).status, 204);
  t.equal(origin.requests.length, before);
  t.equal((await exchange(ifmatch.port, 'GET', '/a', ['Max-Forwards: 0'])).status, 200, 'OPTIONS alone');
});

t.test('an expectation other than 100-continue: 417, nothing at the origin', async (t) => {
  const before = origin.requests.length;
  problem(t, await exchange(ifmatch.port, 'PUT', '/a', ['Expect: 200-ok'], 'x'), 417);
  t.equal(origin.requests.length, before);
});

const tooLarge = [
  { name: 'a field of 17 000 bytes', lines: [`X: ${'x'.repeat(17_000)}`] },
  { name: '250 lines', lines: Array.from({ length: 250 }, (_, i) => `X-${i}: 1`) },
  {
    name: '1500 lines and then a stale If-Match',
    lines: [...Array.from({ length: 1500 }, () => 'a:'), 'If-Match: "wrong"'],
  },
];
for (const { name, lines } of tooLarge) {
  t.test(`${name}: 431, and never an unconditional write`, async (t) => {
    const before = origin.requests.length;
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/a', lines, 'x'));
    problem(t, await client.response(), 431);
    client.close();
    await settle();
    t.equal(origin.requests.length, before);
  });
}

t.test('a target of 20 000 bytes is refused', async (t) => {
  const client = await connect(ifmatch.port);
  client.send(bytesOf('GET', `/${'x'.repeat(20_000)}`));
  t.match((await client.response()).status, /^4(14|31)$/);
  client.close();
});

t.test('199 lines pass, and the condition at their end counts', async (t) => {
  const lines = [...Array.from({ length: 190 }, (_, i) => `X-${i}: 1`), 'If-Match: "wrong"'];
  t.equal((await exchange(ifmatch.port, 'PUT', '/a', lines, 'x')).status, 412);
});

t.test("what belongs to the admin listener is the origin's here", async (t) => {
  for (const target of ['/livez', '/readyz', '/status', '/metrics', '/', '/%6civez']) {
    await exchange(ifmatch.port, 'GET', target);
    t.equal(last()?.target, target);
  }
});

t.test('an answer made here says nothing of what it is made with', async (t) => {
  const response = await exchange(ifmatch.port, 'PUT', '/a', ['If-Match: x'], 'x');
  problem(t, response, 400);
  for (const name of ['server', 'x-powered-by']) t.equal(response.field(name), undefined);
});

t.test('an Upgrade that is no WebSocket is an ordinary request', async (t) => {
  const before = origin.count('PUT');
  const lines = [
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMA',
    'If-Match: "wrong"',
  ];
  t.equal((await exchange(ifmatch.port, 'PUT', '/a', lines, 'x')).status, 412);
  t.equal(origin.count('PUT'), before);
  await exchange(ifmatch.port, 'GET', '/a', lines.slice(0, 3));
  t.notMatch(last()?.head, /upgrade|http2-settings/i);
});
