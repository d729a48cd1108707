// The admin listener: alive, ready, status; read-only.

import t, { type Test } from 'tap';
import { buildAdminApp } from '../../src/admin/admin-app.ts';
import { LockRecord } from '../../src/lock/lock-record.ts';
import { askAdmin } from '../fixtures/ask-admin.ts';
import { connect, exchange } from '../fixtures/raw-client.ts';

const LOCK = {
  ...{ held: 1, waiting: 2, quarantined: 3, engine: 'redis' as const, up: false, guardMs: 1000 },
  ...new LockRecord().report(),
};

async function listening(t: Test, health: { ready: boolean }, host = '127.0.0.1') {
  const app = buildAdminApp(
    { ready: () => health.ready, lock: () => LOCK, uptime: () => 7 },
    { host, port: 0 },
  );
  t.teardown(() => app.close());
  return Number(new URL(await app.listen({ host, port: 0 })).port);
}

t.test('alive as soon as it answers, ready when it is', async (t) => {
  const health = { ready: false };
  const port = await listening(t, health);
  const rows = [
    ['/livez', 200, 200],
    ['/readyz', 503, 200],
    ['/status', 200, 200],
  ] as const;
  for (const [path, unready] of rows) t.equal((await askAdmin(port, path)).status, unready, path);
  health.ready = true;
  for (const [path, , ready] of rows) t.equal((await askAdmin(port, path)).status, ready, path);
});

t.test('what each says, in JSON that no cache keeps', async (t) => {
  const port = await listening(t, { ready: true });
  const says = {
    '/livez': { status: 'alive' },
    '/readyz': { status: 'ready', lock: LOCK },
    '/status': { ready: true, uptime: 7, lock: LOCK },
  };
  for (const [path, body] of Object.entries(says)) {
    const response = await askAdmin(port, path);
    t.same(JSON.parse(response.content), body, path);
    t.match(response.field('content-type'), /^application\/json/);
    t.equal(response.field('cache-control'), 'no-store');
    t.equal(response.field('x-content-type-options'), 'nosniff');
  }
});

t.test('nothing can be changed, and nothing else is there', async (t) => {
  const port = await listening(t, { ready: true });
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    for (const path of ['/livez', '/readyz', '/status']) {
      t.ok(
        (await exchange(port, method, path, ['Host: localhost'], '{}')).status >= 400,
        `${method} ${path}`,
      );
    }
  }
  for (const path of ['/..%2flivez', '/readyz/x', '/etc/passwd'])
    t.equal((await askAdmin(port, path)).status, 404, path);
});

t.test('a page of another site, whose name has come to mean this machine, reads nothing', async (t) => {
  const port = await listening(t, { ready: true });
  const askedAs = (host: string) => exchange(port, 'GET', '/status', [`Host: ${host}`]);
  for (const host of [
    'evil',
    'evil.test:9900',
    '127.0.0.1.evil.test',
    'localhost.evil.test',
    'x@localhost',
  ]) {
    const response = await askedAs(host);
    t.equal(response.status, 421, host);
    t.notMatch(response.content, 'uptime', host);
  }
  for (const host of ['localhost', 'LocalHost:9900', '127.0.0.1:9900', '10.1.2.3', '[::1]:9900'])
    t.equal((await askedAs(host)).status, 200, host);
  const client = await connect(port);
  t.teardown(() => client.close());
  client.send('GET /status HTTP/1.0\r\n\r\n');
  t.equal((await client.response()).status, 200, 'no Host, as health checks of HTTP/1.0');
});

t.test('whoever lets other machines ask may call it as he likes', async (t) => {
  const port = await listening(t, { ready: true }, '0.0.0.0');
  t.equal((await exchange(port, 'GET', '/status', ['Host: ifmatch.internal:9900'])).status, 200);
});
