// Bytes that are no request: one clear answer, but never in the place of the answer to an earlier request.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

async function scene(t: Parameters<typeof startOrigin>[0]) {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  return { origin, ifmatch, client: await connect(ifmatch.port) };
}

const GARBAGE = '\x00garbage\r\n\r\n';

t.test('garbage alone: 400 and the end', async (t) => {
  const { client, origin } = await scene(t);
  client.send(GARBAGE);
  const response = await client.response();
  problem(t, response, 400);
  t.equal(response.field('connection'), 'close');
  await until(() => client.socket.readableEnded, 'the end');
  t.equal(client.rest(), '');
  t.same(origin.requests, []);
});

for (const method of ['FOO', 'put', 'GETX', 'Get']) {
  t.test(`${method} is no method: 400, which says which are`, async (t) => {
    const { client, origin } = await scene(t);
    client.send(bytesOf(method, '/a'));
    const { type, detail } = problem(t, await client.response(), 400);
    t.equal(type, 'urn:ifmatch:request-invalid');
    t.match(
      detail,
      /does not begin with a supported method\. Methods are case-sensitive; .*: ACL, .*\bPUT\b/,
    );
    t.notMatch(detail, /CONNECT|TRACE/, 'which get 405');
    t.same(origin.requests, []);
  });
}

t.test('a request line that is none behind a method that is one: 400, which says so', async (t) => {
  const { client } = await scene(t);
  client.send('GET / HTTX/1.1\r\nHost: x\r\n\r\n');
  t.equal(problem(t, await client.response(), 400).detail, 'The request is not valid HTTP/1.1.');
});

t.test('garbage after an answer: 400 for the garbage', async (t) => {
  const { client } = await scene(t);
  client.send(bytesOf('GET', '/a'));
  t.equal((await client.response()).status, 404);
  client.send(GARBAGE);
  problem(t, await client.response(), 400);
});

for (const [name, segments] of [
  ['in the same segment', (good: string) => [good + GARBAGE]],
  ['later', (good: string) => [good, GARBAGE]],
] as const) {
  t.test(`garbage ${name} after a write that is being performed: its own answer, then the end`, async (t) => {
    const { client, origin, ifmatch } = await scene(t);
    const write = gate();
    origin.on.delay = () => write.opened;
    for (const bytes of segments(bytesOf('PUT', '/doc', [], 'new'))) {
      client.send(bytes);
      await settle();
    }
    t.equal(origin.seen('PUT').length, 1);
    t.equal(client.rest(), '', 'no 400 in its place');
    write.open();
    t.equal((await client.response()).status, 201);
    await until(() => client.socket.readableEnded, 'the end');
    t.equal(client.rest(), '');
    await ifmatch.idle();
  });
}

t.test('garbage after two requests: both answers, in order, and no third', async (t) => {
  const { client, origin } = await scene(t);
  const slow = gate();
  origin.on.delay = ({ target }) => (target === '/1' ? slow.opened : Promise.resolve());
  client.send(bytesOf('PUT', '/1', [], 'a') + bytesOf('DELETE', '/2') + GARBAGE);
  await until(() => origin.requests.length === 1, 'the first arrives');
  await settle();
  t.equal(client.rest(), '');
  slow.open();
  t.same([(await client.response()).status, (await client.response()).status], [201, 404]);
  await until(() => client.socket.readableEnded, 'the end');
  t.equal(client.rest(), '');
});

t.test(
  'a head that was too late: 408, and the write is not performed when the rest of it comes',
  async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'limits: { arrival: 1s }' });
    const client = await connect(ifmatch.port);
    // so that it may send on behind the end of the other side
    client.socket.allowHalfOpen = true;
    client.send('PUT /doc HTTP/1.1\r\nHost: x\r\nCont');
    problem(t, await client.response(), 408);
    client.send('ent-Length: 0\r\n\r\n');
    await until(() => client.socket.readableEnded, 'the end');
    await settle();
    t.equal(client.rest(), '');
    t.same(origin.requests, []);
    client.close();
  },
);

t.test('what comes after Connection: close is no request', async (t) => {
  const { client, origin } = await scene(t);
  client.send(`${bytesOf('PUT', '/doc', ['Connection: close'], 'new')}${bytesOf('DELETE', '/doc')}`);
  t.equal((await client.response()).status, 201);
  await until(() => client.socket.readableEnded, 'the end');
  t.equal(client.rest(), '');
  t.equal(origin.seen('DELETE').length, 0);
});

t.test('pipelined writes of one resource are performed and answered in order', async (t) => {
  const { client, origin, ifmatch } = await scene(t);
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  client.send(numbers.map((i) => bytesOf('PUT', '/doc', [], `${i}`)).join(''));
  for (const i of numbers) t.equal((await client.response()).status, i === 0 ? 201 : 200);
  t.same(
    origin.applied.map(({ content }) => content.toString()),
    numbers.map(String),
  );
  await ifmatch.idle();
  client.close();
});

t.test('a client that breaks off amid its fields leaves nothing', async (t) => {
  const { client, origin, ifmatch } = await scene(t);
  client.send('PUT /doc HTTP/1.1\r\nHost: x\r\nIf-Ma');
  await settle();
  client.reset();
  await settle();
  t.same(origin.requests, []);
  t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
});
