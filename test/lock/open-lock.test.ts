// From a configuration to a lock: what refuses to start, what starts and waits, TLS, and how long leases are.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openLog } from '../../src/app/log.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { LockRecord } from '../../src/lock/lock-record.ts';
import { leasesFor, openLock } from '../../src/lock/open-lock.ts';
import { type Running, start } from '../../src/start.ts';
import { makeCertificates } from '../fixtures/certificates.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { startRedisPair } from '../fixtures/redis-pair.ts';
import { connectionsOf, startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

type Line = Readonly<Record<string, unknown>>;

function configure(lock: string): Config {
  const text = `listen: 127.0.0.1:8080\nadmin: 127.0.0.1:8081\norigin: http://127.0.0.1:9\nlock: ${lock}\n`;
  const loaded = loadConfig({ text, env: {}, flags: {} });
  if ('faults' in loaded) throw new Error(loaded.faults.map(({ message }) => message).join('\n'));
  const listen = { host: '127.0.0.1', port: 0 };
  return { ...loaded.config, listen, admin: listen, drain: { delay: 0, timeout: 1_000 } };
}

function logTo(lines: Line[]) {
  return openLog('debug', { write: (line) => lines.push(JSON.parse(line)) });
}

async function running(t: Test, lock: string): Promise<{ running: Running; lines: Line[] }> {
  const lines: Line[] = [];
  const started = await start(configure(lock), logTo(lines));
  t.teardown(() => started.stop());
  return { running: started, lines };
}

const redisAt = (port: number, more = '') =>
  `{ engine: redis, url: "redis://127.0.0.1:${port}", guard: off${more} }`;
const isReady = async ({ admin }: Running) => (await fetch(`${admin}/readyz`)).status === 200;
const isLive = async ({ admin }: Running) => (await fetch(`${admin}/livez`)).status === 200;

for (const policy of ['allkeys-lru', 'volatile-ttl']) {
  t.test(
    `an engine that would evict locks (${policy}) refuses to start, and says what to change`,
    async (t) => {
      const redis = await startRedis(t, ['--maxmemory', '100mb', '--maxmemory-policy', policy]);
      const wanted = {
        message: `maxmemory-policy of the lock engine is ${policy}: it would evict locks; set it to noeviction`,
      };
      await t.rejects(start(configure(redisAt(redis.port)), logTo([])), wanted);
      await until(async () => (await connectionsOf(redis)) === 1, 'nothing is left open');
    },
  );
}

t.test('an engine that becomes unfit is given up, and taken again when it is fit', async (t) => {
  const redis = await startRedis(t, ['--maxmemory', '100mb']);
  const { lines } = await running(t, redisAt(redis.port));
  await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const told = (text: string) => lines.filter((line) => JSON.stringify(line).includes(text)).length;
  await until(() => told('it would evict locks') === 1, 'it is given up');
  await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
  await until(() => told('the lock engine is up') === 2, 'it is taken again');
});

t.test('an engine that is not there: it starts, and is ready once the engine came', async (t) => {
  const redis = await startRedis(t);
  await redis.kill();
  const { running: gateway } = await running(t, redisAt(redis.port));
  t.equal(await isLive(gateway), true);
  t.equal(await isReady(gateway), false);
  await redis.restart();
  await until(() => isReady(gateway), 'it is ready');
  await redis.kill();
  t.equal(await isReady(gateway), true, 'reads must not suffer later on');
});

t.test('the memory engine is there at once', async (t) => {
  const lock = await openLock(configure('memory'), logTo([]).events, new LockRecord());
  t.same(lock.engine(), { engine: 'memory', up: true, guardMs: 0 });
  await lock.stop();
});

t.test('a guard that is off is said at the start', async (t) => {
  const redis = await startRedis(t);
  const { lines } = await running(t, redisAt(redis.port));
  t.match(
    lines.filter(({ level }) => level === 40),
    [{ msg: /lock\.guard is off/ }],
  );
});

t.test('a file that was there for the check, and then no more, refuses to start', async (t) => {
  const config = configure('{ engine: redis, url: "rediss://127.0.0.1:1" }');
  const gone: Config = { ...config, lock: { ...config.lock, ca: '/no/such/file.pem' } };
  await t.rejects(openLock(gone, logTo([]).events, new LockRecord()), { code: 'ENOENT' });
});

t.test('leases outlive what they are for', (t) => {
  const timeouts = { connect: 3_000, probe: 5_000, read: 1, write: 30_000, uncertainty: 15_000 };
  t.same(leasesFor(timeouts), { check: 18_000, write: 49_000 });
  t.end();
});

t.test('how long the guard is: the write lease and some more, and with replicas their lag', async (t) => {
  for (const [replicated, guardMs] of [
    [false, 51_000],
    [true, 61_000],
  ] as const) {
    const redis = replicated ? (await startRedisPair(t)).b : await startRedis(t);
    await redis.client.replicaof('NO', 'ONE');
    const lock = `{ engine: redis, url: "redis://127.0.0.1:${redis.port}" }`;
    const opened = await openLock(configure(lock), logTo([]).events, new LockRecord());
    t.teardown(() => opened.stop());
    await until(() => opened.engine().guardMs > 0, 'it has begun');
    const rest = opened.engine().guardMs;
    t.ok(rest > guardMs - 3_000 && rest <= guardMs, `${rest} ms of ${guardMs}`);
  }
});

t.test('an engine behind a Unix socket keeps the locks, and no other that listens', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'ifmatch-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const socket = join(dir, 'redis.sock');
  const redis = await startRedis(t, ['--unixsocket', socket]);
  const lock = await openLock(
    configure(`{ engine: redis, url: "redis+unix:${socket}", guard: off }`),
    logTo([]).events,
    new LockRecord(),
  );
  t.teardown(() => lock.stop());
  await until(() => lock.engine().up, 'it is up');
  const lease = await lock.acquire('a', { waitMs: 0, signal: new AbortController().signal });
  t.equal((await redis.client.keys('ifmatch:{lock}:*:l')).length, 1);
  lock.release(lease, { kind: 'known' });
});

t.test('TLS', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'ifmatch-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const [good, other] = [makeCertificates(dir, 'good'), makeCertificates(dir, 'other')];
  const port = await closedPort();
  const tls = ['--tls-cert-file', good.cert, '--tls-key-file', good.key, '--tls-ca-cert-file', good.ca];
  await startRedis(t, ['--tls-port', `${port}`, '--tls-auth-clients', 'yes', ...tls]);
  const url = `url: "rediss://127.0.0.1:${port}", guard: off`;
  const mine = `cert: ${good.cert}, key: ${good.key}`;
  const rows: Readonly<Record<string, readonly [string, RegExp | undefined]>> = {
    'the authority and a certificate that it has signed': [
      `{ engine: redis, ${url}, ca: ${good.ca}, ${mine} }`,
      undefined,
    ],
    'the wrong authority': [
      `{ engine: redis, ${url}, ca: ${other.ca}, ${mine} }`,
      /^[A-Z_]*(?:VERIFY|SELF_SIGNED|CERT)[A-Z_]*$/,
    ],
    'no authority of its own': [
      `{ engine: redis, ${url}, ${mine} }`,
      /^[A-Z_]*(?:VERIFY|SELF_SIGNED|CERT)[A-Z_]*$/,
    ],
    'no certificate': [`{ engine: redis, ${url}, ca: ${good.ca} }`, /./],
    "somebody else's certificate": [
      `{ engine: redis, ${url}, ca: ${good.ca}, cert: ${other.cert}, key: ${other.key} }`,
      /./,
    ],
    'no TLS': [`{ engine: redis, url: "redis://127.0.0.1:${port}", guard: off }`, /./],
  };
  for (const [what, [lock, reason]] of Object.entries(rows)) {
    await t.test(`${what}: ${reason === undefined ? 'up' : 'not up, and it is said why'}`, async (t) => {
      const lines: Line[] = [];
      const opened = await openLock(configure(lock), logTo(lines).events, new LockRecord());
      t.teardown(() => opened.stop());
      if (reason === undefined) {
        await until(() => opened.engine().up, 'it is up');
        return;
      }
      const reasons = () => lines.map(({ reason }) => String(reason)).filter((text) => text !== 'undefined');
      await until(() => reasons().length > 0, 'it is said');
      t.match(reasons()[0], reason);
      t.equal(opened.engine().up, false);
      t.notMatch(JSON.stringify(lines), /127\.0\.0\.1/);
    });
  }
});
