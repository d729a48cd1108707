// The connection for what replicas must have: waited for together, out of everybody's way, and given up when it is of no use.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Lease, Lock } from '../../src/lock/lock.ts';
import { connectionOptions } from '../../src/lock/redis-connection.ts';
import { ReplicatedWrites } from '../../src/lock/redis-replicated.ts';
import { ask, KNOWN } from '../fixtures/lock-under-test.ts';
import { startRedisLink } from '../fixtures/redis-link.ts';
import { type OpenedRedisLock, openRedisLock } from '../fixtures/redis-lock.ts';
import { startRedisPair } from '../fixtures/redis-pair.ts';
import { connectionsOf, startRedis } from '../fixtures/redis-server.ts';
import { settle, until } from '../fixtures/until.ts';

const take = (lock: Lock, key = 'a'): Promise<Lease> =>
  lock.acquire(key, { waitMs: 5_000, signal: new AbortController().signal });

/** How it went: `armed`, or the code of the refusal. */
const arming = (lock: Lock, lease: Lease): Promise<unknown> =>
  lock.arm([lease]).then(
    () => 'armed',
    (error: { readonly code: unknown }) => error.code,
  );

const waits = async (): Promise<number> =>
  Number(/cmdstat_wait:calls=([0-9]+)/.exec(await a.client.info('commandstats'))?.[1] ?? 0);

const { a, b } = await startRedisPair(t);

async function withReplica(t: Test): Promise<OpenedRedisLock> {
  await a.client.config('RESETSTAT');
  t.teardown(() => b.process.kill('SIGCONT'));
  return openRedisLock(t, { port: a.port, replicas: 1 });
}

const worksAgain = ({ lock }: OpenedRedisLock, key: string) =>
  until(async () => {
    const request = ask(lock, key, { waitMs: 0 });
    await request.ended;
    if (request.status() !== 'granted') return false;
    request.release();
    const lease = await take(lock, `${key}, armed`);
    const armed = await arming(lock, lease);
    lock.release(lease, KNOWN);
    return armed === 'armed';
  }, 'it works again');

t.test('writes that are armed together wait for the replicas together', async (t) => {
  const { lock } = await withReplica(t);
  const leases = await Promise.all(Array.from({ length: 100 }, (_, at) => take(lock, `key ${at}`)));
  t.equal(await waits(), 0);
  const armed = await Promise.all(leases.map((lease) => arming(lock, lease)));
  t.same(new Set(armed), new Set(['armed']));
  t.equal(await waits(), 2, 'those of the first, and of all others');
  t.equal((await b.client.keys('ifmatch:{lock}:*:l')).length, 100);
  for (const lease of leases) lock.release(lease, KNOWN);
});

t.test('of writes that are armed together each has its own answer', async (t) => {
  const { lock } = await withReplica(t);
  const [first, kept] = [await take(lock, 'first'), await take(lock, 'kept')];
  const others = new Set(await a.client.keys('ifmatch:{lock}:*:l'));
  const gone = await take(lock, 'gone');
  await a.client.del((await a.client.keys('ifmatch:{lock}:*:l')).filter((key) => !others.has(key)));
  const armed = [first, kept, gone].map((lease) => arming(lock, lease));
  t.same(await Promise.all(armed), ['armed', 'armed', 'lock-lost-before-send']);
  for (const lease of [first, kept, gone]) lock.release(lease, KNOWN);
});

t.test('no more replicas are waited for than must have it', async (t) => {
  const { lock } = await withReplica(t);
  const monitor = await a.client.monitor();
  t.teardown(() => monitor.disconnect());
  const waited: string[] = [];
  monitor.on('monitor', (_time, [command, replicas]: string[]) => {
    if (command?.toLowerCase() === 'wait') waited.push(String(replicas));
  });
  const lease = await take(lock);
  t.equal(await arming(lock, lease), 'armed');
  await until(() => waited.length > 0, 'it is heard');
  t.same(waited, ['1']);
  lock.release(lease, KNOWN);
});

t.test('while replicas are waited for, everything else goes on', async (t) => {
  const { lock } = await withReplica(t);
  const lease = await take(lock);
  b.process.kill('SIGSTOP');
  let armed: unknown;
  const arm = arming(lock, lease).then((how) => {
    armed = how;
  });
  for (let at = 0; at < 3; at += 1) lock.release(await take(lock, `key ${at}`), KNOWN);
  t.equal(armed, undefined, 'it still waits');
  const late = await take(lock, 'late');
  const armedLater = arming(lock, late);
  await arm;
  t.equal(armed, 'lock-engine-unavailable');
  b.process.kill('SIGCONT');
  t.equal(await armedLater, 'armed', 'who comes meanwhile waits anew');
});

t.test('the connection is ended while replicas are waited for: refused, and well soon after', async (t) => {
  const scene = await withReplica(t);
  const [first, second] = [await take(scene.lock, 'one'), await take(scene.lock, 'two')];
  t.equal(await arming(scene.lock, first), 'armed');
  b.process.kill('SIGSTOP');
  const both = [arming(scene.lock, first), arming(scene.lock, second)];
  await until(async () => (await waits()) >= 1, 'it is waited for');
  const list = String(await a.client.call('CLIENT', 'LIST'));
  const [id = ''] = /(?<=^id=)[0-9]+(?=.* cmd=wait)/m.exec(list) ?? [];
  await a.client.call('CLIENT', 'KILL', 'ID', id);
  t.same(await Promise.all(both), ['lock-engine-unavailable', 'lock-engine-unavailable']);
  b.process.kill('SIGCONT');
  await worksAgain(scene, 'three');
  t.equal(await arming(scene.lock, second), 'armed', 'nothing was lost');
});

t.test('the connection goes silent: that is found out before a writer does', async (t) => {
  const link = await startRedisLink(t, () => a.port);
  const opened = await openRedisLock(t, { port: link.port, replicas: 1 });
  await worksAgain(opened, 'one');
  link.mute('wait', false);
  await until(() => !opened.lock.engine().up, 'it is found out');
  await worksAgain(opened, 'two');
});

t.test('what a connection was asked that went silent says nothing of the next one', async (t) => {
  const link = await startRedisLink(t, () => a.port);
  const opened = await openRedisLock(t, { port: link.port, replicas: 1 });
  await worksAgain(opened, 'one');
  const lease = await take(opened.lock);
  link.mute('wait', false);
  const armed = arming(opened.lock, lease);
  const ups = () => opened.log.filter(({ message }) => message === 'the lock engine is up').length;
  await a.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  t.equal(await armed, 'lock-engine-unavailable');
  await until(() => ups() === 2, 'it is up again');
  await sleep(1_500);
  t.equal(ups(), 2, 'and stays so');
  await worksAgain(opened, 'two');
});

t.test('the server ends what is idle: the connection is not', async (t) => {
  const scene = await withReplica(t);
  await a.client.config('SET', 'timeout', '2');
  t.teardown(() => a.client.config('SET', 'timeout', '0'));
  const lease = await take(scene.lock);
  await sleep(4_500);
  t.equal(await arming(scene.lock, lease), 'armed');
  t.same(
    scene.log.filter(({ level }) => level !== 'info'),
    [],
  );
});

t.test('an address that leads to two servers is not written to, until it leads to one', async (t) => {
  const ports = [a.port, a.port];
  let then = b.port;
  const link = await startRedisLink(t, () => ports.shift() ?? then);
  const opened = await openRedisLock(t, { port: link.port, replicas: 1 });
  t.equal(opened.lock.engine().up, false);
  t.match(JSON.stringify(opened.log), /its address leads to several servers/);
  then = a.port;
  await worksAgain(opened, 'a');
});

t.test('a stop while it connects leaves no connection behind', async (t) => {
  const { client, port } = await startRedis(t);
  const before = await connectionsOf({ client });
  for (const pause of [0, 1, 2, 4, 8, 16]) {
    const started = (lock: Lock) => void sleep(pause).then(() => lock.stop());
    await openRedisLock(t, { port, replicas: 1, started });
  }
  await until(async () => (await connectionsOf({ client })) === before, 'nothing is left open');
});

/** The connection by itself, and how often its end was told. */
function makeWrites(t: Test, port: number, db = 0) {
  const lost = { count: 0 };
  const writes = new ReplicatedWrites({
    connection: connectionOptions({ address: { host: '127.0.0.1', port, tls: false, db } }),
    replicas: 1,
    onLost: () => {
      lost.count += 1;
    },
  });
  t.teardown(() => writes.close());
  return { writes, lost };
}

t.test('another database than the one that was asked for is not written to', async (t) => {
  const { client, port } = await startRedis(t);
  const { writes, lost } = makeWrites(t, port, 99);
  await t.rejects(writes.open(), /DB index is out of range/);
  await until(async () => (await connectionsOf({ client })) === 1, 'its connection is closed');
  t.equal(lost.count, 0, 'who opens it knows');
});

t.test('opened anew, while it is opened or later: nothing of the connection before is left', async (t) => {
  const { client, port } = await startRedis(t);
  const { writes, lost } = makeWrites(t, port);
  const superseded = writes.open();
  superseded.catch(() => {});
  await writes.open();
  await t.rejects(superseded);
  await writes.look();
  await writes.open();
  await settle();
  await writes.look();
  await until(async () => (await connectionsOf({ client })) === 2, 'one, and that of the test');
  t.equal(lost.count, 0);
});

t.test('its end is told at once, and again to whoever uses it before it is opened anew', async (t) => {
  const { client, port } = await startRedis(t);
  const { writes, lost } = makeWrites(t, port);
  await writes.open();
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await until(() => lost.count === 1, 'it is told');
  await t.rejects(writes.look(), { message: 'not connected' });
  await t.rejects(writes.write({ lua: 'return 1', sha: '' }, [], []), { message: 'not connected' });
  t.equal(lost.count, 3);
  await writes.open();
  await writes.look();
  t.equal(lost.count, 3);
});

t.test('what was not sent when it is closed is not sent on the next connection', async (t) => {
  const { client, port } = await startRedis(t);
  const { writes } = makeWrites(t, port);
  await writes.open();
  const script = { lua: "return redis.call('INCR', KEYS[1])", sha: '' };
  const both = [writes.write(script, ['sent'], []), writes.write(script, ['waits'], [])];
  const outcomes = Promise.allSettled(both);
  await until(async () => (await client.get('sent')) === '1', 'one is sent');
  writes.close();
  await writes.open();
  t.match(await outcomes, [{ status: 'rejected' }, { reason: { message: 'not connected' } }]);
  t.equal(await client.get('waits'), null);
});

t.test('what comes while replicas are waited for is sent in one go', async (t) => {
  const { client, port } = await startRedis(t);
  const { writes } = makeWrites(t, port);
  await writes.open();
  const script = { lua: "return redis.call('INCR', KEYS[1])", sha: '' };
  const all: Promise<unknown>[] = [];
  for (let count = 0; count < 10; count += 1) {
    all.push(writes.write(script, ['count'], []));
    await turn();
  }
  t.match(
    await Promise.all(all),
    Array.from({ length: 10 }, (_, at) => ({ reply: at + 1, replicas: 0 })),
  );
  const calls = /cmdstat_wait:calls=([0-9]+)/.exec(await client.info('commandstats'))?.[1];
  t.ok(Number(calls) < 10, `waited ${calls} times`);
});
