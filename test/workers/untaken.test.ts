// Connections on their way to a worker that dies are closed; those that it had taken are its own, and nothing is kept of them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net, { type Server } from 'node:net';
import t from 'tap';
import { closeUntaken } from '../../src/workers/untaken.ts';

t.test('what a worker had said that it has is not closed behind it', async (t) => {
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  const child = spawn(process.execPath, ['-e', "process.on('message', () => {})"], { stdio: [...stdio] });
  t.teardown(() => void child.kill('SIGKILL'));
  closeUntaken(child);
  const handles: Server[] = [];
  for (const seq of [1, 2]) {
    const handle = net.createServer();
    await once(handle.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => void handle.close());
    handles.push(handle);
    await new Promise((sent) => child.send({ act: 'newconn', seq }, handle, sent));
  }
  child.emit('internalMessage', { ack: 1 }); // as Node does with a worker's answer
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
  t.same(
    handles.map(({ listening }) => listening),
    [true, false],
  );
});
