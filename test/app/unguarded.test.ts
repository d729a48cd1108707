// mode off: the request and its answer pass byte for byte; what fails is told, and nothing is repeated.

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { closedPort } from '../fixtures/closed-port.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const OFF = 'routes: [{ path: /*, mode: off }]';

async function scene(t: Test, script: RawScript) {
  const origin = await startRawOrigin(t, script);
  return { origin, ifmatch: await startIfmatch(t, { origin: origin.url, yaml: OFF }) };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

for (const target of ['/a%2Fb', '/%7e//x;y=1?q=%zz', '/?', '/a?b=c?d', '/caf%C3%A9', '/http://evil.test/x']) {
  t.test(`${target} reaches the origin as it is`, async (t) => {
    const { origin, ifmatch } = await scene(t, () => OK);
    for (const method of ['GET', 'PUT', 'OPTIONS', 'REPORT']) {
      t.equal((await exchange(ifmatch.port, method, target)).status, 200);
      t.equal(origin.requests.at(-1)?.target, target);
    }
  });
}

t.test('a stale write passes: nothing is asked, nothing is locked', async (t) => {
  const { origin, ifmatch } = await scene(t, () => OK);
  t.equal((await exchange(ifmatch.port, 'PUT', '/a', ['If-Match: "v0"'], 'new')).status, 200);
  t.same(
    origin.requests.map(({ method, content }) => `${method} ${content}`),
    ['PUT new'],
  );
  t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
});

t.test('lines keep their number, order and octets both ways', async (t) => {
  const lines = 'Set-Cookie: a=1\r\nX-A: 1\r\nSet-Cookie: b=2\r\nX-A: \xe9\r\n';
  const { origin, ifmatch } = await scene(t, () => `HTTP/1.1 200 OK\r\n${lines}Content-Length: 0\r\n\r\n`);
  const response = await exchange(ifmatch.port, 'GET', '/a', ['X-B: 1', 'X-C: \xff', 'x-b: 2']);
  t.same(response.all('set-cookie'), ['a=1', 'b=2']);
  t.same(response.all('x-a').join(', '), '1, \xe9');
  t.match(origin.requests[0]?.head, /X-B: 1\r\nX-C: \xff\r\nx-b: 2\r\n/);
});

t.test('an answer passes as in every other mode: names in their case, their order, the reason', async (t) => {
  const head = ['X-AbC: 1', 'Vary: a', 'x-abc: 2', '__proto__: 3', 'vary: b', 'Content-Length: 0'];
  const answer = `HTTP/1.1 200 Quite Fine\r\n${head.join('\r\n')}\r\n\r\n`;
  const { ifmatch } = await scene(t, () => answer);
  const client = await connect(ifmatch.port);
  client.send(bytesOf('GET', '/a'));
  await until(() => client.rest().includes('\r\n\r\n'), 'the answer');
  const [line, ...lines] = client.rest().split('\r\n');
  t.equal(line, 'HTTP/1.1 200 Quite Fine');
  t.same(lines.slice(0, head.length), head);
  client.close();
});

t.test('who is refused amid his upload sees why, though he reads only behind it', async (t) => {
  const origin = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig'));
    t.teardown(() => socket.destroy());
  });
  await once(origin.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => origin.close());
  const { port } = origin.address() as AddressInfo;
  const ifmatch = await startIfmatch(t, { origin: `http://127.0.0.1:${port}`, yaml: OFF });
  const client = await connect(ifmatch.port);
  client.socket.pause();
  client.send(bytesOf('PUT', '/a', ['Content-Length: 4000000'], 'x'.repeat(2_000_000)));
  await settle();
  client.send('x'.repeat(2_000_000));
  await until(() => client.socket.writableLength === 0, 'all of it is taken');
  client.socket.resume();
  const { status, content } = await client.response();
  t.same([status, content], [413, 'big']);
});

t.test('content is byte-exact, announced and in chunks', async (t) => {
  const { origin, ifmatch } = await scene(t, () => OK);
  const content = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
    .join('')
    .repeat(800);
  t.equal((await exchange(ifmatch.port, 'POST', '/a', [], content)).status, 200);
  t.ok(origin.requests[0]?.content === content, 'announced');
  t.match(origin.requests[0]?.head, /\r\ncontent-length: 204800\r\n/i);
  const client = await connect(ifmatch.port);
  client.send(`${bytesOf('POST', '/a', ['Transfer-Encoding: chunked'])}5\r\nhello\r\n0\r\n\r\n`);
  t.equal((await client.response()).status, 200);
  t.match(origin.requests[1]?.content, /hello/);
  client.close();
});

for (const status of [204, 301, 304, 401, 404, 500, 502, 503]) {
  t.test(`${status} passes`, async (t) => {
    const { origin, ifmatch } = await scene(
      t,
      () =>
        `HTTP/1.1 ${status} X\r\nRetry-After: 1\r\nETag: "e"\r\n${status === 304 || status === 204 ? '' : 'Content-Length: 0\r\n'}\r\n`,
    );
    const response = await exchange(ifmatch.port, 'GET', '/a');
    t.same([response.status, response.field('etag')], [status, '"e"']);
    await settle();
    t.equal(origin.requests.length, 1, 'not repeated');
  });
}

t.test('HEAD has no content and keeps its length', async (t) => {
  const { ifmatch } = await scene(t, () => 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n');
  t.equal((await exchange(ifmatch.port, 'HEAD', '/a')).field('content-length'), '99');
});

t.test('nobody listens: 502, nothing sent', async (t) => {
  const ifmatch = await startIfmatch(t, { origin: `http://127.0.0.1:${await closedPort()}`, yaml: OFF });
  for (const method of ['GET', 'PUT']) {
    const { type } = problem(t, await exchange(ifmatch.port, method, '/a'), 502);
    t.equal(type, 'urn:ifmatch:origin-unreachable');
  }
});

const failures: { name: string; script: RawScript }[] = [
  { name: 'a reset', script: ({ socket }) => void socket.resetAndDestroy() },
  { name: 'no HTTP', script: () => 'SSH-2.0-x\r\n\r\n' },
];
for (const { name, script } of failures) {
  t.test(`${name}: a write is called unknown, and sent once`, async (t) => {
    const { origin, ifmatch } = await scene(t, script);
    t.equal(
      problem(t, await exchange(ifmatch.port, 'PUT', '/a', [], 'x'), 502).type,
      'urn:ifmatch:write-unknown',
    );
    t.equal(problem(t, await exchange(ifmatch.port, 'GET', '/a'), 502).type, 'urn:ifmatch:origin-invalid');
    await settle();
    t.same([origin.count('PUT'), origin.count('GET')], [1, 1]);
  });
}

t.test('content of a GET does not go along, and is no request', async (t) => {
  const { origin, ifmatch } = await scene(t, () => OK);
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  t.equal((await exchange(ifmatch.port, 'GET', '/a', [], smuggled)).status, 200);
  await settle();
  t.same(
    origin.requests.map(({ target }) => target),
    ['/a'],
  );
  t.notMatch(origin.bytes().join(''), /content-length|smuggled/i);
});
