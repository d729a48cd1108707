// Connections: one request at a time on a connection, in order, nothing behind its last answer, and nothing kept of it.

import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { queryObjects } from 'node:v8';
import t, { type Test } from 'tap';
import { Connections, MALFORMED } from '../../src/app/connections.ts';
import { sendOff } from '../../src/app/send-off.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { settle, until } from '../fixtures/until.ts';

interface Started {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
}

/** A server whose requests start when Connections says so, and end when the test says so. */
async function scene(t: Test) {
  const connections = new Connections(60_000);
  const started: Started[] = [];
  const server = http.createServer((message, response) => {
    connections.take(message, response, () => started.push({ message, response }));
  });
  server.on('clientError', () => {});
  server.keepAliveTimeout = 60_000; // the end of a connection is not Node's doing
  let socket: Socket | undefined;
  server.on('connection', (accepted) => {
    socket = accepted;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const client = await connect((server.address() as AddressInfo).port);
  t.teardown(() => client.close());
  await until(() => socket !== undefined, 'the connection');
  const { port } = server.address() as AddressInfo;
  const accepted = (): Socket => {
    if (socket === undefined) throw new Error('unreachable');
    return socket;
  };
  const targets = (): (string | undefined)[] => started.map(({ message }) => message.url);
  return { connections, started, targets, client, port, accepted };
}

const get = (...targets: string[]): string => targets.map((target) => bytesOf('GET', target)).join('');

t.test('each request starts when the one before it is answered', async (t) => {
  const { connections, started, targets, client, accepted } = await scene(t);
  t.equal(connections.isBusy(accepted()), false);
  client.send(get('/1', '/2', '/3'));
  for (const count of [1, 2, 3]) {
    await until(() => started.length === count, `request ${count}`);
    await settle();
    t.equal(started.length, count, 'one at a time');
    t.equal(connections.isBusy(accepted()), true);
    started[count - 1]?.response.end(`answer ${count}`);
  }
  for (const count of [1, 2, 3]) t.equal((await client.response()).content, `answer ${count}`);
  t.same(targets(), ['/1', '/2', '/3']);
  t.equal(connections.isBusy(accepted()), false);
});

t.test('nothing starts behind an answer that closes, nor behind a client that has gone', async (t) => {
  const { started, targets, client } = await scene(t);
  client.send(get('/1', '/2', '/3'));
  await until(() => started.length === 1, 'the first');
  const [first] = started;
  if (first === undefined) throw new Error('unreachable');
  first.response.shouldKeepAlive = false;
  first.response.end('last');
  t.equal((await client.response()).content, 'last');
  await until(() => client.socket.readableEnded, 'the end of the connection');
  await settle();
  t.same(targets(), ['/1']);

  const gone = await scene(t);
  gone.client.send(get('/1', '/2'));
  await until(() => gone.started.length === 1, 'the first');
  gone.client.reset();
  await settle();
  t.same(gone.targets(), ['/1']);
});

t.test('nothing starts between the last answer and the end of the connection', async (t) => {
  const { connections, started, targets, client, accepted } = await scene(t);
  client.send(get('/1'));
  await until(() => started.length === 1, 'the first');
  const [first] = started;
  if (first === undefined) throw new Error('unreachable');
  first.response.shouldKeepAlive = false;
  const { promise: begun, resolve: note } = Promise.withResolvers<boolean>();
  // the connection is being closed, but what was read before is still to be parsed
  first.response.once('close', () => {
    t.equal(connections.isBusy(accepted()), true, 'no handshake is answered');
    connections.breakOff(accepted(), false, () => t.fail('nor is anything else'));
    let begins = false;
    connections.take(first.message, new http.ServerResponse(first.message), () => {
      begins = true;
    });
    note(begins);
    t.equal(accepted().destroyed, false, 'it is not closed yet');
  });
  first.response.end('last');
  t.equal(await begun, false);
  t.same(targets(), ['/1']);
});

for (const complete of [true, false]) {
  for (const clientLeft of [true, false]) {
    const request = `${complete ? 'complete' : 'incomplete'} request${clientLeft ? ' whose client left' : ''}`;
    t.test(`breakOff behind a ${request}: its answer is the last, and no other is written`, async (t) => {
      const { connections, started, client, accepted } = await scene(t);
      client.send(bytesOf('PUT', '/1', complete ? [] : ['Content-Length: 9'], 'x'));
      await until(() => started.length === 1, 'the request');
      const [first] = started;
      if (first === undefined) throw new Error('unreachable');
      first.message.on('error', () => {});
      first.message.resume();
      if (complete) await once(first.message, 'end');
      let malformed = 0;
      first.message.on(MALFORMED, () => {
        malformed += 1;
      });
      let answers = 0;
      for (let i = 0; i < 3; i++) connections.breakOff(accepted(), clientLeft, () => void answers++);
      t.equal(answers, 0, 'an answer is still owed');
      t.equal(malformed, complete || clientLeft ? 0 : 1, 'who reads the content is told, once');
      t.equal(first.message.destroyed, (complete && first.message.destroyed) || clientLeft);
      first.response.end('mine');
      if (complete) {
        const answer = await client.response();
        t.same([answer.content, answer.field('connection')], ['mine', 'close']);
      }
      await until(() => client.socket.readableEnded || client.socket.destroyed, 'the end of the connection');
      t.equal(client.rest().includes('HTTP/1.1 400'), false);
    });
  }
}

t.test('breakOff on an idle connection answers, once', async (t) => {
  const { connections, accepted } = await scene(t);
  let answers = 0;
  for (let i = 0; i < 3; i++) connections.breakOff(accepted(), false, () => void answers++);
  t.equal(answers, 1);
  t.equal(connections.isBusy(accepted()), true, 'and no handshake is answered behind that');
});

t.test(
  'close makes the answers that are owed, and those to come, the last of their connection',
  async (t) => {
    const { connections, started, client, port } = await scene(t);
    const other = await connect(port);
    client.send(get('/1'));
    await until(() => started.length === 1, 'the first');
    connections.close(() => {});
    other.send(get('/2'));
    await until(() => started.length === 2, 'the second');
    for (const { response } of started) response.end('x');
    for (const each of [client, other]) {
      t.equal((await each.response()).field('connection'), 'close');
      await until(() => each.socket.readableEnded, 'the end of the connection');
    }
  },
);

const resting = [
  { name: 'nothing has come', before: '', begun: '' },
  { name: 'a request was answered', before: get('/before'), begun: '' },
  { name: 'half a head has come', before: '', begun: get('/late').slice(0, 9) },
  { name: 'a request was answered, half a head has come', before: get('/before'), begun: 'GE' },
];
for (const { name, before, begun } of resting) {
  t.test(`close, where ${name}: what comes too late is not started, answers are waited for`, async (t) => {
    const { connections, started, targets, client, port, accepted } = await scene(t);
    const idle = accepted();
    connections.accept(idle);
    if (before !== '') {
      client.send(before);
      await until(() => started.length === 1, 'the request before');
      started[0]?.response.end('x');
      await client.response();
    }
    const busy = await connect(port);
    t.teardown(() => busy.close());
    busy.send(get('/busy'));
    await until(() => targets().includes('/busy'), 'the request');
    if (begun !== '') client.send(begun);
    await settle();
    const dismissed: unknown[] = [];
    connections.close((socket) => {
      dismissed.push(socket);
      sendOff(socket);
    });
    await until(() => client.socket.readableEnded, 'the end of the connection');
    t.equal(client.rest(), '', 'not a word that could be taken for an answer');
    t.same(dismissed, begun === '' ? [] : [idle]);
    client.send(get('/late').slice(begun.length));
    await settle();
    t.notOk(targets().includes('/late'));
    started.at(-1)?.response.end('x');
    t.equal((await busy.response()).content, 'x');
  });
}

t.test('an answer that had begun when every answer became the last: the next one says so', async (t) => {
  const { connections, started, client } = await scene(t);
  client.send(get('/1'));
  await until(() => started.length === 1, 'the first');
  started[0]?.response.write('a');
  await until(() => client.rest().includes('200'), 'its beginning');
  connections.retire();
  t.equal(connections.inFlight, true);
  started[0]?.response.end('z');
  t.equal((await client.response()).field('connection'), 'keep-alive');
  t.equal(connections.inFlight, false);
  client.send(get('/2'));
  await until(() => started.length === 2, 'the second');
  started[1]?.response.end('x');
  t.equal((await client.response()).field('connection'), 'close');
  await until(() => client.socket.readableEnded, 'the end of the connection');
});

t.test(
  'an answer that had begun when it closed: its connection is not waited for by more than a while',
  async (t) => {
    const { connections, started, client } = await scene(t);
    client.send(get('/1'));
    await until(() => started.length === 1, 'the first');
    started[0]?.response.write('a');
    await until(() => client.rest().includes('200'), 'its beginning');
    connections.close(() => t.fail('no request has begun'));
    started[0]?.response.end('z');
    t.equal((await client.response()).field('connection'), 'keep-alive');
    await until(() => client.socket.readableEnded, 'the end of the connection');
    t.equal(client.rest(), '');
  },
);

/** How many answers are in memory. */
function answersKept(): number {
  return Number(queryObjects(http.ServerResponse, { format: 'count' }));
}

t.test('of requests that never start nothing is kept', async (t) => {
  const { started, client, port } = await scene(t);
  client.close();
  const before = answersKept();
  for (let i = 0; i < 20; i++) {
    const each = await connect(port);
    each.send(get('/1', '/2', '/3', '/4'));
    await until(() => started.length === 1, 'the first');
    each.reset();
    await until(() => started[0]?.response.closed === true, 'its end');
    started.length = 0;
  }
  await settle();
  t.ok(answersKept() - before < 20, `${answersKept() - before} answers are kept of 80`);
});

t.test('of a request that was answered nothing is kept while its connection rests', async (t) => {
  const { started, client, port } = await scene(t);
  client.close();
  const before = answersKept();
  for (let i = 0; i < 20; i++) {
    const each = await connect(port);
    t.teardown(() => each.close());
    each.send(get('/1'));
    await until(() => started.length === 1, 'the request');
    started.pop()?.response.end('x');
    await each.response();
  }
  await settle();
  t.ok(answersKept() - before < 10, `${answersKept() - before} answers are kept of 20`);
});

t.test('a flood that is held back: once few enough wait it shows that the client leaves', async (t) => {
  const { started, client, accepted } = await scene(t);
  client.send(get(...Array.from({ length: 20 }, (_, at) => `/${at}`)));
  for (let count = 1; count <= 5; count += 1) {
    await until(() => started.length === count, `request ${count}`);
    await settle();
    if (count === 1) t.equal(accepted().isPaused(), true, 'too many wait');
    if (count < 5) started[count - 1]?.response.end('x');
  }
  t.equal(accepted().isPaused(), false, 'few enough wait');
  client.reset();
  await until(() => accepted().destroyed, 'the end of the connection');
});
