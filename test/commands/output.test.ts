// What becomes of a command when its output cannot be written: the disk is full, or nobody reads it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { askAdmin } from '../fixtures/ask-admin.ts';
import { aFile } from '../fixtures/cli.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { nodeFlags } from '../fixtures/node-flags.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { LONG, until } from '../fixtures/until.ts';

t.jobs = 2;

const CLI = join(import.meta.dirname, '../../src/cli.ts');
const FULL = '/dev/full';
const skip = existsSync(FULL) ? false : `this system has no ${FULL}`;

type Place = 'full' | 'closed' | 'pipe';

/** Starts it with its standard output and error at these places. */
function startWith(t: Test, args: readonly string[], out: Place, err: Place) {
  const of = (place: Place) => (place === 'full' ? openSync(FULL, 'w') : 'pipe');
  const child = spawn(process.execPath, [...nodeFlags(CLI), CLI, ...args], {
    env: {},
    stdio: ['ignore', of(out), of(err)],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  if (out === 'closed') child.stdout?.destroy();
  if (err === 'closed') child.stderr?.destroy();
  let said = '';
  child.stderr?.on('data', (data) => {
    said += String(data);
  });
  return { child, said: () => said, ended: once(child, 'exit') };
}

for (const workers of [1, 2]) {
  for (const [out, err] of [
    ['full', 'pipe'],
    ['full', 'full'],
    ['closed', 'pipe'],
    ['closed', 'closed'],
  ] as const) {
    t.test(
      `serve, ${workers} workers, stdout ${out}, stderr ${err}: it serves, and stops`,
      { skip },
      async (t) => {
        const origin = await startOrigin(t);
        const ports = [await closedPort(), await closedPort()];
        const [listen = '', admin = ''] = ports.map((port) => `127.0.0.1:${port}`);
        const [port = 0, adminPort = 0] = ports;
        const file = aFile(t, 'ifmatch.yaml', `workers: ${workers}\ndrain: { delay: 0s, timeout: 10s }\n`);
        const args = ['--config', file, '--origin', origin.url, '--listen', listen, '--admin', admin];
        const { child, said, ended } = startWith(t, ['serve', ...args], out, err);
        await until(
          () =>
            askAdmin(adminPort, '/readyz').then(
              ({ status }) => status === 200,
              () => false,
            ),
          'it is ready',
          LONG,
        );
        for (let i = 0; i < 100; i++) {
          const { status } = await exchange(port, 'PUT', `/${'long'.repeat(100)}`, [], 'x');
          if (status >= 300) t.fail(`answered ${status}`);
        }
        t.equal(origin.seen('PUT').length, 100);
        t.equal(child.exitCode, null);
        child.kill('SIGTERM');
        t.same(await ended, [0, null]);
        if (err !== 'pipe') return;
        t.match(said(), /^ifmatch: the log cannot be written \((ENOSPC|EPIPE)\): [^\n]+\n$/, 'once, and why');
      },
    );
  }
}

t.test('a command whose output is lost: 1, and no trace of the inside', { skip }, async (t) => {
  for (const command of ['schema', 'help', 'version']) {
    for (const out of ['full', 'closed'] as const) {
      const { said, ended } = startWith(t, [command], out, 'pipe');
      const [code] = await ended;
      t.equal(code, 1, `${command}, ${out}`);
      t.equal(said(), '');
    }
  }
});

t.test('a usage fault that nobody reads: 2', { skip }, async (t) => {
  for (const err of ['full', 'closed'] as const) {
    const { ended } = startWith(t, ['nonsense'], 'pipe', err);
    t.same(await ended, [2, null], err);
  }
});
