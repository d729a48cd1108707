// Clients that take all file descriptors: without one no connection to the origin opens, and every write fails.

import t from 'tap';
import { askAdmin } from '../fixtures/ask-admin.ts';
import { aFile, startCli } from '../fixtures/cli.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { LONG, until } from '../fixtures/until.ts';

const FILES = 250;

t.test('idle clients are closed as they come before there is no file left for a write', async (t) => {
  const origin = await startOrigin(t);
  const yaml = `origin: { url: '${origin.url}', connections: 8 }\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\n`;
  const args = ['serve', '--config', aFile(t, 'ifmatch.yaml', yaml)];
  const started = startCli(t, args, {}, FILES);
  const lines = (): Record<string, unknown>[] =>
    started
      .out()
      .split('\n')
      .slice(0, -1)
      .map((line): Record<string, unknown> => JSON.parse(line));
  await until(() => lines().some(({ msg }) => msg === 'ready'), 'it is up', LONG);
  const [warning, ready] = lines();
  t.match(warning, {
    level: 40,
    openFiles: FILES,
    msg: /^fewer connections than limits\.connections.*ulimit -n/,
  });
  const most = Number(warning?.['connections']);
  t.ok(most > 100, 'as many as there is room for');

  const port = Number(new URL(String(ready?.['data'])).port);
  const clients = await Promise.all(Array.from({ length: 2 * FILES }, () => connect(port)));
  const open = () => clients.filter(({ socket }) => !socket.closed);
  await until(() => open().length === most, 'those too many are closed');
  const writers = open().slice(0, 20);
  for (const [at, client] of writers.entries()) client.send(bytesOf('PUT', `/doc/${at}`, [], 'new'));
  for (const client of writers) t.equal((await client.response()).status, 201);
  const adminPort = Number(new URL(String(ready?.['admin'])).port);
  t.equal((await askAdmin(adminPort, '/livez')).status, 200);
  for (const client of clients) client.close();
});
