// Workers that are stopped, and that die with connections on their way to them: no key stays locked for that, no client waits for it.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { LockState } from '../../src/lock/lock.ts';
import { askAdmin } from '../fixtures/ask-admin.ts';
import { breaks } from '../fixtures/chain.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { isAlive, type Served, startServed } from '../fixtures/served.ts';
import { gate, LONG, settle, until } from '../fixtures/until.ts';

/** C, W and U, milliseconds. */
const TIMEOUTS = '{ connect: 500ms, write: 1500ms, uncertainty: 500ms }';

t.setTimeout(200_000);

async function lockOf({ adminPort }: Served): Promise<LockState> {
  const { content } = await askAdmin(adminPort, '/status');
  const { lock } = JSON.parse(content);
  return lock;
}

t.test('a worker is killed with a connection on its way to it', async (t) => {
  const write = gate();
  const origin = await startOrigin(t, { delay: () => write.opened });
  const yaml = `origin: { url: '${origin.url}', timeouts: ${TIMEOUTS} }\ndrain: { delay: 1ms, timeout: 5s }`;
  const served = await startServed(t, { workers: 2, origin: origin.url, yaml });
  origin.store('/doc', 'old');
  const { worker, clients } = await served.connectionsOfOne(1);
  const pid = served.pids().get(worker) ?? 0;
  clients[0]?.send(bytesOf('PUT', '/doc', [], 'of the dead'));
  await until(() => origin.seen('PUT').length === 1, 'the write arrives');

  process.kill(pid, 'SIGSTOP');
  const others = await Promise.all(Array.from({ length: 4 }, () => connect(served.port)));
  const answers = others.map(async (other) => {
    other.send(bytesOf('GET', '/doc'));
    return other.response().then(
      ({ status }) => status,
      () => (other.socket.closed ? 'closed' : 'nothing came'),
    );
  });
  await settle();
  process.kill(pid, 'SIGKILL');
  write.open();
  t.same((await Promise.all(answers)).sort(), [200, 200, 200, 'closed'], 'nobody waits for the dead');

  t.equal((await exchange(served.port, 'PUT', '/doc', [], 'next')).status, 200, 'the key comes free');
  await until(async () => (await lockOf(served)).held === 0, 'nothing is held');
  await until(() => served.pids().get(worker) !== pid, 'its place is filled again', LONG);
  served.process.kill('SIGTERM');
  const { code, err } = await served.finished;
  t.same([code, err], [0, '']);
});

t.test(
  'a worker is stopped: others get its keys in time, and it sends nothing when it comes back',
  async (t) => {
    const probe = gate();
    const origin = await startOrigin(t, {
      delay: ({ content }) => sleep(content.toString() === 'slow' ? 300 : 0),
      readDelay: async ({ method, target }) => {
        if (method === 'HEAD' && target === '/checked') await probe.opened;
      },
    });
    const timeouts = '{ connect: 300ms, probe: 300ms, write: 900ms, uncertainty: 300ms }';
    const yaml = `origin: { url: '${origin.url}', timeouts: ${timeouts} }\nlock: { wait: 1s }`;
    const served = await startServed(t, { workers: 2, origin: origin.url, yaml });
    const [written, checked] = [origin.store('/written', 'old'), origin.store('/checked', 'old')];
    const { worker, clients } = await served.connectionsOfOne(2);
    let other = await served.connectionsOfOne(1);
    while (other.worker === worker) other = await served.connectionsOfOne(1);
    const [writer, checker] = clients;
    const [client] = other.clients;
    if (writer === undefined || checker === undefined || client === undefined) throw new Error('no clients');

    checker.send(bytesOf('PUT', '/checked', [`If-Match: ${checked}`], 'never sent'));
    await until(() => origin.seen('HEAD').some(({ target }) => target === '/checked'), 'the probe');
    writer.send(bytesOf('PUT', '/written', [`If-Match: ${written}`], 'slow'));
    await until(() => origin.seen('PUT').length === 1, 'the write arrives');
    const pid = served.pids().get(worker) ?? 0;
    process.kill(pid, 'SIGSTOP');
    probe.open();
    t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));

    const put = async (path: string): Promise<number> => {
      client.send(bytesOf('PUT', path, [`If-Match: ${origin.etag(path)}`], 'of the other'));
      return (await client.response('PUT')).status;
    };
    for (const path of ['/written', '/checked'])
      await until(async () => (await put(path)) === 200, `${path} is free`, LONG);
    await until(async () => (await lockOf(served)).held === 0, 'nothing is held');
    process.kill(pid, 'SIGCONT');
    t.ok((await checker.response('PUT')).status >= 500);
    await writer.response('PUT');
    t.same(
      origin.applied.map(({ target, content }) => `${target} ${content}`),
      ['/written slow', '/written of the other', '/checked of the other'],
    );
    t.equal(breaks(origin.applied), 0);
    t.ok(
      served
        .lines()
        .some(({ msg }) => msg === 'a lock ran out: its worker, or this process, was stopped or hung'),
    );
  },
);
