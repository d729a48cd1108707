// mode off and the connections to the origin: few suffice, none is lost, and who has left does not get one.

import t, { type Test } from 'tap';
import { type IfmatchOptions, startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const OFF = 'routes: [{ path: /*, mode: off }]';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function scene(t: Test, script: RawScript, options: Omit<IfmatchOptions, 'origin'> = {}) {
  const origin = await startRawOrigin(t, script);
  return { origin, ifmatch: await startIfmatch(t, { origin: origin.url, yaml: OFF, ...options }) };
}

const CONTENT = 'x'.repeat(100_000);
const invalid = [
  { name: 'status 600', answer: `HTTP/1.1 600 Odd\r\nContent-Length: 100000\r\n\r\n${CONTENT}` },
  { name: 'status 999', answer: `HTTP/1.1 999 Odd\r\nContent-Length: 100000\r\n\r\n${CONTENT}` },
  {
    name: 'Transfer-Encoding: gzip, chunked',
    answer: `HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n186a0\r\n${CONTENT}\r\n0\r\n\r\n`,
  },
];
for (const { name, answer } of invalid) {
  for (const method of ['GET', 'PUT']) {
    t.test(`${name} to a ${method}: 502, and the connection is not lost`, async (t) => {
      const { origin, ifmatch } = await scene(t, ({ target }) => (target === '/good' ? OK : answer), {
        connections: 3,
      });
      for (let i = 0; i < 10; i++) problem(t, await exchange(ifmatch.port, method, `/${i}`), 502);
      t.equal((await exchange(ifmatch.port, 'GET', '/good')).content, 'ok');
      await settle();
      const open = origin.requests.filter(({ socket, target }) => !socket.destroyed && target !== '/good');
      t.same(open, [], 'the connections of those answers are closed');
    });
  }
}

t.test('answers that nobody took leave their connection to others', async (t) => {
  const big = `HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n${'x'.repeat(9_000_000)}`;
  const { ifmatch } = await scene(t, ({ target }) => (target === '/good' ? OK : big), { connections: 3 });
  for (let i = 0; i < 10; i++) {
    const client = await connect(ifmatch.port);
    client.send(bytesOf('GET', '/big'));
    await until(() => client.rest() !== '', 'the answer begins');
    client.reset();
  }
  t.equal((await exchange(ifmatch.port, 'GET', '/good')).content, 'ok');
});

t.test('a write whose client left before its answer leaves its connection to others', async (t) => {
  const { origin, ifmatch } = await scene(t, ({ method }) => (method === 'DELETE' ? undefined : OK), {
    connections: 1,
  });
  for (const target of ['/1', '/2']) {
    const client = await connect(ifmatch.port);
    client.send(bytesOf('DELETE', target));
    await until(() => origin.requests.some((request) => request.target === target), 'it is under way');
    client.reset();
    await until(
      () => ifmatch.log.some(({ path }) => path === target),
      'it is noted that the client has gone',
    );
    origin.requests.at(-1)?.socket.write(OK);
    t.equal((await exchange(ifmatch.port, 'GET', '/good')).content, 'ok');
  }
  t.match(ifmatch.log[0], { method: 'DELETE', path: '/1', clientGone: true });
});

t.test('a write whose client left while it waited for a free connection is never sent', async (t) => {
  const { origin, ifmatch } = await scene(t, ({ target }) => (target === '/hang' ? undefined : OK), {
    connections: 1,
    timeouts: { connect: 4000 },
  });
  const holder = await connect(ifmatch.port);
  holder.send(bytesOf('GET', '/hang'));
  await until(() => origin.requests.length === 1, 'the only connection is taken');
  const [gone, stays] = [await connect(ifmatch.port), await connect(ifmatch.port)];
  gone.send(bytesOf('DELETE', '/a'));
  await settle();
  stays.send(bytesOf('GET', '/behind'));
  await settle();
  gone.reset();
  await until(
    () => ifmatch.log.some(({ method }) => method === 'DELETE'),
    'it is noted that the client has gone',
  );
  origin.requests[0]?.socket.write(OK);
  t.equal((await stays.response()).status, 200, 'the one behind it has its turn');
  t.same(
    origin.requests.map(({ target }) => target),
    ['/hang', '/behind'],
  );
  holder.close();
  stays.close();
});

for (const method of ['GET', 'PUT']) {
  t.test(`no connection comes free for a ${method}: 503 with Retry-After, nothing sent`, async (t) => {
    const { origin, ifmatch } = await scene(t, ({ target }) => (target === '/hang' ? undefined : OK), {
      connections: 1,
      timeouts: { connect: 150 },
    });
    const holder = await connect(ifmatch.port);
    holder.send(bytesOf('GET', '/hang'));
    await until(() => origin.requests.length === 1, 'the only connection is taken');
    const response = await exchange(ifmatch.port, method, '/a');
    t.equal(problem(t, response, 503).type, 'urn:ifmatch:origin-busy');
    t.match(response.field('retry-after'), /^[1-9]\d*$/);
    const busy = () => ifmatch.log.find(({ code }) => code === 'origin-busy');
    await until(() => busy() !== undefined, 'it is in the log');
    t.match(busy()?.['cause'], /as many exchanges are under way as origin\.connections allows/);
    origin.requests[0]?.socket.write(OK);
    t.equal((await holder.response()).status, 200);
    t.equal((await exchange(ifmatch.port, 'GET', '/again')).status, 200);
    t.same(
      origin.requests.map(({ target }) => target),
      ['/hang', '/again'],
    );
    holder.close();
  });
}
