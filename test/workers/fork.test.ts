// Workers as processes: how they end is known, and what they write is passed on.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t, { type Test } from 'tap';

t.setTimeout(120_000);

const PROGRAM = join(import.meta.dirname, '../fixtures/forking.ts');

/** Runs a scene of the program to its end. `most`: file descriptors that the program may have. */
async function run(t: Test, scene: string, most = 256) {
  const env = { SCENE: scene, MARK: join(t.testdir({}), 'mark') };
  const command = ['-c', `ulimit -n ${most} && exec "$@"`, 'sh', process.execPath, PROGRAM];
  const child = spawn('/bin/sh', command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => void child.kill('SIGKILL'));
  const written = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    written.out += String(data);
  });
  child.stderr.on('data', (data) => {
    written.err += String(data);
  });
  const [code] = await once(child, 'close');
  return { code, ...written };
}

t.test('it is killed as soon as it has asked for the listener', async (t) => {
  t.same(await run(t, t.name), { code: 0, out: 'SIGKILL\n', err: '' });
});

t.test('many write to stderr', async (t) => {
  const { code, err } = await run(t, t.name);
  t.equal(code, 0);
  t.equal(err, 'half of a line\n'.repeat(12), 'their lines are whole, and Node has nothing to warn of');
});

t.test('one of two stops answering', async (t) => {
  const { code, out } = await run(t, t.name);
  t.same([code, out], [0, 'SIGKILL: it had stopped answering\nSIGKILL\n']);
});

t.test('no descriptor is left for another', async (t) => {
  const { code, out, err } = await run(t, t.name, 64);
  t.same([code, err], [0, '']);
  t.match(out, /^spawn \S+ EMFILE\nSIGKILL\n$/, 'it is said, and the next one starts');
});

t.test('no descriptor is left for a connection', async (t) => {
  const { code, out, err } = await run(t, t.name, 64);
  t.same([code, err], [0, '']);
  t.equal(out, 'at first: \nlater: taken\nSIGKILL\n', 'it is closed, and the worker takes the next one');
});
