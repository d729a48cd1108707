// Clients that would hold up a stop: those whose request is not whole do not, on either listener; a tunnel does not come about.
import t, { type Test } from 'tap';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { startServed } from '../fixtures/served.ts';
import { settle, until } from '../fixtures/until.ts';

// Each waits for a connection to end.
t.jobs = 2;

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const HANDSHAKE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
const HALF = 'PUT /doc HTTP/1.1\r\nHost: legacy.example\r\nIf-Ma';

const clients = [
  { name: 'half a request line', bytes: 'PUT /d' },
  { name: 'half a head', bytes: HALF },
  { name: 'nothing sent', bytes: '' },
  { name: 'half a head behind a request', bytes: bytesOf('GET', '/livez', ['Host: localhost']) + HALF },
];

for (const workers of [1, 2]) {
  for (const listener of ['port', 'adminPort'] as const) {
    t.test(`${workers} workers, ${listener}: the process ends before drain.timeout`, async (t) => {
      const origin = await startRawOrigin(t, () => OK);
      const yaml = 'drain: { delay: 1ms, timeout: 60s }';
      const served = await startServed(t, { workers, origin: origin.url, yaml });
      for (const { bytes } of clients) {
        const client = await connect(served[listener]);
        t.teardown(() => client.close());
        client.send(bytes);
      }
      await settle();
      served.process.kill('SIGTERM');
      await until(() => served.process.exitCode !== null, 'the end of the process');
      t.equal(served.process.exitCode, 0);
      t.same(
        served.lines().filter(({ level }) => Number(level) >= 50),
        [],
      );
    });
  }
}

async function scene(t: Test, script: RawScript = () => OK) {
  const origin = await startRawOrigin(t, script);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const client = await connect(ifmatch.port);
  t.teardown(() => client.close());
  return { origin, ifmatch, client };
}

/** Errors of the log: a stop that had to give up says so there. */
const errors = (ifmatch: Ifmatch): unknown[] => ifmatch.log.filter(({ level }) => Number(level) >= 50);

t.test('a head that does not become whole: 408, and what comes behind it is not performed', async (t) => {
  const { origin, ifmatch, client } = await scene(t);
  client.send(HALF);
  await settle();
  const stopping = ifmatch.stop();
  problem(t, await client.response(), 408);
  client.send('tch: "v1"\r\nContent-Length: 0\r\n\r\n');
  await stopping;
  t.same(errors(ifmatch), []);
  t.equal(ifmatch.log.filter(({ msg }) => msg === 'refused').length, 1, 'one line says so');
  t.equal(origin.requests.length, 0);
});

t.test('a head that becomes whole soon is answered, and that is the end', async (t) => {
  const { origin, ifmatch, client } = await scene(t);
  client.send('GET /doc HTTP/1.1\r\nHost: leg');
  await settle();
  const stopping = ifmatch.stop();
  await settle();
  client.send('acy.example\r\n\r\n');
  const response = await client.response();
  t.same([response.status, response.field('connection')], [200, 'close']);
  await stopping;
  t.same(errors(ifmatch), []);
  t.equal(origin.requests.length, 1);
});

t.test('a handshake that becomes whole while it stops opens no tunnel', async (t) => {
  const { origin, ifmatch, client } = await scene(t, () => SWITCH);
  const handshake = bytesOf('GET', '/chat', HANDSHAKE);
  client.send(handshake.slice(0, -2));
  await settle();
  const stopping = ifmatch.stop();
  await settle();
  client.send(handshake.slice(-2));
  const response = await client.response();
  problem(t, response, 503);
  t.same([response.field('connection'), response.field('retry-after')], ['close', '1']);
  await stopping;
  t.same(errors(ifmatch), []);
  t.equal(origin.requests.length, 0);
});

const SLOW = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no';

t.test('a handshake that the origin answers as any other request: the answer is not cut', async (t) => {
  const { origin, ifmatch, client } = await scene(t, () => SLOW);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => client.rest().endsWith('\r\n\r\no'), 'its beginning');
  const stopping = ifmatch.stop();
  await settle();
  origin.requests[0]?.socket.write('k');
  t.equal((await client.response()).content, 'ok');
  t.equal(await stopping, true);
  t.same(errors(ifmatch), []);
});

t.test('a handshake that the origin agrees to while it stops: no tunnel, and an answer', async (t) => {
  const { origin, ifmatch, client } = await scene(t, () => undefined);
  client.send(bytesOf('GET', '/chat', HANDSHAKE));
  await until(() => origin.requests.length === 1, 'the handshake');
  const stopping = ifmatch.stop();
  await settle();
  origin.requests[0]?.socket.write(SWITCH);
  problem(t, await client.response(), 503);
  t.equal(await stopping, true);
  await until(() => origin.requests[0]?.socket.destroyed === true, "the end of the origin's side");
});

t.test('an answer whose head had gone: its end is that of the connection', async (t) => {
  const { origin, ifmatch, client } = await scene(t, ({ method }) => (method === 'GET' ? SLOW : OK));
  client.send(bytesOf('GET', '/slow'));
  await until(() => client.rest().endsWith('\r\n\r\no'), 'its beginning');
  const stopping = ifmatch.stop();
  await settle();
  origin.requests[0]?.socket.write('k');
  t.equal((await client.response()).content, 'ok');
  await stopping;
  t.same(errors(ifmatch), []);
});

t.test('a write behind such an answer is performed and answered, or neither', async (t) => {
  const { origin, ifmatch, client } = await scene(t, ({ method }) => (method === 'GET' ? SLOW : OK));
  client.send(bytesOf('GET', '/slow') + bytesOf('PUT', '/1', [], 'x') + bytesOf('PUT', '/2', [], 'x'));
  await until(() => client.rest().endsWith('\r\n\r\no'), 'the beginning of the first answer');
  const stopping = ifmatch.stop();
  await settle();
  origin.requests[0]?.socket.write('k');
  t.equal((await client.response()).content, 'ok');
  const second = await client.response('PUT');
  t.same([second.status, second.field('connection')], [200, 'close']);
  await stopping;
  t.equal(client.rest(), '');
  t.equal(origin.count('PUT'), 1);
  t.same(errors(ifmatch), []);
});
