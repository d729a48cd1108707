// Clients that leave: what waits is dropped, what was sent is finished under its lock, and nothing stays behind.

import t, { type Test } from 'tap';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { type Origin, startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect, type RawClient } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const leaving = [
  { by: 'FIN', leave: (client: RawClient) => client.close() },
  { by: 'RST', leave: (client: RawClient) => client.reset() },
];
const writes = [
  { name: 'PUT with content', method: 'PUT', content: 'gone' },
  { name: 'PUT with Content-Length: 0', method: 'PUT', content: '' },
  { name: 'DELETE without content', method: 'DELETE', content: undefined },
];

interface Scene {
  readonly origin: Origin;
  readonly ifmatch: Ifmatch;
  readonly etag: string;
  readonly client: RawClient;
}

async function scene(t: Test): Promise<Scene> {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const client = await connect(ifmatch.port);
  return { origin, ifmatch, etag: origin.store('/doc', 'old'), client };
}

for (const { by, leave } of leaving) {
  for (const { name, method, content } of writes) {
    t.test(`${name}, gone by ${by} while it waits for its turn, is never executed`, async (t) => {
      const { origin, ifmatch, etag, client } = await scene(t);
      const first = gate();
      origin.on.delay = () => first.opened;
      const holder = await connect(ifmatch.port);
      holder.send(bytesOf('PATCH', '/doc', [], 'first'));
      await until(() => origin.seen('PATCH').length === 1, 'the first write arrives');
      client.send(bytesOf(method, '/doc', [`If-None-Match: "none"`], content));
      const other = await connect(ifmatch.port);
      await until(() => ifmatch.lock().waiting === 1, 'the second waits');
      other.send(bytesOf('POST', '/doc', [], 'third'));
      await until(() => ifmatch.lock().waiting === 2, 'the third waits');
      leave(client);
      await until(() => ifmatch.lock().waiting === 1, 'the second waits no more');
      first.open();
      t.equal((await holder.response()).status, 200);
      t.equal((await other.response()).status, 200, 'the one behind it has its turn');
      t.same(
        origin.applied.map((write) => write.method),
        ['PATCH', 'POST'],
      );
      t.not(origin.etag('/doc'), etag);
      holder.close();
      other.close();
      await ifmatch.idle();
    });

    t.test(`${name}, gone by ${by} during the probe, is never executed`, async (t) => {
      const { origin, ifmatch, etag, client } = await scene(t);
      const probe = gate();
      origin.on.readDelay = () => probe.opened;
      client.send(bytesOf(method, '/doc', [`If-Match: ${etag}`], content));
      await until(() => origin.seen('HEAD').length === 1, 'the probe arrives');
      leave(client);
      await settle();
      probe.open();
      await ifmatch.idle();
      await settle();
      t.equal(origin.seen(method).length, 0);
      t.equal(origin.etag('/doc'), etag);
    });

    t.test(
      `${name}, gone by ${by} after it was sent, completes once and keeps its lock until then`,
      async (t) => {
        const { origin, ifmatch, etag, client } = await scene(t);
        const write = gate();
        origin.on.delay = ({ method }) => (method === 'POST' ? Promise.resolve() : write.opened);
        client.send(bytesOf(method, '/doc', [`If-Match: ${etag}`], content));
        await until(() => origin.seen(method).length === 1, 'the write arrives');
        leave(client);
        const next = await connect(ifmatch.port);
        next.send(bytesOf('POST', '/doc', [`If-Match: ${etag}`], 'late'));
        await until(() => ifmatch.lock().waiting === 1, 'the next writer waits');
        await settle();
        t.equal(ifmatch.lock().held, 1);
        t.equal(origin.seen('POST').length, 0);
        write.open();
        t.equal((await next.response()).status, 412, 'the next writer sees what was written');
        t.same(
          origin.applied.map((applied) => applied.method),
          [method],
        );
        next.close();
        await ifmatch.idle();
      },
    );

    t.test(
      `${name}, gone by ${by} amid the answer, keeps its lock until the origin has ended it`,
      async (t) => {
        const { origin, ifmatch, etag, client } = await scene(t);
        const rest = gate();
        origin.on.answer = (request) =>
          request.method !== method
            ? undefined
            : {
                apply: true,
                by: async (response) => {
                  response.writeHead(200, { 'Content-Type': 'text/plain' });
                  response.write('first half');
                  await rest.opened;
                  response.end('second half');
                },
              };
        client.send(bytesOf(method, '/doc', [`If-Match: ${etag}`], content));
        await until(() => origin.applied.length === 1, 'the write is applied');
        await settle();
        leave(client);
        await settle();
        t.equal(ifmatch.lock().held, 1);
        rest.open();
        await ifmatch.idle();
        t.equal(origin.applied.length, 1);
      },
    );
  }
}

t.test('an upload that is broken off is never executed and leaves nothing locked', async (t) => {
  const { origin, ifmatch, etag, client } = await scene(t);
  client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`, 'Content-Length: 1000'], 'a part'));
  await settle();
  client.reset();
  await settle();
  await ifmatch.idle();
  t.equal(origin.seen('PUT').length, 0);
});

t.test('a client that reads its answer slowly does not hold the lock', async (t) => {
  const { origin, ifmatch, etag, client } = await scene(t);
  origin.on.answer = ({ method }) =>
    method === 'PUT' ? { apply: true, status: 200, content: 'x'.repeat(900_000) } : undefined;
  client.socket.pause();
  client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'new'));
  await until(() => origin.applied.length === 1, 'the write is applied');
  await ifmatch.idle();
  t.pass('released while the client reads nothing');
  client.close();
});
