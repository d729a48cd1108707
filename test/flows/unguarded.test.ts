// mode off, end to end: bytes pass as they are and as soon as they are there, and the exchange ends with its client.

import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { closedPort } from '../fixtures/closed-port.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { watchThrown } from '../fixtures/thrown.ts';
import { settle, until } from '../fixtures/until.ts';

const OFF = 'routes: [{ path: /*, mode: off }]';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

async function scene(t: Test, script: RawScript, yaml = OFF) {
  const origin = await startRawOrigin(t, script);
  // no deadline ends what a test waits for
  const timeouts = { read: 60_000 };
  return { origin, ifmatch: await startIfmatch(t, { origin: origin.url, yaml, timeouts }) };
}

t.test('target and content arrive byte for byte', async (t) => {
  const { origin, ifmatch } = await scene(t, () => OK);
  const target = '/%7e/a%2Fb//c;v=1?q=%zz&q';
  const content = randomBytes(200_000).toString('latin1');
  t.equal((await exchange(ifmatch.port, 'PUT', target, ['If-Match: "stale"'], content)).status, 200);
  t.equal(origin.requests.length, 1, 'nothing is asked before');
  t.equal(origin.requests[0]?.target, target);
  t.ok(origin.requests[0]?.content === content, 'the content is the same');
});

t.test('repeated lines of the answer stay lines of their own, in their order', async (t) => {
  const lines = [
    'Set-Cookie: a=1',
    'Vary: x',
    'Link: </1>',
    'Set-Cookie: b=2; Path=/',
    'Vary: y',
    'Link: </2>',
  ];
  const { ifmatch } = await scene(
    t,
    () => `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`,
  );
  const response = await exchange(ifmatch.port, 'GET', '/a');
  t.same(response.all('set-cookie'), ['a=1', 'b=2; Path=/']);
  t.same(response.all('vary'), ['x', 'y']);
  t.same(response.all('link'), ['</1>', '</2>']);
});

const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n';

t.test('events reach the client one by one, as they are sent', async (t) => {
  const { origin, ifmatch } = await scene(t, () => `${EVENTS}data: 0\n\n`);
  const client = await connect(ifmatch.port);
  client.send(bytesOf('GET', '/events'));
  await until(() => client.rest().includes('data: 0\n\n'), 'the first event');
  const socket = origin.requests[0]?.socket;
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    socket?.write(event);
    await until(() => client.rest().includes(event), 'the event');
  }
  client.close();
  await until(() => socket?.destroyed === true, 'the end of the connection to the origin');
});

for (const mode of ['off', 'enforce']) {
  t.test(
    `${mode}: the head of an answer passes before its content comes, so that a stream is seen to be open`,
    async (t) => {
      const { origin, ifmatch } = await scene(t, () => EVENTS, `routes: [{ path: /*, mode: ${mode} }]`);
      const client = await connect(ifmatch.port);
      client.send(bytesOf('GET', '/events'));
      await until(() => origin.requests.length === 1, 'the request arrives');
      await settle();
      t.match(client.rest(), /^HTTP\/1\.1 200 /);
      client.close();
    },
  );
}

for (const mode of ['off', 'enforce']) {
  for (const length of [0, 5]) {
    t.test(`${mode}: a 204 that announces ${length} octets is a 204 without Content-Length`, async (t) => {
      const answer = `HTTP/1.1 204 No Content\r\nContent-Length: ${length}\r\n\r\n`;
      const { ifmatch } = await scene(t, () => answer, `routes: [{ path: /*, mode: ${mode} }]`);
      const client = await connect(ifmatch.port);
      for (let i = 0; i < 2; i++) {
        client.send(bytesOf('DELETE', '/a'));
        const response = await client.response();
        t.equal(response.status, 204);
        t.same(response.all('content-length'), []);
        t.same(response.all('transfer-encoding'), []);
      }
      t.equal(client.rest(), '');
      client.close();
    });
  }
}

for (const when of ['before the head', 'amid the content']) {
  t.test(`a client that leaves ${when} ends its GET at the origin`, async (t) => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart';
    const { origin, ifmatch } = await scene(t, () => (when === 'before the head' ? undefined : head));
    const client = await connect(ifmatch.port);
    client.send(bytesOf('GET', '/a'));
    await until(() => origin.requests.length === 1, 'the request arrives');
    if (when === 'amid the content') await until(() => client.rest().endsWith('part'), 'the content begins');
    client.reset();
    await until(
      () => origin.requests[0]?.socket.destroyed === true,
      'the end of the connection to the origin',
    );
    t.pass('the origin need not go on');
  });
}

t.test('a client that leaves does not end a write that was sent', async (t) => {
  const { origin, ifmatch } = await scene(t, () => undefined);
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/a', [], 'x'));
  await until(() => origin.requests.length === 1, 'the request arrives');
  client.reset();
  await until(() => ifmatch.log.length === 1, 'the line of the log');
  const socket = origin.requests[0]?.socket;
  await settle();
  t.equal(socket?.destroyed, false);
  socket?.write(OK);
});

t.test('an origin that refuses connections: 502, and nothing is thrown', async (t) => {
  const thrown = watchThrown(t);
  const ifmatch = await startIfmatch(t, { origin: `http://127.0.0.1:${await closedPort()}`, yaml: OFF });
  for (const content of [undefined, 'x', 'x'.repeat(300_000)]) {
    problem(t, await exchange(ifmatch.port, 'POST', '/a', [], content), 502);
  }
  t.same(thrown, []);
});

t.test(
  'a big upload streams: its beginning is there before its end is sent, and every byte arrives',
  async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: OFF });
    const content = randomBytes(9_000_001);
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/big', [`Content-Length: ${content.length}`]));
    client.send(content.subarray(0, 1000));
    await until(() => origin.seen('PUT').length === 1, 'the origin sees the write');
    for (let at = 1000; at < content.length; at += 70_001) client.send(content.subarray(at, at + 70_001));
    t.equal((await client.response()).status, 201);
    t.ok(origin.seen('PUT')[0]?.content.equals(content), 'the same bytes');
    client.close();
  },
);
