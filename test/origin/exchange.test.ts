// One exchange with an origin at the level of bytes: each phase, and each way out of it.

import t from 'tap';
import type { SendOptions } from '../../src/origin/client.ts';
import { OriginFailure } from '../../src/origin/failure.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { openTestOrigin } from '../fixtures/origin-config.ts';
import { failure, HALF, OK, openExchanges, PUT, WRITE } from '../fixtures/origin-exchanges.ts';
import type { RawScript } from '../fixtures/raw-origin.ts';
import { collect } from '../fixtures/scripted-origin.ts';
import { settle, until } from '../fixtures/until.ts';

t.jobs = 6;

t.test('the request goes out byte for byte, the answer comes in byte for byte', async (t) => {
  const answer = 'HTTP/1.1 203 M\xf6glich\r\nX-A: 1\r\nx-a: \xff\r\nContent-Length: 3\r\n\r\n\xe9\x00\xff';
  const { origin, send } = await openExchanges(t, () => answer);
  const exchange = send({ fields: ['Host', 'h:1', 'X-b', '1', 'x-B', '\xe9'] });
  const head = await exchange.head;
  t.equal(head.status, 203);
  t.same(head.fields, ['X-A', '1', 'x-a', '\xff', 'Content-Length', '3']);
  t.same(await collect(exchange.content), { text: '\xe9\x00\xff', end: 'complete' });
  t.equal(await exchange.ended, 'complete');
  const lines = origin.requests[0]?.head.split('\r\n') ?? [];
  t.equal(lines[0], 'PUT /a?b=%7e HTTP/1.1');
  for (const line of ['X-b: 1', 'x-B: \xe9']) t.ok(lines.includes(line), line);
  t.same(
    lines.filter((line) => /^host:/i.test(line)).map((line) => line.slice(6)),
    ['h:1'],
  );
  t.equal(origin.requests[0]?.content, 'hi');
});

t.test('nobody listens: unreachable, nothing sent', async (t) => {
  const { client } = openTestOrigin(t, `http://127.0.0.1:${await closedPort()}`);
  const exchange = client.send(PUT, WRITE).exchange;
  t.same(await failure(t, exchange), { kind: 'unreachable', sent: false });
  t.equal(exchange.sentAt, undefined);
});

for (const deadlines of [{ start: 50, head: 5000 }, { start: 50, total: 5000 }, { total: 50 }]) {
  const of = Object.keys(deadlines).join(' and ');
  t.test(`no connection comes free (${of}): a timeout, and the request never leaves`, async (t) => {
    const { origin, send } = await openExchanges(t, () => undefined, 1);
    const first = send({ target: '/first' });
    await until(() => origin.requests.length === 1, 'the first arrives');
    const second = send({}, { deadlines });
    t.same(await failure(t, second), { kind: 'timeout', sent: false });
    first.cancel();
    await settle();
    t.equal(origin.requests.length, 1);
  });
}

t.test('a total deadline runs on from the wait for a slot into the answer', async (t) => {
  const { origin, send } = await openExchanges(t, () => undefined, 1);
  const first = send({ target: '/first' });
  await until(() => origin.requests.length === 1, 'the first arrives');
  const second = send({}, { deadlines: { total: 900 } });
  const unhindered = send({}, { lane: 'probe', deadlines: { total: 1050 } });
  setTimeout(() => first.cancel(), 300);
  t.same(await failure(t, second), { kind: 'timeout', sent: true });
  t.equal(unhindered.ending, undefined, 'not counted anew when it began');
  await unhindered.ended;
});

t.test('with a deadline for the start, the total one runs from the first byte to the end', async (t) => {
  const { origin, send } = await openExchanges(
    t,
    ({ target }) => (target === '/first' ? undefined : HALF),
    1,
  );
  const first = send({ target: '/first' });
  await until(() => origin.requests.length === 1, 'the first arrives');
  const second = send({}, { deadlines: { start: 5000, total: 400 } });
  setTimeout(() => first.cancel(), 600);
  t.equal((await second.head).status, 200, 'longer than the total was waited');
  const ending = await second.ended;
  t.match(ending, { kind: 'timeout', sent: true }, 'the rest does not come');
});

t.test('a deadline is of its own exchange, not of the one before on the same connection', async (t) => {
  const { origin, send } = await openExchanges(t, ({ target, socket }) => {
    if (target === '/second') setTimeout(() => socket.write(OK), 150);
    return target === '/second' ? undefined : OK;
  });
  for (const deadlines of [{ start: 5000, head: 100 }, { total: 100 }]) {
    const first = send({ target: '/first' }, { deadlines });
    t.equal(await first.ended, 'complete');
    const second = send({ target: '/second' });
    t.equal(await second.ended, 'complete');
  }
  t.equal(new Set(origin.requests.map(({ socket }) => socket)).size, 1, 'one connection');
});

t.test(
  'a slot comes free in time: the time for that does not run on while the answer is awaited',
  async (t) => {
    const { origin, send } = await openExchanges(
      t,
      ({ target, socket }) => {
        if (target === '/second') setTimeout(() => socket.write(OK), 600);
        return undefined;
      },
      1,
    );
    const first = send({ target: '/first' });
    await until(() => origin.requests.length === 1, 'the first arrives');
    const second = send({ target: '/second' }, { deadlines: { start: 400, head: 5000 } });
    first.cancel();
    t.equal((await second.head).status, 200);
  },
);

const fatal: { name: string; script: RawScript; options?: Partial<SendOptions>; kind: RegExp }[] = [
  {
    name: 'connected, no answer',
    script: () => undefined,
    options: { deadlines: { start: 5000, head: 50 } },
    kind: /^timeout$/,
  },
  {
    name: 'no answer in all',
    script: () => undefined,
    options: { deadlines: { total: 80 } },
    kind: /^timeout$/,
  },
  { name: 'a reset', script: ({ socket }) => void socket.resetAndDestroy(), kind: /^reset$/ },
  { name: 'an end without an answer', script: ({ socket }) => void socket.end(), kind: /^reset$/ },
  {
    name: 'an end amid the head',
    script: ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nContent'),
    kind: /^reset$/,
  },
  { name: 'no HTTP', script: () => 'SSH-2.0-x\r\n\r\n', kind: /^(invalid|reset)$/ },
  {
    name: 'a head that is too large',
    script: () => `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    kind: /^invalid$/,
  },
  {
    name: 'an interim answer alone',
    script: () => 'HTTP/1.1 103 Early Hints\r\n\r\n',
    options: { deadlines: { start: 5000, head: 50 } },
    kind: /^timeout$/,
  },
];
for (const { name, script, options, kind } of fatal) {
  t.test(`${name}: a failure after it was sent, once`, async (t) => {
    const { origin, send } = await openExchanges(t, script);
    const exchange = send({}, options);
    t.match(await failure(t, exchange), { kind, sent: true });
    t.type(exchange.sentAt, 'number');
    t.same(await collect(exchange.content), { text: '', end: 'cut' });
    await settle();
    t.equal(origin.requests.length, 1, 'never repeated');
  });
}

t.test('a head and then a stall: only `total` still runs', async (t) => {
  const { send } = await openExchanges(t, () => HALF);
  const patient = send({}, { deadlines: { start: 5000, head: 60 } });
  const total = send({ method: 'GET' }, { deadlines: { total: 120 } });
  t.equal((await patient.head).status, 200);
  t.equal((await total.head).status, 200);
  const cut = await total.ended;
  t.ok(cut instanceof OriginFailure && cut.kind === 'timeout');
  t.same(await collect(total.content), { text: 'half', end: 'cut' });
  let ended = false;
  patient.ended.then(() => {
    ended = true;
  });
  await settle();
  t.equal(ended, false, 'it waits for the rest');
  patient.cancel();
});

t.test('a head and then a reset: the head stands, the end is a failure, the content is cut', async (t) => {
  const { send } = await openExchanges(
    t,
    ({ socket }) => void socket.write(HALF, () => setTimeout(() => socket.resetAndDestroy(), 20)),
  );
  const exchange = send();
  t.equal((await exchange.head).status, 200);
  const content = collect(exchange.content);
  const ending = await exchange.ended;
  t.ok(ending instanceof OriginFailure && ending.kind === 'reset' && ending.sent);
  t.equal((await content).end, 'cut');
});

t.test('interim answers are not the answer', async (t) => {
  const { send } = await openExchanges(
    t,
    () => `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`,
  );
  const exchange = send();
  t.equal((await exchange.head).status, 200);
  t.same(await collect(exchange.content), { text: 'ok', end: 'complete' });
});
