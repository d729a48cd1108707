// The lock of a worker: the contract of every lock, the time its leases last, and who may still wait when the line breaks.

import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Lease, Lock } from '../../src/lock/lock.ts';
import { lockContract } from '../fixtures/lock-contract.ts';
import { ask, IDLE, KNOWN } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';
import { heldForEver, noLock } from '../fixtures/no-lock.ts';
import { remoteLock, TIMEOUTS } from '../fixtures/remote-lock.ts';
import { turns } from '../fixtures/until.ts';

const { signal } = new AbortController();
const { connect, probe, write, uncertainty } = TIMEOUTS;

t.test('contract', async (t) => {
  lockContract(t, (t, { queue }) => {
    const { remote, shared, clock } = remoteLock({ auto: true, queue });
    const lock: Lock = {
      acquire: (key, options) => remote.acquire(key, options),
      arm: (leases) => remote.arm(leases),
      release: (lease, fate) => remote.release(lease, fate),
      state() {
        const { held, waiting } = remote.state();
        const state = shared.state();
        t.same({ held, waiting }, { held: state.held, waiting: state.waiting }, 'both sides count the same');
        return state;
      },
      engine: () => remote.engine(),
      async stop() {
        await Promise.all([remote.stop(), shared.stop()]);
      },
    };
    return {
      lock,
      writeMs: connect + write + uncertainty,
      async pass(ms) {
        await turns();
        await clock.pass(ms);
        await turns();
      },
    };
  });
});

/** An engine whose leases end; what it says of them is up to the test. */
function engineWith(lease: { left: number; fence?: string; unserialised?: boolean }): Lock {
  return {
    ...noLock(),
    acquire: async (key): Promise<Lease> => ({
      key,
      remainingMs: () => lease.left,
      fence: lease.fence,
      get unserialised() {
        return lease.unserialised ?? false;
      },
    }),
  };
}

t.test('what the engine says of a lease crosses', async (t) => {
  const said = { left: 700, fence: '18446744073709551617', unserialised: false };
  const { remote } = remoteLock({ auto: true, lock: engineWith(said) });
  const lease = await remote.acquire('a', { waitMs: 0, signal });
  t.equal(lease.remainingMs(), 700);
  t.equal(lease.fence, '18446744073709551617');
  t.equal(lease.unserialised, false);
  said.unserialised = true;
  await remote.arm([lease]);
  t.equal(lease.unserialised, true, 'the engine went away at the arming');
});

t.test('a lease without an end has one here: nobody holds a key for ever by being stopped', async (t) => {
  const { remote, clock } = remoteLock({ auto: true });
  const lease = await remote.acquire('a', { waitMs: 300, signal });
  t.equal(lease.remainingMs(), 300 + 2 * (connect + probe) + 2_000, 'for another key, and for the check');
  await remote.arm([lease]);
  t.equal(lease.remainingMs(), connect + write + uncertainty, 'so long it stays locked if this process dies');
  await clock.pass(connect + 1);
  t.ok(lease.remainingMs() < write + uncertainty, 'too late to begin to send');
  remote.release(lease, KNOWN);
  t.equal(lease.remainingMs(), 0);
});

t.test('time counts from before the question, not from the answer', async (t) => {
  const { remote, wire, clock } = remoteLock({ auto: false, lock: engineWith({ left: 7_000 }) });
  const asked = remote.acquire('a', { waitMs: 60_000, signal });
  await clock.pass(300);
  wire.up.deliver();
  await turn();
  await clock.pass(200);
  wire.down.deliver();
  const lease = await asked;
  t.equal(lease.remainingMs(), 6_500);
  const armed = remote.arm([lease]);
  await clock.pass(400);
  wire.up.deliver();
  await turn();
  wire.down.deliver();
  await armed;
  t.equal(lease.remainingMs(), 6_600);
});

t.test('a wait for the lock does not eat the lease', async (t) => {
  const granted = Promise.withResolvers<void>();
  const engine = engineWith({ left: 7_000 });
  const lock: Lock = {
    ...engine,
    acquire: (key, options) => granted.promise.then(() => engine.acquire(key, options)),
  };
  const { remote, clock } = remoteLock({ auto: true, lock });
  const asked = remote.acquire('a', { waitMs: 60_000, signal });
  await turns();
  await clock.pass(20_000);
  granted.resolve();
  t.equal((await asked).remainingMs(), 7_000);
});

t.test('a machine that slept: the wall clock counts where the monotonic one stood still', async (t) => {
  const { remote, clock } = remoteLock({ auto: true });
  const lease = await remote.acquire('a', { waitMs: 0, signal });
  await remote.arm([lease]);
  clock.wallStep = -3_600_000;
  t.equal(lease.remainingMs(), connect + write + uncertainty, 'set back: the monotonic clock counts');
  clock.wallStep = 5_000;
  t.equal(lease.remainingMs(), connect + write + uncertainty - 5_000);
  clock.wallStep = 3_600_000;
  t.equal(lease.remainingMs(), 0);
});

t.test('a long upload keeps its lease, and arms it anew at its end', async (t) => {
  const { remote, wire, clock, shared } = remoteLock({ auto: true });
  const lease = await remote.acquire('a', { waitMs: 0, signal });
  await remote.arm([lease]);
  for (let second = 0; second < 60; second += 1) {
    await clock.pass(1_000);
    await turns();
    t.ok(lease.remainingMs() > 0, `after ${second} s`);
    t.equal(shared.state().held, 1);
  }
  await remote.arm([lease]);
  await clock.pass(2_000);
  wire.killWorker();
  await clock.pass(connect + write + uncertainty - 2_001);
  t.equal(shared.state().quarantined, 1, 'until the last of it can have been applied');
  await clock.pass(1);
  t.same(shared.state(), IDLE);
});

t.test('a renewal that is refused ends the lease, one without an answer does not', async (t) => {
  const lease = { left: 6_000 };
  let refuse: Error | undefined;
  const engine: Lock = {
    ...engineWith(lease),
    arm: async () => {
      if (refuse !== undefined) throw refuse;
    },
  };
  const { remote, clock } = remoteLock({ auto: true, lock: engine });
  const one = await remote.acquire('a', { waitMs: 0, signal });
  await remote.arm([one]);
  refuse = new Error('a defect');
  await clock.pass(4_500);
  await turns();
  t.equal(one.remainingMs(), 1_500);
  refuse = new GatewayError('lock-lost-before-send', 'gone');
  await clock.pass(500);
  await turns();
  t.equal(one.remainingMs(), 0);
});

t.test('refusals cross with their code, their sentence, their time and what is behind them', async (t) => {
  const refuse = new GatewayError('lock-engine-guard', 'Wait.', {
    retryAfter: 7,
    cause: new Error('flushed'),
  });
  const { remote } = remoteLock({ auto: true, lock: { ...noLock(), acquire: () => Promise.reject(refuse) } });
  await t.rejects(remote.acquire('a', { waitMs: 0, signal }), {
    ...{ name: 'GatewayError', code: 'lock-engine-guard', detail: 'Wait.', retryAfter: 7, cause: 'flushed' },
  });
});

t.test('a defect there is a refusal here', async (t) => {
  const { remote } = remoteLock({
    auto: true,
    lock: { ...noLock(), acquire: () => Promise.reject(new TypeError('x is not a function')) },
  });
  const refused = await remote.acquire('a', { waitMs: 0, signal }).catch((error: unknown) => error);
  t.match(refused, { code: 'lock-engine-unavailable', cause: 'x is not a function' });
  t.notMatch(refused, { detail: /function/ });
});

t.test('leases of nobody and leases that were released cannot be armed', async (t) => {
  const { remote } = remoteLock({ auto: true });
  const lease = await remote.acquire('a', { waitMs: 0, signal });
  await t.rejects(remote.arm([lease, heldForEver('b')]), { code: 'lock-lost-before-send' });
  remote.release(lease, KNOWN);
  await t.rejects(remote.arm([lease]), { code: 'lock-lost-before-send' });
});

t.test('a process that does not answer is not waited for without end', async (t) => {
  const { remote, wire, clock, shared } = remoteLock({ auto: false });
  const asked = ask(remote, 'a', { waitMs: 1_000 });
  await clock.pass(10_000);
  t.equal(asked.status(), 'lock-engine-unavailable');
  wire.up.deliver();
  await turn();
  t.same(shared.state(), IDLE, 'what it grants afterwards is given back');

  const granted = remote.acquire('a', { waitMs: 0, signal });
  wire.up.deliver();
  await turn();
  wire.down.deliver();
  const armed = remote.arm([await granted]);
  armed.catch(() => {});
  await clock.pass(10_000);
  await t.rejects(armed, { code: 'lock-engine-unavailable' });

  const stopped = remote.stop();
  await clock.pass(10_000);
  await stopped;
});

t.test('stop ends when everything before it has been done there', async (t) => {
  const { remote, wire, shared } = remoteLock({ auto: false });
  const asked = remote.acquire('a', { waitMs: 0, signal });
  wire.up.deliver();
  await turn();
  wire.down.deliver();
  remote.release(await asked, KNOWN);
  let over = false;
  const stopped = remote.stop().then(() => {
    over = true;
  });
  await turns();
  t.equal(over, false);
  wire.up.deliver();
  await turn();
  t.same(shared.state(), IDLE);
  wire.down.deliver();
  await stopped;
});

t.test('a worker that stops refuses its waiters and newcomers; the lock itself goes on', async (t) => {
  const { remote, shared } = remoteLock({ auto: true });
  const holder = await remote.acquire('a', { waitMs: 0, signal });
  const waiter = ask(remote, 'a');
  await turns();
  await remote.stop();
  const newcomer = ask(remote, 'b');
  await turns();
  t.same([waiter.status(), newcomer.status()], ['shutting-down', 'shutting-down']);
  t.same(shared.state(), { held: 1, waiting: 0, quarantined: 0 });
  await remote.arm([holder]);
  remote.release(holder, KNOWN);
  await turns();
  t.same(shared.state(), IDLE);
});

t.test('what is no answer is none', async (t) => {
  const { remote, wire } = remoteLock({ auto: false });
  const asked = ask(remote, 'a');
  const granted = { op: 'granted', id: 1, left: 5, waitedMs: 0, unserialised: false };
  const nonsense: object[] = [
    ...[[], {}, { op: 'granted' }, { id: 1 }, { ...granted, id: '1' }, { ...granted, id: 99 }],
    ...[
      { ...granted, left: null },
      { ...granted, left: 'unlimited' },
      { ...granted, fence: 1 },
      { ...granted, unserialised: undefined },
    ],
    { op: 'refused', id: 1, code: 'toString', detail: '' },
    { op: 'armed', id: 1, leases: [{ left: null, unserialised: false }] },
  ];
  for (const message of nonsense) wire.primary.send(message);
  wire.down.deliver();
  await turn();
  t.equal(asked.status(), 'waiting');
  wire.primary.send(granted);
  wire.down.deliver();
  await turn();
  t.equal(asked.status(), 'granted');
});

t.test('of leases that are armed together each lasts as long as it was told', async (t) => {
  const lefts = new Map([
    ['a', 700],
    ['b', 900],
  ]);
  const acquire: Lock['acquire'] = async (key) => ({
    ...heldForEver(key),
    remainingMs: () => lefts.get(key) ?? 0,
  });
  const { remote } = remoteLock({ auto: true, lock: { ...noLock(), acquire } });
  const [a, b] = await Promise.all(['a', 'b'].map((key) => remote.acquire(key, { waitMs: 0, signal })));
  if (a === undefined || b === undefined) throw new Error('not granted');
  await remote.arm([b, a]);
  t.same([a.remainingMs(), b.remainingMs()], [700, 900]);
});

t.test(
  'however many writes there are, one timer looks after their leases, and none when they are done',
  async (t) => {
    const own = new ManualClock();
    const { remote } = remoteLock({ auto: true, workerClock: own });
    const leases: Lease[] = [];
    for (let at = 0; at < 10; at += 1) {
      const lease = await remote.acquire(`${at}`, { waitMs: 0, signal });
      await remote.arm([lease]);
      leases.push(lease);
    }
    t.equal(own.pending, 1);
    await own.pass(1_000);
    t.equal(own.pending, 1);
    for (const lease of leases) remote.release(lease, KNOWN);
    await own.pass(1_000);
    t.equal(own.pending, 0);
  },
);

t.test(
  'the client goes in the moment of its grant: what it was granted is held until it is released',
  async (t) => {
    const { remote, wire, shared } = remoteLock({ auto: false });
    const client = new AbortController();
    const asked = remote.acquire('a', { waitMs: 0, signal: client.signal });
    wire.up.deliver();
    await turn();
    wire.down.deliver();
    client.abort();
    const lease = await asked;
    wire.up.deliver();
    await turn();
    t.equal(shared.state().held, 1);
    t.same(getEventListeners(client.signal, 'abort'), [], 'nobody listens to it any longer');
    remote.release(lease, KNOWN);
    wire.up.deliver();
    t.same(shared.state(), IDLE);
  },
);
