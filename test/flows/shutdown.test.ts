// Stopping: what is in flight is finished and answered, nothing is cut between the check and the write.

import net from 'node:net';
import t from 'tap';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const refuses = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });

/** Errors of the log: a stop that had to give up says so there. */
const errors = (ifmatch: Ifmatch): unknown[] => ifmatch.log.filter(({ level }) => Number(level) >= 50);

// Each waits for a connection to end.
t.jobs = 4;

t.test('a write in flight is waited for and answered', async (t) => {
  const write = gate();
  const origin = await startOrigin(t, { delay: () => write.opened });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', 'old');
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'new'));
  await until(() => origin.seen('PUT').length === 1, 'the write arrives');
  let stopped = false;
  const stopping = ifmatch.stop().then(() => {
    stopped = true;
  });
  await settle();
  t.equal(stopped, false, 'it waits');
  write.open();
  t.equal((await client.response()).status, 200);
  await stopping;
  t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
  t.equal(origin.applied.length, 1);
  t.ok(await refuses(ifmatch.port), 'nobody listens any more');
  t.same(errors(ifmatch), [], 'the connection of a client that stays does not hold it up');
  client.close();
});

t.test('a write whose probe is under way is carried to its end', async (t) => {
  const probe = gate();
  const origin = await startOrigin(t, { readDelay: () => probe.opened });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', 'old');
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'new'));
  await until(() => origin.seen('HEAD').length === 1, 'the probe arrives');
  const stopping = ifmatch.stop();
  await settle();
  probe.open();
  t.equal((await client.response()).status, 200);
  await stopping;
  t.equal(origin.content('/doc'), 'new');
  t.same(errors(ifmatch), []);
  client.close();
});

t.test('a write that waits for its turn is answered: performed, or refused and not performed', async (t) => {
  const write = gate();
  const origin = await startOrigin(t, { delay: () => write.opened });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const [first, second] = [await connect(ifmatch.port), await connect(ifmatch.port)];
  first.send(bytesOf('PUT', '/doc', [], 'first'));
  await until(() => origin.seen('PUT').length === 1, 'the first write arrives');
  second.send(bytesOf('PUT', '/doc', [], 'second'));
  await until(() => ifmatch.lock().waiting === 1, 'the second waits');
  const stopping = ifmatch.stop();
  await settle();
  write.open();
  t.equal((await first.response()).status, 201);
  const { status } = await second.response();
  t.match(status, /^(200|503)$/);
  t.equal(origin.applied.length, status === 503 ? 1 : 2);
  await stopping;
  t.same(errors(ifmatch), []);
  first.close();
  second.close();
});

t.test('idle connections do not hold it up', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const client = await connect(ifmatch.port);
  client.send(bytesOf('GET', '/doc'));
  t.equal((await client.response()).status, 404);
  await ifmatch.stop();
  t.same(errors(ifmatch), []);
  t.ok(await refuses(ifmatch.port));
  client.close();
});
