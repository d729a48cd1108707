// ifmatch serve as a process: it starts, says so, refuses to start, and drains.

import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { askAdmin } from '../fixtures/ask-admin.ts';
import { aFile, runCli, type Started, startCli } from '../fixtures/cli.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { startServed } from '../fixtures/served.ts';
import { gate, LONG, settle, until } from '../fixtures/until.ts';

t.jobs = 2;

interface Served extends Started {
  readonly port: number;
  readonly adminPort: number;
  lines(): Record<string, unknown>[];
}

async function serve(t: Test, origin: string, yaml = ''): Promise<Served> {
  const file = aFile(t, 'ifmatch.yaml', `drain: { delay: 1ms, timeout: 10s }\n${yaml}`);
  const args = ['--config', file, '--origin', origin, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const started = startCli(t, ['serve', ...args]);
  const lines = () =>
    started
      .out()
      .split('\n')
      .filter(Boolean)
      .map((line): Record<string, unknown> => JSON.parse(line));
  await until(() => started.out().includes('\n'), 'it says something', LONG);
  const [ready] = lines();
  t.match(ready, { level: 30, msg: 'ready', origin });
  const portOf = (url: unknown) => Number(new URL(String(url)).port);
  return { ...started, lines, port: portOf(ready?.['data']), adminPort: portOf(ready?.['admin']) };
}

t.test('it serves, is ready, and a SIGTERM lets the write in flight end', async (t) => {
  const write = gate();
  const origin = await startOrigin(t, { delay: () => write.opened });
  const served = await serve(t, origin.url);
  t.equal((await askAdmin(served.adminPort, '/readyz')).status, 200);
  t.equal((await runCli(t, ['healthcheck', '--admin', `127.0.0.1:${served.adminPort}`])).code, 0);
  const client = await connect(served.port);
  client.send(bytesOf('PUT', '/doc', [], 'new'));
  await until(() => origin.seen('PUT').length === 1, 'the write arrives');
  served.process.kill('SIGTERM');
  await until(() => served.lines().some(({ msg }) => msg === 'stopping'), 'it is stopping');
  t.equal((await askAdmin(served.adminPort, '/readyz')).status, 503, 'not ready any more');
  await settle();
  t.equal(served.process.exitCode, null);
  write.open();
  t.equal((await client.response()).status, 201);
  const { code, err } = await served.finished;
  t.same([code, err], [0, '']);
  t.equal(origin.content('/doc'), 'new');
  t.equal(served.lines().at(-1)?.['msg'], 'stopped');
});

const ignored: { signal: NodeJS.Signals; workers: number; says: RegExp }[] = [
  { signal: 'SIGHUP', workers: 1, says: /restart to apply it$/ },
  { signal: 'SIGHUP', workers: 2, says: /restart to apply it$/ },
  { signal: 'SIGUSR1', workers: 1, says: /standard output$/ },
  { signal: 'SIGUSR2', workers: 2, says: /no meaning here$/ },
];
for (const { signal, workers, says } of ignored) {
  t.test(
    `${signal} amid a write, ${workers} workers: it is performed and answered, and the log says so`,
    async (t) => {
      const write = gate();
      const origin = await startOrigin(t, { delay: () => write.opened });
      const served = await startServed(t, { workers, origin: origin.url });
      const client = await connect(served.port);
      client.send(bytesOf('PUT', '/doc', [], 'new'));
      await until(() => origin.seen('PUT').length === 1, 'the write arrives');
      served.process.kill(signal);
      const said = () => served.lines().filter(({ level }) => Number(level) >= 40);
      await until(() => said().length === 1, 'a line about it');
      t.match(said(), [{ level: 40, signal, msg: says }]);
      write.open();
      t.equal((await client.response()).status, 201);
      t.equal((await askAdmin(served.adminPort, '/readyz')).status, 200);
      t.equal(served.process.exitCode, null);
      client.close();
    },
  );
}

t.test('SIGUSR1 opens no debugger, and SIGQUIT stops it', async (t) => {
  const origin = await startOrigin(t);
  const served = await startServed(t, { workers: 1, origin: origin.url });
  served.process.kill('SIGUSR1');
  await until(() => served.lines().some(({ signal }) => signal === 'SIGUSR1'), 'a line about it');
  served.process.kill('SIGQUIT');
  const { code, err } = await served.finished;
  t.same([code, err], [0, ''], 'Node would say on standard error where its debugger listens');
});

t.test('SIGINT stops it too; a second signal at once', async (t) => {
  const origin = await startOrigin(t, { delay: () => new Promise(() => {}) });
  const idle = await serve(t, origin.url);
  idle.process.kill('SIGINT');
  t.equal((await idle.finished).code, 0);

  const busy = await serve(t, origin.url);
  const client = await connect(busy.port);
  client.send(bytesOf('PUT', '/doc', [], 'new'));
  await until(() => origin.seen('PUT').length === 1, 'the write arrives');
  busy.process.kill('SIGTERM');
  await until(() => busy.lines().some(({ msg }) => msg === 'stopping'), 'it is stopping');
  busy.process.kill('SIGTERM');
  t.equal((await busy.finished).code, 1);
});

t.test('an address in use: 1, and which', async (t) => {
  const taken = net.createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => void taken.close());
  const address = taken.address();
  const place = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  for (const args of [
    ['--listen', place, '--admin', 'off'],
    ['--listen', '127.0.0.1:0', '--admin', place],
  ]) {
    const { code, out, err } = await runCli(t, ['serve', '--origin', 'http://127.0.0.1:1', ...args]);
    t.same([code, out], [1, '']);
    t.equal(err, `ifmatch: ${place} is in use by another program; choose another with --listen or --admin\n`);
  }
});

t.test('healthcheck: 1 when nobody is there, when it is off, when it is not ready', async (t) => {
  const closed = `127.0.0.1:${await closedPort()}`;
  const nobody = await runCli(t, ['healthcheck', '--admin', closed]);
  t.same([nobody.code, nobody.err], [1, `ifmatch: nothing answers on the admin listener, ${closed}\n`]);
  t.equal((await runCli(t, ['healthcheck'], { IFMATCH_ADMIN: 'off' })).code, 1);
  const unready = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
  });
  await once(unready.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => void unready.close());
  const address = unready.address();
  const place = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const { code, err } = await runCli(t, ['healthcheck', '--admin', place]);
  t.same([code, err], [1, `ifmatch: the admin listener, ${place}, says: not ready\n`]);
});

t.test(
  'healthcheck asks where the running one listens, whatever else the file and the variables say',
  async (t) => {
    const origin = await startOrigin(t);
    const served = await serve(t, origin.url);
    const admin = `127.0.0.1:${served.adminPort}`;
    for (const [name, text, variables] of [
      ['no origin in the file: it was given with --origin', `admin: ${admin}\n`, {}],
      [
        'edited since',
        `admin: ${admin}\norigin: http://legacy:3000\nroutes: [{ path: x }]\nlock: none\n`,
        {},
      ],
      ['empty variables', `admin: ${admin}\n`, { IFMATCH_ADMIN: '', IFMATCH_ORIGIN: '' }],
    ] as const) {
      const file = aFile(t, 'ifmatch.yaml', text);
      const { code, err } = await runCli(t, ['healthcheck'], { IFMATCH_CONFIG: file, ...variables });
      t.same([code, err], [0, ''], name);
    }
    const { code } = await runCli(t, ['healthcheck', '--admin', admin], { IFMATCH_CONFIG: '' });
    t.equal(code, 0, 'an empty IFMATCH_CONFIG');
    for (const text of ['admin: nonsense\n', 'origin: x\nadmin: $' + '{NONE}\n', 'admin: [\n', '- admin\n']) {
      const file = aFile(t, 'ifmatch.yaml', text);
      const { code, err } = await runCli(t, ['healthcheck', '--config', file]);
      t.equal(code, 1);
      t.match(err, `${file}:`, 'where');
      t.equal(err.match(/ifmatch\.yaml/g)?.length, 1, 'and nothing else');
    }
  },
);

t.test('the log level is that of IFMATCH_LOG', async (t) => {
  const started = startCli(
    t,
    ['serve', '--origin', 'http://127.0.0.1:1', '--listen', '127.0.0.1:0', '--admin', 'off'],
    {
      IFMATCH_LOG: 'silent',
    },
  );
  await settle();
  while (started.process.exitCode === null && started.process.signalCode === null) {
    started.process.kill('SIGINT');
    await settle();
  }
  t.equal((await started.finished).out, '');
});
