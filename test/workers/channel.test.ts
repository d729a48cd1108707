// The channel to another process: what arrives of it, and that its end is told once, however that process ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { channelOf } from '../../src/workers/channel.ts';
import { settle, until } from '../fixtures/until.ts';

/** Says so on both conversations when it runs, then does as `then` says. */
function startPeer(t: Test, then: string) {
  const say = "process.send({ orders: 'up' }); process.send({ lock: 'up' });";
  const child = spawn(process.execPath, ['-e', `${say} process.on('message', () => {}); ${then}`], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const channel = channelOf(child);
  const events: string[] = [];
  for (const about of ['orders', 'lock'] as const) {
    channel[about].onMessage((message) => events.push(`${about} ${message}`));
    channel[about].onGone(() => events.push(`${about} gone`));
  }
  const up = until(() => events.length >= 2, 'it is up');
  return { child, channel, events, up };
}

/** Its end, and what Node says of it. */
async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  await settle();
}

const ALL = ['orders up', 'lock up', 'orders gone', 'lock gone'];

t.test('it disconnects, and ends later: told once', async (t) => {
  const { child, events } = startPeer(t, 'process.disconnect(); setTimeout(() => {}, 300);');
  await until(() => events.length === 4, 'it is gone');
  t.equal(child.exitCode, null, 'at once, not with its end');
  await endOf(child);
  t.same(events, ALL);
});

t.test('it is killed: told once, behind all that it had sent', async (t) => {
  const { child, events, up } = startPeer(t, '');
  await up;
  child.kill('SIGKILL');
  await endOf(child);
  t.same(events, ALL);
});

t.test('it is killed while it is handed what it does not take', async (t) => {
  const server = net.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => void server.close());
  const { child, channel, events, up } = startPeer(t, "process.kill(process.pid, 'SIGSTOP');");
  await up;
  child.send('take it', server);
  channel.lock.send({ op: 'queued behind it' });
  await settle();
  child.kill('SIGKILL');
  await endOf(child);
  t.same(events, ALL);
  channel.lock.send({ op: 'nothing happens' });
});

t.test('it was gone before anybody asked', async (t) => {
  const { child, channel } = startPeer(t, 'process.disconnect();');
  await endOf(child);
  let times = 0;
  channel.lock.onGone(() => {
    times += 1;
  });
  t.equal(times, 0, 'never at once');
  await settle();
  t.equal(times, 1);
});

t.test('it had disconnected before anybody asked, and ends later: told once', async (t) => {
  const { child, channel, events } = startPeer(t, 'process.disconnect(); setTimeout(() => {}, 60_000);');
  await until(() => events.length === 4, 'it is gone');
  let times = 0;
  channel.lock.onGone(() => {
    times += 1;
  });
  await until(() => times > 0, 'it is told');
  child.kill('SIGKILL');
  await endOf(child);
  t.equal(times, 1);
});
