// ifmatch serve on a Unix socket: a killed process leaves the file of it, which is no reason not to start again.
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { aFile, runCli, startCli } from '../fixtures/cli.ts';
import { bytesOf } from '../fixtures/raw-client.ts';
import { LONG, until } from '../fixtures/until.ts';

t.jobs = 2;

/** How a GET /livez is answered there: the data listener has no origin to ask. */
async function answer(path: string): Promise<string> {
  const socket: Socket = net.connect(path);
  socket.on('error', () => {});
  socket.write(bytesOf('GET', '/livez', ['Connection: close']));
  const [data] = await once(socket, 'data');
  socket.destroy();
  return String(data).slice(0, 'HTTP/1.1 200'.length);
}

interface Scene {
  readonly path: string;
  readonly args: string[];
}

const rows = [
  { listener: 'listen', workers: 1, answered: 'HTTP/1.1 502' },
  { listener: 'listen', workers: 2, answered: 'HTTP/1.1 502' },
  { listener: 'admin', workers: 1, answered: 'HTTP/1.1 200' },
  { listener: 'admin', workers: 2, answered: 'HTTP/1.1 200' },
];

function scene(t: Test, { listener, workers }: (typeof rows)[number]): Scene {
  const file = aFile(t, 'ifmatch.yaml', `workers: ${workers}\norigin: http://127.0.0.1:1\n`);
  const path = join(dirname(file), 'ifmatch.sock');
  const other = listener === 'listen' ? ['--admin', 'off'] : ['--listen', '127.0.0.1:0'];
  return { path, args: ['serve', '--config', file, `--${listener}`, `unix:${path}`, ...other] };
}

async function serve(t: Test, args: readonly string[]) {
  const started = startCli(t, args);
  await until(() => started.out().includes('"msg":"ready"'), 'it is ready', LONG);
  return started;
}

for (const row of rows) {
  const name = `${row.listener}, ${row.workers} workers`;
  const refusal = (path: string): string =>
    `ifmatch: ${path} is in use by another program; choose another with --listen or --admin\n`;

  t.test(`${name}: killed and started again: it listens`, async (t) => {
    const { path, args } = scene(t, row);
    for (let i = 0; i < 2; i++) {
      const { process: child, finished } = await serve(t, args);
      t.equal(await answer(path), row.answered);
      child.kill('SIGKILL');
      await finished;
      t.ok(existsSync(path), 'it left the file');
    }
  });

  t.test(`${name}: somebody answers there: refused, and they stay`, async (t) => {
    const { path, args } = scene(t, row);
    await serve(t, args);
    const { code, err } = await runCli(t, args);
    t.same([code, err], [1, refusal(path)]);
    t.equal(await answer(path), row.answered);
  });

  t.test(`${name}: a file is there: refused, and it stays`, async (t) => {
    const { args } = scene(t, row);
    const path = aFile(t, 'ifmatch.sock', 'precious');
    const { code, err } = await runCli(t, [...args, `--${row.listener}`, `unix:${path}`]);
    t.equal(code, 1);
    t.match(err, `ifmatch: ${path} is a file, not a socket; `);
    t.equal(readFileSync(path, 'utf8'), 'precious');
  });
}

t.test('an origin on a socket is named by its path', async (t) => {
  const origin = 'unix+http:/nowhere/origin.sock';
  const args = ['--origin', origin, '--listen', '127.0.0.1:0', '--admin', 'off'];
  const started = await serve(t, ['serve', ...args]);
  t.match(JSON.parse(started.out().split('\n')[0] ?? ''), { msg: 'ready', origin });
});
