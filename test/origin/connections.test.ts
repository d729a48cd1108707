// Which connections are used again, and what ends one: nothing that nobody asked for may become an answer.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import type { SendOptions } from '../../src/origin/client.ts';
import type { OriginExchange, OriginRequest } from '../../src/origin/exchange.ts';
import { OriginFailure } from '../../src/origin/failure.ts';
import { idleTime } from '../../src/origin/idle-time.ts';
import { openTestOrigin } from '../fixtures/origin-config.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { collect } from '../fixtures/scripted-origin.ts';
import { settle, until } from '../fixtures/until.ts';

t.jobs = 6;

const OPTIONS: SendOptions = { lane: 'write', deadlines: { start: 3000, head: 3000 }, lead: 100_000 };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function scene(t: Test, script: RawScript) {
  const origin = await startRawOrigin(t, script);
  const { client, warnings } = openTestOrigin(t, origin.url);
  const send = (
    method: string,
    target: string,
    given: Partial<OriginRequest> = {},
    options: Partial<SendOptions> = {},
  ): OriginExchange =>
    client.send({ method, target, fields: ['Host', 'x'], ...given }, { ...OPTIONS, ...options }).exchange;
  const ask = async (method: string, target: string) => {
    const exchange = send(method, target);
    const { status } = await exchange.head;
    return { status, ...(await collect(exchange.content)) };
  };
  return { origin, client, warnings, send, ask, connections: () => origin.bytes().length };
}

const kept: readonly { readonly name: string; readonly answer: string; readonly again: boolean }[] = [
  { name: 'a length', answer: OK, again: true },
  {
    name: 'chunks',
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    again: true,
  },
  { name: 'Connection: close', answer: OK.replace('Content', 'Connection: close\r\nContent'), again: false },
  { name: 'HTTP/1.0', answer: OK.replace('1.1', '1.0'), again: false },
  {
    name: 'HTTP/1.0 that goes on',
    answer: OK.replace('1.1', '1.0').replace('Content', 'Connection: keep-alive\r\nContent'),
    again: true,
  },
  {
    name: 'kept by the origin for too short a time',
    answer: OK.replace('Content', 'Keep-Alive: timeout=2\r\nContent'),
    again: false,
  },
  { name: 'bytes behind the answer', answer: `${OK}${OK}`, again: false },
];
for (const { name, answer, again } of kept) {
  t.test(`${name}: the connection is ${again ? 'used again' : 'not used again'}`, async (t) => {
    const { ask, connections } = await scene(t, () => answer);
    for (const target of ['/1', '/2', '/3']) {
      t.same(await ask('GET', target), { status: 200, text: 'ok', end: 'complete' });
    }
    t.equal(connections(), again ? 1 : 3);
  });
}

t.test('one that was idle for longer than the origin allows is not used again', async (t) => {
  const { ask, connections, origin } = await scene(t, () =>
    OK.replace('Content', 'Keep-Alive: timeout=3\r\nContent'),
  );
  const isUsedAgain = async (): Promise<boolean> => {
    await ask('GET', '/1');
    const before = connections();
    await delay(600); // longer than from one look at idle connections to the next
    await ask('GET', '/2');
    return connections() === before;
  };
  await until(isUsedAgain, 'it is used again'); // unless this machine takes its time between the two
  const isClosed = (): boolean => origin.requests.every(({ socket }) => socket.destroyed);
  await until(isClosed, 'it is closed, before the origin closes it');
  const before = connections();
  await ask('GET', '/3');
  t.equal(connections(), before + 1);
});

t.test('one whose time is over is not used again, though nobody has looked since', async (t) => {
  const { ask, connections, origin } = await scene(t, () =>
    OK.replace('Content', 'Keep-Alive: timeout=3\r\nContent'),
  );
  await ask('GET', '/1');
  for (const end = performance.now() + 1_100; performance.now() < end; );
  await ask('GET', '/2');
  t.equal(connections(), 2);
  await until(() => origin.requests[0]?.socket.destroyed === true, 'it is closed');
});

t.test('how long one is kept: the usual time, or a bit less than the origin says, to a bound', async (t) => {
  t.same([undefined, 3_000, 602_000, 603_000].map(idleTime), [4_000, 1_000, 600_000, 600_000]);
});

t.test('an answer that waits already when the next request is made is not its answer', async (t) => {
  const forged = 'HTTP/1.1 299 No\r\nContent-Length: 6\r\n\r\nforged';
  const { ask, origin, warnings } = await scene(t, () => OK);
  await ask('GET', '/1');
  const { socket } = origin.requests[0] ?? {};
  socket?.write(forged);
  await new Promise(setImmediate); // the request is made in the turn that finds the bytes
  t.same(await ask('GET', '/2'), { status: 200, text: 'ok', end: 'complete' });
  t.equal(warnings.length, 1);
});

t.test('an idle connection that the origin ends is not used again', async (t) => {
  const { ask, connections, origin } = await scene(t, () => OK);
  await ask('PUT', '/1');
  origin.requests[0]?.socket.end();
  await new Promise(setImmediate);
  t.same((await ask('PUT', '/2')).text, 'ok');
  t.equal(connections(), 2);
});

t.test('an answer before all content has left: it counts, and the connection ends with it', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(OK.replace('200', '413')));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const { client } = openTestOrigin(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const content = new Readable({ read() {} });
  content.push('part');
  const { exchange } = client.send({ method: 'PUT', target: '/', fields: ['Host', 'x'], content }, OPTIONS);
  t.equal((await exchange.head).status, 413);
  t.equal(await exchange.ended, 'complete');
  t.ok(content.destroyed, 'nobody waits for the rest');
  await until(async () => (await promisify(server.getConnections.bind(server))()) === 0, 'it is closed');
});

const openings: readonly { readonly name: string; readonly connect: number; readonly start: number }[] = [
  { name: 'the time of the exchange until its first byte leaves', connect: 60_000, start: 200 },
  { name: 'the time of the connection itself', connect: 200, start: 60_000 },
];
for (const { name, connect, start } of openings) {
  t.test(`a connection that does not open ends its exchange by ${name}`, async (t) => {
    const accepted: Socket[] = [];
    const server = createServer((socket) => void accepted.push(socket)); // and says nothing of TLS
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const timeouts = { connect, probe: 3000, read: 3000, write: 3000, uncertainty: 300 };
    const { client } = openTestOrigin(t, url, { timeouts });
    t.teardown(() => {
      server.close();
      for (const socket of accepted) socket.destroy();
    });
    const request = { method: 'PUT', target: '/', fields: ['Host', 'x'] };
    const { exchange } = client.send(request, { ...OPTIONS, deadlines: { start, head: 3000 } });
    await until(() => exchange.ending !== undefined, 'it ends');
    t.match(exchange.ending, { kind: 'timeout', sent: false });
  });
}

const lengths: readonly { readonly name: string; readonly chunks: string[] }[] = [
  { name: 'less', chunks: ['abc'] },
  { name: 'more', chunks: ['abcde', 'fg'] },
];
for (const { name, chunks } of lengths) {
  t.test(`streamed content of ${name} than its length breaks the exchange`, async (t) => {
    const { send } = await scene(t, () => undefined);
    const exchange = send('PUT', '/', {
      length: 6,
      content: Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
    });
    const ending = await exchange.ended;
    t.ok(ending instanceof OriginFailure && ending.kind === 'content' && ending.sent);
  });
}

t.test('streamed content arrives byte for byte, with a length and in chunks', async (t) => {
  const pieces = ['a', '', 'bc'.repeat(50_000), '\xff\x00'];
  const text = pieces.join('');
  for (const length of [text.length, undefined]) {
    const { send, origin } = await scene(t, () => OK);
    const content = Readable.from(
      pieces.map((piece) => Buffer.from(piece, 'latin1')),
      { objectMode: true },
    );
    t.equal((await send('PUT', '/', { length, content }).head).status, 200);
    const received = origin.requests[0]?.content ?? '';
    const plain =
      length !== undefined
        ? received
        : received.replace(/[0-9a-f]+\r\n([\s\S]*?)\r\n(?=[0-9a-f]+\r\n)|0\r\n\r\n$/g, '$1');
    t.equal(plain, text);
  }
});

/** Sizes about the one up to which content leaves as text, together with its head. */
const wholes: readonly { readonly name: string; readonly sizes: readonly number[] }[] = [
  { name: 'nothing', sizes: [] },
  { name: 'an empty piece', sizes: [0] },
  { name: 'every octet', sizes: [256] },
  { name: 'small pieces', sizes: [1, 0, 255, 3] },
  { name: 'the most that goes with the head', sizes: [8_192] },
  { name: 'the most, in two pieces', sizes: [8_191, 1] },
  { name: 'one more', sizes: [8_193] },
  { name: 'one more, in two pieces', sizes: [8_192, 1] },
  { name: 'far more', sizes: [70_000, 100_000] },
];
for (const { name, sizes } of wholes) {
  t.test(`content that is there already arrives byte for byte: ${name}`, async (t) => {
    const { send, origin } = await scene(t, () => OK);
    const content = sizes.map((size) => Buffer.from(Array.from({ length: size }, (_, at) => (at * 7) % 256)));
    const expected = Buffer.concat(content).toString('latin1');
    t.equal((await send('PUT', '/', { content }).head).status, 200);
    t.equal((await send('PUT', '/next', { content: [Buffer.from('x')] }).head).status, 200);
    t.equal(origin.requests[0]?.content, expected);
    t.equal(origin.requests[1]?.content, 'x', 'the next request begins where it ends');
  });
}

t.test('content that broke off before it could be sent: nothing leaves', async (t) => {
  const { send, origin } = await scene(t, () => OK);
  const content = new Readable({ read() {} });
  content.on('error', () => {});
  content.destroy(new Error('gone'));
  const ending = await send('PUT', '/', { content }).ended;
  t.ok(ending instanceof OriginFailure && ending.kind === 'content' && !ending.sent);
  await settle();
  t.equal(origin.requests.length, 0);
});

t.test('close waits for what is under way, and takes nothing new', async (t) => {
  let answer: (() => void) | undefined;
  const { client, send, ask } = await scene(t, ({ target, socket }) => {
    if (target !== '/slow') return OK;
    answer = () => void socket.write(OK);
    return undefined;
  });
  await ask('GET', '/idle');
  const slow = send('PUT', '/slow');
  await until(() => answer !== undefined, 'it arrives');
  let closed = false;
  const closing = client.close().then(() => {
    closed = true;
  });
  const late = await send('PUT', '/late').ended;
  t.ok(late instanceof OriginFailure && late.kind === 'unreachable' && !late.sent);
  await settle();
  t.equal(closed, false);
  answer?.();
  t.equal(await slow.ended, 'complete');
  await closing;
});

t.test('close waits for what is just being opened', async (t) => {
  const { client, send } = await scene(t, () => OK);
  const exchange = send('PUT', '/');
  await client.close();
  t.equal(exchange.ending, 'complete');
});

t.test('destroy breaks off what is under way, and what is just being opened', async (t) => {
  const { client, send, origin } = await scene(t, () => undefined);
  const sent = send('PUT', '/1');
  await until(() => origin.requests.length === 1, 'it arrives');
  const opening = send('PUT', '/2');
  await client.destroy();
  const [first, second] = await Promise.all([sent.ended, opening.ended]);
  t.ok(first instanceof OriginFailure && first.kind === 'reset' && first.sent);
  t.ok(second instanceof OriginFailure && !second.sent);
});

t.test('destroy ends thousands that wait for a slot, each with a failure of its own', async (t) => {
  const { client, send, origin } = await scene(t, () => undefined);
  const endings = Array.from({ length: 20_000 }, (_, n) => send('PUT', `/${n}`).ended);
  await until(() => origin.requests.length > 0, 'some are under way');
  await client.destroy();
  t.ok((await Promise.all(endings)).every((ending) => ending instanceof OriginFailure));
});

const swallowed: { name: string; method: string; bytes: string; repeated: boolean; fresh?: string }[] = [
  { name: 'a HEAD without a byte of an answer', method: 'HEAD', bytes: '', repeated: true },
  { name: 'a HEAD amid its answer', method: 'HEAD', bytes: 'HTTP/1.1 200', repeated: false },
  { name: 'a GET without a byte of an answer', method: 'GET', bytes: '', repeated: false },
  { name: 'a PUT without a byte of an answer', method: 'PUT', bytes: '', repeated: false },
];
for (const by of ['FIN', 'RST'] as const) {
  for (const { name, method, bytes, repeated } of swallowed) {
    t.test(`${name}, a kept connection ends by ${by}: sent ${repeated ? 'anew' : 'once'}`, async (t) => {
      const { origin, ask, send } = await scene(t, ({ target, socket }) => {
        const again = origin.requests.filter((request) => request.target === '/swallowed').length > 1;
        if (target !== '/swallowed' || again) return OK.replace('ok', '');
        if (bytes !== '') socket.write(bytes);
        setTimeout(() => (by === 'FIN' ? socket.end() : socket.resetAndDestroy()), 20);
        return undefined;
      });
      await ask('HEAD', '/first');
      const ending = await send(method, '/swallowed').ended;
      const times = origin.requests.filter(({ target }) => target === '/swallowed').length;
      t.equal(times, repeated ? 2 : 1);
      if (repeated) t.equal(ending, 'complete');
      else t.match(ending, { kind: 'reset', sent: true });
    });
  }
}

t.test('a HEAD is repeated on a new connection only, once, and not when its time is over', async (t) => {
  const { origin, ask, send } = await scene(t, ({ target, socket }) => {
    if (target === '/first') return OK.replace('ok', '');
    if (target === '/reset') socket.resetAndDestroy();
    const times = origin.requests.filter((request) => request.target === '/late').length;
    if (target === '/late' && times === 1) setTimeout(() => socket.resetAndDestroy(), 250);
    return undefined;
  });
  await ask('HEAD', '/first');
  t.match(await send('HEAD', '/reset').ended, { kind: 'reset' });
  t.match(await send('HEAD', '/reset').ended, { kind: 'reset' }, 'a connection that has served nothing');
  await ask('HEAD', '/first');
  const unhindered = send('HEAD', '/rival', {}, { lane: 'probe', deadlines: { start: 1000, total: 550 } });
  const late = await send('HEAD', '/late', {}, { deadlines: { start: 1000, total: 400 } }).ended;
  t.match(late, { kind: 'timeout' });
  t.equal(unhindered.ending, undefined, 'its time was not counted anew');
  t.same(
    origin.requests.map(({ target }) => target).filter((target) => target !== '/rival'),
    ['/first', '/reset', '/reset', '/reset', '/first', '/late', '/late'],
  );
});

t.test('a request that cannot be written breaks nothing but itself', async (t) => {
  const { ask, send, connections } = await scene(t, () => OK);
  await ask('GET', '/1');
  const ending = await send('GET', '/2', { fields: ['A', 'b\r\nC: d'] }).ended;
  t.match(ending, { cause: { code: 'internal' }, sent: false });
  t.same((await ask('GET', '/3')).text, 'ok');
  t.equal(connections(), 1);
});

t.test('a reader that throws breaks its own exchange and nothing else', async (t) => {
  const { ask, send, connections } = await scene(t, () => OK);
  const exchange = send('GET', '/1');
  const cut = new Promise<void>((resolve) => {
    const write = () => {
      throw new Error('a defect of the reader');
    };
    exchange.content.attach({ write, end() {}, cut: () => resolve() });
  });
  t.match(await exchange.ended, { kind: 'invalid', cause: { message: 'a defect of the reader' } });
  await cut;
  t.same((await ask('GET', '/2')).text, 'ok');
  t.equal(connections(), 2);
});

t.test(
  'a server with one thread waits on an idle connection: it is ended for the new one that is silent',
  async (t) => {
    const waiting: Socket[] = [];
    let served: Socket | undefined;
    const serve = (socket: Socket): void => {
      served = socket;
      socket.on('data', () => socket.write(OK.replace('Content', 'Keep-Alive: timeout=600\r\nContent')));
      socket.once('close', () => {
        served = undefined;
        const next = waiting.shift();
        if (next !== undefined) serve(next);
      });
    };
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (served === undefined) serve(socket);
      else waiting.push(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => server.close());
    const { client } = openTestOrigin(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const ask = async (lane: SendOptions['lane']): Promise<number> => {
      const { exchange } = client.send(
        { method: 'GET', target: '/', fields: ['Host', 'x'] },
        { ...OPTIONS, lane },
      );
      const { status } = await exchange.head;
      exchange.discard(10);
      await exchange.ended;
      return status;
    };
    // none of them would be ended for its age
    for (const lane of ['open', 'probe', 'write'] as const) t.equal(await ask(lane), 200, lane);
  },
);
