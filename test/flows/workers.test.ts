// Several workers, one lock: no update is lost between them, whichever of them dies, and however the gateway is stopped.

import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { askAdmin } from '../fixtures/ask-admin.ts';
import { breaks } from '../fixtures/chain.ts';
import { runCli } from '../fixtures/cli.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { type Origin, startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect, exchange, type RawClient } from '../fixtures/raw-client.ts';
import type { RawResponse } from '../fixtures/raw-response.ts';
import { isAlive, startServed } from '../fixtures/served.ts';
import { gate, LONG, settle, until } from '../fixtures/until.ts';

const { IFMATCH_SOAK = '2' } = process.env;

/** How long the race goes on, in milliseconds. */
const SOAK = Number(IFMATCH_SOAK) * 1000;
const WRITERS = 32;

t.setTimeout(SOAK + 300_000);

async function put(client: RawClient, path: string, etag: string | undefined, content: string) {
  client.send(bytesOf('PUT', path, etag === undefined ? [] : [`If-Match: ${etag}`], content));
  return client.response('PUT');
}

const statusOf = ({ status }: RawResponse): number => status;

/** All writers try the same tag at once, round after round. Resolves with how many rounds had not exactly one winner. */
async function race(origin: Origin, writers: readonly RawClient[], ms: number, rounds = { count: 0 }) {
  origin.store('/counter', 'start');
  let odd = 0;
  for (const end = Date.now() + ms; Date.now() < end || rounds.count < 3; rounds.count += 1) {
    const etag = origin.etag('/counter');
    const tries = writers.map((client, at) => put(client, '/counter', etag, `${rounds.count}.${at}`));
    const statuses = (await Promise.all(tries)).map(statusOf);
    const won = statuses.filter((status) => status === 200).length;
    const lost = statuses.filter((status) => status === 412).length;
    if (won !== 1 || lost !== writers.length - 1) odd += 1;
  }
  return odd;
}

const slow = { delay: () => sleep(Math.random() * 3) };

t.test('of 32 writers with the same tag exactly one wins, whichever worker they came to', async (t) => {
  const origin = await startOrigin(t, slow);
  const served = await startServed(t, { workers: 3, origin: origin.url });
  const writers = await Promise.all(Array.from({ length: WRITERS }, () => connect(served.port)));
  const rounds = { count: 0 };
  let odd = await race(origin, writers, SOAK, rounds);
  const winners = (): ReadonlySet<unknown> => {
    const won = served.lines().filter(({ method, status }) => method === 'PUT' && status === 200);
    return new Set(won.map(({ worker }) => worker));
  };
  // a busy machine has time for a few rounds only, of which a worker may win none; and a line may come late
  while (winners().size < 3) odd += await race(origin, writers, 100, rounds);
  t.same([...winners()].sort(), [1, 2, 3], 'each worker had its share');
  t.equal(odd, 0, `${rounds.count} rounds`);
  t.equal(origin.applied.length, rounds.count, 'one write each');
  t.equal(breaks(origin.applied), 0, 'every write replaced the version it was made from');
  for (const client of writers) client.close();
  const { content } = await askAdmin(served.adminPort, '/status');
  t.match(JSON.parse(content), { lock: { held: 0, waiting: 0, quarantined: 0 }, workers: { up: 3, of: 3 } });
});

t.test('control: with a lock for each the same race has several winners', async (t) => {
  const origin = await startOrigin(t, slow);
  const alone = await Promise.all([1, 2, 3].map(() => startIfmatch(t, { origin: origin.url })));
  const ports = Array.from({ length: WRITERS }, (_, at) => alone[at % alone.length]?.port ?? 0);
  const writers = await Promise.all(ports.map((port) => connect(port)));
  await race(origin, writers, 500);
  t.ok(breaks(origin.applied) > 0, `${breaks(origin.applied)} of ${origin.applied.length} writes`);
  for (const client of writers) client.close();
});

t.test('a worker is killed: what it was writing stays locked, what it only checked is free', async (t) => {
  const probe = gate();
  const [C, W, U] = [500, 1500, 1000];
  const timeouts = `{ connect: ${C}ms, probe: 3s, write: ${W}ms, uncertainty: ${U}ms }`;
  const origin = await startOrigin(t, {
    // applied although its connection has gone by then
    delay: ({ content }) => sleep(content.toString() === 'slow' ? 1200 : 0),
    readDelay: async ({ method, target }) => {
      if (method === 'HEAD' && target === '/checked') await probe.opened;
    },
  });
  const yaml = `origin: { url: '${origin.url}', timeouts: ${timeouts} }\ndrain: { delay: 1ms, timeout: 5s }`;
  const served = await startServed(t, { workers: 3, origin: origin.url, yaml });
  const [written, checked] = [origin.store('/written', 'old'), origin.store('/checked', 'old')];
  const { worker, clients } = await served.connectionsOfOne(2);
  const pid = served.pids().get(worker) ?? 0;
  clients[1]?.send(bytesOf('PUT', '/checked', [`If-Match: ${checked}`], 'never sent'));
  await until(() => origin.seen('HEAD').some(({ target }) => target === '/checked'), 'the probe');
  const sentAt = performance.now();
  clients[0]?.send(bytesOf('PUT', '/written', [`If-Match: ${written}`], 'slow'));
  await until(() => origin.seen('PUT').length === 1, 'the write arrives');
  process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(pid), 'its end');

  const next = exchange(served.port, 'PUT', '/written', [`If-Match: ${written}`], 'next').then(
    (response) => ({
      status: response.status,
      after: performance.now() - sentAt,
    }),
  );
  probe.open();
  const other = await exchange(served.port, 'PUT', '/checked', [`If-Match: ${checked}`], 'other');
  t.equal(other.status, 200);
  t.equal(origin.content('/written'), 'old', 'and that without waiting for the other');
  await until(async () => served.pids().get(worker) !== pid, 'the place is filled again', LONG);
  t.equal(await served.up(), 3);

  const { status, after } = await next;
  t.equal(status, 412, 'the write of the dead had been applied');
  t.ok(after >= C + W + U, `it waited: ${after} ms`);
  t.equal(breaks(origin.applied), 0);
  t.equal(origin.content('/written'), 'slow');
  const said = served.lines().map(({ msg }) => msg);
  t.ok(said.includes('a worker ended with writes under way: their fate is unknown'));
  t.ok(said.includes('a worker ended; another takes its place'));
});

t.test('an upload that takes longer than its lease keeps the key to its end', async (t) => {
  const origin = await startOrigin(t);
  const timeouts = '{ connect: 800ms, write: 1400ms, uncertainty: 800ms }';
  const yaml = `origin: { url: '${origin.url}', timeouts: ${timeouts} }\nbuffer: 1KiB`;
  const served = await startServed(t, { workers: 2, origin: origin.url, yaml });
  const etag = origin.store('/doc', 'old');
  const upload = await connect(served.port);
  const piece = 'a'.repeat(2_000);
  const pieces = 30;
  upload.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`, `Content-Length: ${piece.length * pieces}`]));
  // the last piece so far is kept back: it could be the very last
  upload.send(piece);
  await settle();
  upload.send(piece);
  await until(() => origin.seen('PUT').length === 1, 'it has begun');
  const other = exchange(served.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'other');
  for (let count = 2; count < pieces; count += 1) {
    await sleep(130);
    upload.send(piece);
  }
  t.equal((await upload.response('PUT')).status, 200);
  t.equal((await other).status, 412);
  t.equal(origin.content('/doc'), piece.repeat(pieces));
  t.equal(breaks(origin.applied), 0);
  upload.close();
});

t.test('SIGTERM: unready, everything in flight is answered, nothing acknowledged is lost', async (t) => {
  const write = gate();
  const origin = await startOrigin(t, {
    delay: ({ target }) => (target === '/held' ? write.opened : sleep(1)),
  });
  const yaml = 'drain: { delay: 300ms, timeout: 10s }';
  const served = await startServed(t, { workers: 3, origin: origin.url, yaml });
  const pids = [...served.pids().values()];
  const held = await connect(served.port);
  held.send(bytesOf('PUT', '/held', [], 'held'));
  await until(() => origin.seen('PUT').length === 1, 'the write arrives');
  let acknowledged = 0;
  const work = async (at: number): Promise<void> => {
    const client = await connect(served.port);
    for (let count = 0; ; count += 1) {
      const answer = await put(client, `/${at}`, origin.etag(`/${at}`), `${count}`).catch(() => undefined);
      if (answer === undefined) return;
      if (answer.status < 300) acknowledged += 1;
      else t.equal(answer.status, 503, 'refused, not performed');
      if (answer.field('connection') === 'close') return;
    }
  };
  const working = Promise.all(Array.from({ length: 12 }, (_, at) => work(at)));
  await settle();
  served.process.kill('SIGTERM');
  await until(() => served.lines().some(({ msg }) => msg === 'stopping'), 'it is stopping');
  const answer = await askAdmin(served.adminPort, '/readyz');
  t.equal(answer.status, 503);
  await working;
  t.ok(acknowledged > 12, `${acknowledged} writes`);
  t.equal(served.process.exitCode, null, 'it waits for the one that is held');
  write.open();
  t.equal((await held.response('PUT')).status, 201);
  acknowledged += 1;
  const { code, err } = await served.finished;
  t.same([code, err], [0, '']);
  t.equal(origin.applied.length, acknowledged);
  t.equal(breaks(origin.applied), 0);
  t.equal(served.lines().at(-1)?.['msg'], 'stopped');
  t.same(pids.filter(isAlive), [], 'no worker is left');
});

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];

t.test('signals to the whole group do not end a worker; a second one ends all at once', async (t) => {
  const origin = await startOrigin(t, { delay: () => new Promise(() => {}) });
  const served = await startServed(t, { workers: 2, origin: origin.url });
  const pids = [...served.pids().values()];
  for (const pid of pids) for (const signal of SIGNALS) process.kill(pid, signal);
  const client = await connect(served.port);
  client.send(bytesOf('PUT', '/doc', [], 'new'));
  await until(() => origin.seen('PUT').length === 1, 'the write arrives');
  t.equal(await served.up(), 2);
  for (const pid of [...pids, served.process.pid ?? 0]) process.kill(pid, 'SIGINT');
  await until(() => served.lines().some(({ msg }) => msg === 'stopping'), 'it is stopping');
  await settle();
  t.ok(pids.some(isAlive), 'the write is waited for');
  t.equal(served.process.exitCode, null);
  served.process.kill('SIGINT');
  t.equal((await served.finished).code, 1);
  await until(() => !pids.some(isAlive), 'the end of the workers');
});

t.test(
  'the primary is killed: what was sent is answered, nothing more is, and the workers end',
  async (t) => {
    const write = gate();
    const origin = await startOrigin(t, { delay: () => write.opened });
    const served = await startServed(t, { workers: 2, origin: origin.url });
    const pids = [...served.pids().values()];
    const { clients } = await served.connectionsOfOne(2);
    const [first, second] = clients;
    first?.send(bytesOf('PUT', '/doc', [], 'sent'));
    await until(() => origin.seen('PUT').length === 1, 'the write arrives');
    second?.send(bytesOf('PUT', '/doc', [], 'waits'));
    await settle();
    served.process.kill('SIGKILL');
    t.equal((await second?.response('PUT'))?.status, 503);
    write.open();
    t.equal((await first?.response('PUT'))?.status, 201);
    await until(() => !pids.some(isAlive), 'the end of the workers');
    t.equal(origin.applied.length, 1);
  },
);

t.test('an address in use: 1, and which, once', async (t) => {
  const taken = net.createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => void taken.close());
  const address = taken.address();
  const place = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  for (const yaml of [
    `listen: ${place}\nadmin: off`,
    `listen: 127.0.0.1:0\nadmin: ${place}`,
    `listen: ${place}\nadmin: 127.0.0.1:0`,
  ]) {
    const file = join(t.testdir({ 'ifmatch.yaml': `workers: 3\norigin: http://127.0.0.1:1\n${yaml}\n` }));
    const { code, out, err } = await runCli(t, ['serve', '--config', join(file, 'ifmatch.yaml')]);
    t.same([code, out], [1, '']);
    t.equal(err, `ifmatch: ${place} is in use by another program; choose another with --listen or --admin\n`);
  }
});

t.test('lines longer than a pipe takes at once are not torn', async (t) => {
  const origin = await startOrigin(t);
  const served = await startServed(t, { workers: 3, origin: origin.url });
  const clients = await Promise.all(Array.from({ length: 9 }, () => connect(served.port)));
  const long = 'a'.repeat(7000);
  const rounds = 30;
  await Promise.all(
    clients.map(async (client, at) => {
      for (let round = 0; round < rounds; round += 1) {
        client.send(bytesOf('GET', `/${at}/${long}`));
        await client.response();
      }
      client.close();
    }),
  );
  const lines = () => served.lines().filter(({ method }) => method === 'GET');
  await until(() => lines().length === clients.length * rounds, 'a line for each');
  t.ok(lines().every(({ path }) => String(path).length > 7000));
});

t.test('a unix socket is shared too', async (t) => {
  const origin = await startOrigin(t);
  const path = join(tmpdir(), `ifmatch-workers-${process.pid}.sock`);
  const served = await startServed(t, { workers: 2, origin: origin.url, listen: `unix:${path}` });
  const socket = net.connect(path);
  await once(socket, 'connect');
  socket.write(bytesOf('PUT', '/doc', ['Connection: close'], 'new'));
  const [answer] = await once(socket, 'data');
  t.match(String(answer), /^HTTP\/1\.1 201 /);
  served.process.kill('SIGTERM');
  t.equal((await served.finished).code, 0);
});

t.test('connections over the limit are closed as they come, and the log says how many', async (t) => {
  const origin = await startOrigin(t);
  const yaml = 'limits: { connections: 4 }';
  const served = await startServed(t, { workers: 2, origin: origin.url, yaml });
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect(served.port)));
  const closed = (): number => clients.filter(({ socket }) => socket.closed).length;
  await until(() => closed() >= 4, 'those that are too many are closed');
  await settle();
  t.ok(closed() < clients.length, 'and no others');
  const closedSoFar = closed();
  for (const client of clients) client.close();
  served.process.kill('SIGTERM');
  t.equal((await served.finished).code, 0);
  const said = served.lines().filter(({ level }) => level === 40);
  t.ok(said.length > 0 && said.length <= 4, 'a line for several');
  t.ok(said.every(({ limit, msg }) => limit === 2 && String(msg).includes('limits.connections')));
  t.equal(
    said.reduce((sum, { dropped }) => sum + Number(dropped), 0),
    closedSoFar,
  );
});
