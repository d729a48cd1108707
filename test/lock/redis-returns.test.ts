// What could not be said, or not heard, while the connection was cut: it is made good on the next one.
import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Lease, Lock } from '../../src/lock/lock.ts';
import { ask, IDLE, KNOWN, unknownFor } from '../fixtures/lock-under-test.ts';
import { type OpenedRedisLock, openRedisLock, type RedisLockSettings } from '../fixtures/redis-lock.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { type Forwarder, startForwarder } from '../fixtures/tcp-forwarder.ts';
import { until } from '../fixtures/until.ts';

const { client, port } = await startRedis(t);
/** Nobody waits for so long: a key that is free was released. */
const leaseMs = { check: 120_000, write: 240_000 };

interface Scene extends OpenedRedisLock {
  readonly net: Forwarder;
}

async function scene(
  t: Parameters<typeof startForwarder>[0],
  more: Partial<RedisLockSettings> = {},
): Promise<Scene> {
  await client.flushall();
  const net = await startForwarder(t, port);
  const opened = await openRedisLock(t, { port: net.port, leaseMs, ...more });
  return { ...opened, net };
}

const locks = () => client.keys('ifmatch:{lock}:*:l');
const isFree = async () => (await locks()).length === 0;
const isDown = ({ lock }: Scene) => until(() => !lock.engine().up, 'the engine is down');

async function cut(scene: Scene): Promise<void> {
  scene.net.refuse(true);
  scene.net.cut();
  await isDown(scene);
}

const take = (lock: Lock, key = 'a'): Promise<Lease> =>
  lock.acquire(key, { waitMs: 5_000, signal: new AbortController().signal });

async function arming(lock: Lock, lease: Lease): Promise<string> {
  try {
    await lock.arm([lease]);
    return 'armed';
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

const endings = { 'is done': KNOWN, 'is done and its short quarantine over': unknownFor(1) };
for (const [what, fate] of Object.entries(endings)) {
  t.test(`a write that ${what} while the engine cannot be asked: its key is free soon after`, async (t) => {
    const under = await scene(t);
    const lease = await take(under.lock);
    await cut(under);
    under.lock.release(lease, fate);
    t.equal((await locks()).length, 1);
    under.net.refuse(false);
    await until(isFree, 'it is released');
    t.equal(under.record.report().lostTotal.after, 0);
  });
}

t.test('a quarantine that begins while the engine cannot be asked is known to it soon after', async (t) => {
  const under = await scene(t);
  const lease = await take(under.lock);
  await cut(under);
  under.lock.release(lease, unknownFor(60_000));
  under.net.refuse(false);
  await until(async () => /^Q:/.test((await client.get((await locks())[0] ?? '')) ?? ''), 'it is said');
  const left = await client.pttl((await locks())[0] ?? '');
  t.ok(left > 50_000 && left <= 60_000, `${left} ms are left`);
});

t.test('a grant whose answer was lost leaves its key free soon after', async (t) => {
  const under = await scene(t);
  const warm = await take(under.lock, 'warm');
  under.lock.release(warm, KNOWN);
  await until(isFree, 'the scripts are known');
  under.net.deafen(true);
  const request = ask(under.lock, 'a');
  await until(async () => (await locks()).length === 1, 'it is granted');
  await cut(under);
  await request.ended;
  t.equal(request.status(), 'lock-engine-unavailable');
  under.net.deafen(false);
  under.net.refuse(false);
  await until(isFree, 'it is given back');
  t.same(under.lock.state(), IDLE);
});

t.test('what was asked in vain is not left to the kernel, to be granted to nobody later', async (t) => {
  const under = await scene(t);
  under.net.deafen(true);
  const request = ask(under.lock, 'a');
  await request.ended;
  t.equal(request.status(), 'lock-engine-unavailable');
  await until(() => under.net.resets() > 0, 'the connection is reset, not closed');
  under.net.deafen(false);
  await until(isFree, 'it is given back');
});

t.test('a release whose answer was lost is no loss of the lock', async (t) => {
  const under = await scene(t);
  const lease = await take(under.lock);
  under.lock.release(lease, KNOWN);
  const again = await take(under.lock);
  under.net.deafen(true);
  under.lock.release(again, KNOWN);
  await until(isFree, 'it is heard');
  await cut(under);
  under.net.deafen(false);
  under.net.refuse(false);
  await until(() => under.lock.engine().up, 'the engine is back');
  await under.lock.stop();
  t.same(under.record.report().lostTotal, { before_send: 0, in_flight: 0, after: 0 });
  t.same(
    under.log.filter(({ level }) => level === 'error'),
    [],
  );
});

t.test(
  'a release that the engine refuses for a while is said once more on the same connection',
  async (t) => {
    const under = await scene(t);
    const lease = await take(under.lock);
    await client.config('SET', 'min-replicas-to-write', '1');
    t.teardown(() => client.config('SET', 'min-replicas-to-write', '0'));
    under.lock.release(lease, KNOWN);
    await new Promise((resolve) => setTimeout(resolve, 100));
    t.equal((await locks()).length, 1);
    await client.config('SET', 'min-replicas-to-write', '0');
    await until(isFree, 'it is released');
  },
);

for (const down of ['local', 'open'] as const) {
  t.test(`down: ${down}, and the engine goes before the write is sent: it is sent, and marked`, async (t) => {
    const under = await scene(t, { down });
    const lease = await take(under.lock);
    t.equal(lease.unserialised, false);
    await cut(under);
    t.equal(await arming(under.lock, lease), 'armed');
    t.equal(lease.unserialised, true);
    t.equal(lease.remainingMs(), Number.POSITIVE_INFINITY);
    under.lock.release(lease, KNOWN);
    under.net.refuse(false);
    await until(isFree, 'what it held is released');
    t.same(under.record.report().lostTotal, { before_send: 0, in_flight: 0, after: 0 });
  });

  t.test(`down: ${down}: writes go on without the engine, and with it when it is back`, async (t) => {
    const under = await scene(t, { down });
    await cut(under);
    const one = await take(under.lock);
    t.equal(one.unserialised, true);
    t.equal(one.fence, undefined);
    const other = ask(under.lock, 'a', { waitMs: 100 });
    await other.ended;
    t.equal(other.status(), down === 'local' ? 'lock-timeout' : 'granted');
    t.equal(await arming(under.lock, one), 'armed');
    under.lock.release(one, unknownFor(50));
    if (down === 'open') other.release();
    under.net.refuse(false);
    await until(() => under.lock.engine().up, 'the engine is back');
    const next = await take(under.lock);
    t.equal(next.unserialised, false);
    under.lock.release(next, KNOWN);
    await under.lock.stop();
    t.same(under.lock.state(), IDLE);
  });

  t.test(
    `down: ${down}, and the lock was lost while the engine could be asked: it is not sent`,
    async (t) => {
      const under = await scene(t, { down });
      const lease = await take(under.lock);
      await client.flushall();
      t.equal(await arming(under.lock, lease), 'lock-lost-before-send');
    },
  );
}

t.test('down: closed, and the engine goes before the write is sent: it is not sent', async (t) => {
  const under = await scene(t);
  const lease = await take(under.lock);
  await cut(under);
  t.equal(await arming(under.lock, lease), 'lock-engine-unavailable');
  t.ok(lease.remainingMs() > 0, 'it is not lost');
  under.net.refuse(false);
  await until(() => under.lock.engine().up, 'the engine is back');
  t.equal(await arming(under.lock, lease), 'armed');
  under.lock.release(lease, KNOWN);
  await until(isFree, 'it is released');
});

t.test('a stop while a request is under way gives back what it is granted', async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const under = await scene(t);
    const requests = Array.from({ length: 20 }, (_, at) => ask(under.lock, `key ${at}`));
    if (round % 2 === 1) await Promise.resolve();
    await under.lock.stop();
    for (const request of requests) {
      await request.ended;
      t.equal(request.status(), 'shutting-down');
    }
    t.same(await locks(), []);
  }
});

t.test('down: local, and the lock stops: nothing is let through', async (t) => {
  const under = await scene(t, { down: 'local' });
  under.net.deafen(true);
  const request = ask(under.lock, 'a');
  const stopped = under.lock.stop();
  await cut(under);
  await request.ended;
  t.equal(request.status(), 'shutting-down');
  await stopped;
});

t.test('down: open, and the lock has stopped: nothing is let through', async (t) => {
  const under = await scene(t, { down: 'open' });
  await under.lock.stop();
  const request = ask(under.lock, 'a');
  await request.ended;
  t.equal(request.status(), 'shutting-down');
});
