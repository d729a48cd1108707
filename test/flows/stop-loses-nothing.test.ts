// A stop under clients that go on, read late or write ahead: what was sent is answered, and what was answered arrives whole.

import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { startServed } from '../fixtures/served.ts';
import { settle, until } from '../fixtures/until.ts';

// Each waits for a process.
t.jobs = 2;

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const EMPTY = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** On both sides of what the kernel takes for a Unix socket, so that of some the end is still here when it stops. */
const SIZES = Array.from({ length: 25 }, (_, at) => 100_000 + at * 10_000);

/** An origin that answers with as much content as the target says; PUT and GET alike. */
const sized = (t: Test) =>
  startRawOrigin(t, ({ method, target }) => {
    if (method === 'HEAD') return EMPTY;
    const size = Number(target.split('/').at(-1));
    return `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`;
  });

/** The length of all content that comes from now on until the connection ends. */
async function contentOf(socket: Socket): Promise<number> {
  let received = '';
  socket.on('data', (data) => {
    received += data.toString('latin1');
  });
  if (!socket.closed) await once(socket, 'close');
  return received.length - (received.indexOf('\r\n\r\n') + 4);
}

for (const route of ['', '/off']) {
  for (const method of ['GET', 'PUT']) {
    t.test(`${method} ${route || 'guarded'}: a client that reads late gets all of it`, async (t) => {
      const origin = await sized(t);
      const yaml = 'drain: { delay: 0s, timeout: 20s }\nroutes: [{ path: /off/*, mode: off }]';
      const path = join(tmpdir(), `ifmatch-late-${process.pid}-${method}${route.length}.sock`);
      const listen = `unix:${path}`;
      const served = await startServed(t, { workers: 1, origin: origin.url, yaml, listen });
      const clients = await Promise.all(
        SIZES.map(async (size) => {
          const socket = net.connect(path);
          t.teardown(() => socket.destroy());
          socket.on('error', () => {});
          await once(socket, 'connect');
          socket.write(bytesOf(method, `${route}/${size}`, [], method === 'PUT' ? 'x' : undefined));
          return socket;
        }),
      );
      await until(() => origin.count(method) === SIZES.length, 'all requests');
      await settle();
      served.process.kill('SIGTERM');
      await until(() => served.lines().some(({ msg }) => msg === 'stopping'), 'it is stopping');
      await settle();
      t.same(await Promise.all(clients.map(contentOf)), SIZES);
      t.equal((await served.finished).code, 0);
    });
  }
}

for (const workers of [1, 2]) {
  for (const delay of ['0s', '300ms']) {
    t.test(`writers that go on, ${workers} workers, delay ${delay}: each write is answered`, async (t) => {
      const origin = await startRawOrigin(t, ({ method }) => (method === 'HEAD' ? EMPTY : OK));
      const yaml = `drain: { delay: ${delay}, timeout: 20s }`;
      const served = await startServed(t, { workers, origin: origin.url, yaml });
      let answered = 0;
      const lost: string[] = [];
      const write = async (at: number): Promise<void> => {
        const client = await connect(served.port);
        t.teardown(() => client.close());
        for (let count = 0; ; count += 1) {
          client.send(bytesOf('PUT', `/${at}/${count}`, [], 'x'));
          const answer = await client.response('PUT').catch(() => undefined);
          if (answer === undefined) {
            lost.push(`/${at}/${count}`);
            return;
          }
          answered += 1;
          if (answer.field('connection') === 'close') return;
        }
      };
      const writing = Promise.all(Array.from({ length: 20 }, (_, at) => write(at)));
      await until(() => answered > 200, 'they are at it');
      served.process.kill('SIGTERM');
      await writing;
      t.same(lost, []);
      t.equal(origin.count('PUT'), answered);
      t.equal((await served.finished).code, 0);
    });
  }
}

for (const workers of [1, 2]) {
  t.test(
    `while it still accepts, ${workers} workers: each answer is the last, of new clients too`,
    async (t) => {
      const origin = await startRawOrigin(t, () => OK);
      const served = await startServed(t, {
        workers,
        origin: origin.url,
        yaml: 'drain: { delay: 3s, timeout: 20s }\nroutes: [{ path: /off/*, mode: off }]',
      });
      const old = await connect(served.port);
      old.send(bytesOf('GET', '/before'));
      t.equal((await old.response()).field('connection'), 'keep-alive');
      served.process.kill('SIGTERM');
      await until(() => served.lines().some(({ msg }) => msg === 'stopping'), 'it is stopping');
      for (const [client, target] of [
        [old, '/doc'],
        [undefined, '/off/doc'],
        [undefined, '/doc'],
      ] as const) {
        const { send, response, socket } = client ?? (await connect(served.port));
        const isLast = async (): Promise<boolean> => {
          send(bytesOf('GET', target));
          const { status, field } = await response();
          t.equal(status, 200);
          return field('connection') === 'close';
        };
        await until(isLast, 'it is told so'); // a worker may hear of the stop a bit later
        await until(() => socket.readableEnded, 'the end of the connection');
      }
      t.equal((await served.finished).code, 0);
    },
  );
}

t.test('a connection without a request when it stops to accept: one that comes is served', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const [used, fresh, silent] = [
    await connect(ifmatch.port),
    await connect(ifmatch.port),
    await connect(ifmatch.port),
  ];
  used.send(bytesOf('GET', '/before'));
  await used.response();
  const stopping = ifmatch.stop();
  await settle();
  for (const client of [used, fresh]) {
    client.send(bytesOf('PUT', '/doc', [], 'x'));
    const { status, field } = await client.response('PUT');
    t.same([status, field('connection')], [200, 'close']);
  }
  t.equal(await stopping, true);
  t.equal(silent.rest(), '', 'the end, and not a word that could be taken for an answer');
});

t.test('a client that writes ahead: what comes behind the last answer does not cost it that', async (t) => {
  const origin = await startRawOrigin(t, () => undefined);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const client = await connect(ifmatch.port);
  t.teardown(() => client.close());
  client.socket.pause();
  client.send(bytesOf('PUT', '/first', [], 'x'));
  await until(() => origin.count('PUT') === 1, 'the first write');
  const stopping = ifmatch.stop();
  await settle();
  // more than a client takes that does not read, less than the kernel takes for it
  const content = 'x'.repeat(1_000_000);
  origin.requests[0]?.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
  await until(() => ifmatch.log.some(({ path }) => path === '/first'), 'its end');
  client.send(bytesOf('PUT', '/ahead', [], 'x'));
  await settle();
  client.socket.resume();
  t.equal((await client.response('PUT')).content.length, content.length);
  t.equal(await stopping, true);
  t.equal(origin.count('PUT'), 1);
});
