// Workers that are stopped, and die with connections on their way to them: no key stays locked for that, no client waits for it.

import t from 'tap';
import type { LockState } from '../../src/lock/lock.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type Served, startServed } from '../fixtures/served.ts';
import { gate, LONG, settle, until } from '../fixtures/until.ts';

/** C, W and U, milliseconds. */
const TIMEOUTS = '{ connect: 500ms, write: 1500ms, uncertainty: 500ms }';

t.setTimeout(200_000);

async function lockOf({ adminPort }: Served): Promise<LockState> {
  const { content } = await exchange(adminPort, 'GET', '/status');
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
