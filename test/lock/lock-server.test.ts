// The lock of all workers: what becomes of a request or a holding when its client, its worker or the lock itself goes, at any moment.

import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Clock } from '../../src/lock/clock.ts';
import type { Fate, Lease, Lock } from '../../src/lock/lock.ts';
import { LockServer } from '../../src/lock/lock-server.ts';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { RemoteLock } from '../../src/lock/remote-lock.ts';
import { ask, IDLE, KNOWN, type Request, unknownFor } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';
import { remoteLock, TIMEOUTS } from '../fixtures/remote-lock.ts';
import { turns } from '../fixtures/until.ts';
import { Wire } from '../fixtures/wire.ts';

const { connect, probe, write, uncertainty } = TIMEOUTS;
const WRITE = connect + write + uncertainty;
/** For how long a writer waits for key `a`. */
const WAIT = 60_000;
/** What a holding may take at most without a word of its worker: before it is armed, and from then on. */
const UNARMED_LIMIT = WAIT + 2 * (connect + probe) + 2_000;
const ARMED_LIMIT = WRITE + 1_000;

/** The lock in memory, armed as the test wants it. */
function armedBy(memory: MemoryLock, arm: Lock['arm']): Lock {
  return {
    acquire: (key, options) => memory.acquire(key, options),
    arm,
    release: (lease, fate) => memory.release(lease, fate),
    state: () => memory.state(),
    engine: () => memory.engine(),
    stop: () => memory.stop(),
  };
}

/** A writer of key `a` that is taken step by step; each step ends where something is waited for. */
function writer() {
  const clock = new ManualClock();
  const memory = new MemoryLock({ queue: 100, waiting: 100, clock });
  const arming = Promise.withResolvers<void>();
  let slowArm = false;
  const lock = armedBy(memory, async (leases) => {
    if (slowArm) await arming.promise;
    await memory.arm(leases);
  });
  let stopped = false;
  const overdue: (() => void)[] = [];
  const workerClock: Clock = {
    now: () => clock.now(),
    wall: () => clock.wall(),
    after: (ms, run) => clock.after(ms, () => (stopped ? void overdue.push(run) : run())),
  };
  const scene = remoteLock({ auto: false, lock, clock, workerClock });
  const { remote, wire } = scene;
  const client = new AbortController();
  let lease: Lease | undefined;
  let first: Request | undefined;
  let armed: Promise<void> = Promise.resolve();
  const outcome = { acquire: 'waiting', arm: 'waiting' };
  const ofError = (error: unknown): string =>
    error instanceof Error && 'code' in error ? String(error.code) : 'other';
  const leaseOf = (): Lease => {
    if (lease === undefined) throw new Error('not granted');
    return lease;
  };

  const STEPS = {
    async 'the request is on its way'() {
      remote.acquire('a', { waitMs: WAIT, signal: client.signal }).then(
        (granted) => {
          lease = granted;
          outcome.acquire = 'granted';
        },
        (error: unknown) => {
          outcome.acquire = ofError(error);
        },
      );
    },
    async 'it waits behind another'() {
      first = ask(memory, 'a');
      await turn();
      await STEPS['the request is on its way']();
      wire.up.deliver();
    },
    async 'the grant is on its way'() {
      await STEPS['the request is on its way']();
      wire.up.deliver();
      await turn();
    },
    async 'the grant after a wait is on its way'() {
      await STEPS['it waits behind another']();
      first?.release();
      await turn();
    },
    async 'it holds'() {
      await STEPS['the grant is on its way']();
      wire.down.deliver();
      await turn();
    },
    async 'arming is on its way'() {
      await STEPS['it holds']();
      armed = remote.arm([leaseOf()]);
      armed.then(
        () => {
          outcome.arm = 'armed';
        },
        (error: unknown) => {
          outcome.arm = ofError(error);
        },
      );
    },
    async 'the engine is arming'() {
      slowArm = true;
      await STEPS['arming is on its way']();
      wire.up.deliver();
      await turn();
    },
    async 'the armed answer is on its way'() {
      await STEPS['arming is on its way']();
      wire.up.deliver();
      await turn();
    },
    async 'it writes'() {
      await STEPS['the armed answer is on its way']();
      wire.down.deliver();
      await turn();
    },
    async 'the release is on its way'() {
      await STEPS['it writes']();
      remote.release(leaseOf(), KNOWN);
    },
    async 'the release of an unknown fate is on its way'() {
      await STEPS['it writes']();
      remote.release(leaseOf(), unknownFor(700));
    },
  };
  const everythingArrives = async (): Promise<void> => {
    arming.resolve();
    for (let round = 0; round < 4; round += 1) {
      await turn();
      wire.up.deliver();
      await turn();
      wire.down.deliver();
    }
  };
  /** What it had sent arrives; it reads nothing, and its timers do not fire. */
  const stop = (): void => {
    stopped = true;
    wire.up.deliver();
  };
  const resume = async (first: 'its timers' | 'what was sent to it'): Promise<void> => {
    stopped = false;
    const timers = (): void => {
      for (const run of overdue.splice(0)) run();
    };
    if (first === 'its timers') timers();
    await everythingArrives();
    timers();
    await everythingArrives();
  };
  const theirs = { everythingArrives, stop, resume, first: () => first };
  return { ...scene, memory, client, outcome, STEPS, leaseOf, ...theirs };
}

type Step = keyof ReturnType<typeof writer>['STEPS'];

/** What has become of key `a`: free, held, or quarantined for so many milliseconds. */
async function keyIs(t: Test, scene: ReturnType<typeof writer>, expected: 'free' | 'held' | number) {
  const { memory, clock } = scene;
  scene.first()?.release();
  await turn();
  const { held, quarantined } = memory.state();
  if (expected === 'free') t.same({ held, quarantined }, { held: 0, quarantined: 0 }, 'the key is free');
  if (expected === 'held') t.same({ held, quarantined }, { held: 1, quarantined: 0 }, 'the key is held');
  if (typeof expected !== 'number') return;
  t.same({ held, quarantined }, { held: 0, quarantined: 1 }, 'the key is quarantined');
  const next = ask(memory, 'a');
  await clock.pass(expected - 1);
  t.equal(next.status(), 'waiting');
  await clock.pass(1);
  t.equal(next.status(), 'granted', `after ${expected} ms`);
}

/** step: what the client's going leaves of the request and of the key. */
const ABORTED: Record<Step, readonly [acquire: string, key: 'free' | 'held' | number]> = {
  'the request is on its way': ['client-gone', 'free'],
  'it waits behind another': ['client-gone', 'free'],
  'the grant is on its way': ['client-gone', 'free'],
  'the grant after a wait is on its way': ['client-gone', 'free'],
  'it holds': ['granted', 'held'],
  'arming is on its way': ['granted', 'held'],
  'the engine is arming': ['granted', 'held'],
  'the armed answer is on its way': ['granted', 'held'],
  'it writes': ['granted', 'held'],
  'the release is on its way': ['granted', 'free'],
  'the release of an unknown fate is on its way': ['granted', 700],
};

/** step: the key after the worker was killed. What was armed may have been sent. */
const KILLED: Record<Step, 'free' | number> = {
  'the request is on its way': 'free',
  'it waits behind another': 'free',
  'the grant is on its way': 'free',
  'the grant after a wait is on its way': 'free',
  'it holds': 'free',
  'arming is on its way': 'free',
  'the engine is arming': 'free',
  'the armed answer is on its way': WRITE,
  'it writes': WRITE,
  'the release is on its way': 'free',
  'the release of an unknown fate is on its way': 700,
};

/** step: when key `a` passes to the next after the worker was stopped, which it may be for ever. */
const STOPPED: Record<Step, number> = {
  'the request is on its way': UNARMED_LIMIT,
  'it waits behind another': UNARMED_LIMIT,
  'the grant is on its way': UNARMED_LIMIT,
  'the grant after a wait is on its way': UNARMED_LIMIT,
  'it holds': UNARMED_LIMIT,
  'arming is on its way': ARMED_LIMIT,
  'the engine is arming': UNARMED_LIMIT,
  'the armed answer is on its way': ARMED_LIMIT,
  'it writes': ARMED_LIMIT,
  'the release is on its way': 0,
  'the release of an unknown fate is on its way': 700,
};

/** step: what the worker is told when the primary was killed. */
const ORPHANED: Record<Step, readonly [acquire: string, arm: string]> = {
  'the request is on its way': ['lock-engine-unavailable', 'waiting'],
  'it waits behind another': ['lock-engine-unavailable', 'waiting'],
  'the grant is on its way': ['granted', 'waiting'],
  'the grant after a wait is on its way': ['granted', 'waiting'],
  'it holds': ['granted', 'waiting'],
  'arming is on its way': ['granted', 'lock-engine-unavailable'],
  'the engine is arming': ['granted', 'lock-engine-unavailable'],
  'the armed answer is on its way': ['granted', 'armed'],
  'it writes': ['granted', 'armed'],
  'the release is on its way': ['granted', 'armed'],
  'the release of an unknown fate is on its way': ['granted', 'armed'],
};

const steps = Object.keys(ABORTED).filter((step): step is Step => step in KILLED);

for (const step of steps) {
  t.test(`${step}: the client goes`, async (t) => {
    const scene = writer();
    await scene.STEPS[step]();
    scene.client.abort();
    await scene.everythingArrives();
    const [acquire, key] = ABORTED[step];
    t.equal(scene.outcome.acquire, acquire);
    await keyIs(t, scene, key);
    t.equal(scene.memory.state().waiting, 0);
    if (acquire === 'client-gone') t.equal(scene.clock.pending, 0, 'nothing is left behind');
  });

  t.test(`${step}: the worker is killed`, async (t) => {
    const scene = writer();
    await scene.STEPS[step]();
    scene.wire.killWorker();
    await scene.everythingArrives();
    await keyIs(t, scene, KILLED[step]);
    t.equal(scene.memory.state().waiting, 0, 'nobody waits in its name');
    t.same(scene.said.length, KILLED[step] === WRITE ? 1 : 0, 'it says so when writes were under way');
  });

  for (const first of ['its timers', 'what was sent to it'] as const) {
    t.test(`${step}: the worker is stopped, and comes back to ${first}`, async (t) => {
      const scene = writer();
      const { memory, clock, remote, outcome } = scene;
      await scene.STEPS[step]();
      scene.stop();
      await turn();
      scene.first()?.release();
      await turn();
      const next = ask(memory, 'a', { waitMs: 1_000_000 });
      await turn();
      if (STOPPED[step] > 0) {
        await clock.pass(STOPPED[step] - 1);
        t.equal(next.status(), 'waiting');
        await clock.pass(1);
      }
      t.equal(next.status(), 'granted', `after ${STOPPED[step]} ms`);
      t.same(memory.state(), { held: 1, waiting: 0, quarantined: 0 });
      const ranOut = STOPPED[step] === UNARMED_LIMIT || STOPPED[step] === ARMED_LIMIT;
      t.equal(scene.said.length, ranOut ? 1 : 0, 'it says so when a holding ran out');
      await scene.resume(first);
      if (outcome.acquire === 'granted') {
        const lease = scene.leaseOf();
        t.notOk(outcome.arm === 'armed' && lease.remainingMs() > 0, 'it sends nothing');
        const armed = remote.arm([lease]);
        armed.catch(() => {});
        await scene.everythingArrives();
        await t.rejects(armed, { code: 'lock-lost-before-send' });
        remote.release(lease, unknownFor(5_000));
        await scene.everythingArrives();
      }
      t.same(remote.state(), IDLE);
      t.same(memory.state(), { held: 1, waiting: 0, quarantined: 0 }, 'the next is not disturbed');
    });
  }

  t.test(`${step}: the primary is killed`, async (t) => {
    const scene = writer();
    const { remote, outcome, wire } = scene;
    await scene.STEPS[step]();
    wire.killPrimary();
    await turns();
    const [acquire, arm] = ORPHANED[step];
    t.same(outcome, { acquire, arm });
    if (acquire === 'granted') {
      const lease = scene.leaseOf();
      t.equal(lease.remainingMs(), 0, 'what was not sent must not be sent');
      await t.rejects(remote.arm([lease]), { code: /^lock-(engine-unavailable|lost-before-send)$/ });
      remote.release(lease, KNOWN);
    }
    t.same(remote.state(), IDLE);
    t.equal(remote.engine().up, false);
    t.equal(ask(remote, 'b').status(), 'waiting');
    await t.rejects(remote.acquire('b', { waitMs: 0, signal: scene.client.signal }), {
      code: 'lock-engine-unavailable',
    });
    await remote.stop();
  });
}

t.test('the quarantine shrinks with the time since the arming, down to the uncertainty', async (t) => {
  for (const [after, expected] of [
    [0, WRITE],
    [4_000, WRITE - 4_000],
    [WRITE - uncertainty + 1, uncertainty],
  ] as const) {
    const scene = writer();
    await scene.STEPS['it writes']();
    await scene.clock.pass(after);
    scene.wire.killWorker();
    await keyIs(t, scene, expected);
  }
});

t.test(
  'of several keys the armed ones stay locked, and those of other workers are not touched',
  async (t) => {
    const { remote, wire, shared, worker } = remoteLock({ auto: true });
    const other = worker();
    const { signal } = new AbortController();
    const take = (lock: Lock, key: string) => lock.acquire(key, { waitMs: 0, signal });
    const [a, b] = [await take(remote, 'a'), await take(remote, 'b')];
    await take(remote, 'c');
    const d = await take(other.remote, 'd');
    await remote.arm([a, b]);
    await other.remote.arm([d]);
    const [onC, onD] = [ask(other.remote, 'c'), ask(remote, 'd')];
    await turns();
    wire.killWorker();
    await turns();
    t.equal(onC.status(), 'granted', 'it was not armed');
    t.equal(onD.status(), 'waiting');
    t.same(shared.state(), { held: 2, waiting: 0, quarantined: 2 });
    other.remote.release(d, KNOWN);
    await turns();
    t.same(shared.state(), { held: 1, waiting: 0, quarantined: 2 }, 'the dead do not get their turn');
  },
);

t.test(
  'a holding that runs out while the engine answers is not armed, nor is another beside it',
  async (t) => {
    const clock = new ManualClock();
    const memory = new MemoryLock({ queue: 100, waiting: 100, clock });
    const answer = Promise.withResolvers<void>();
    const lock = armedBy(memory, async (leases) => {
      await memory.arm(leases);
      await answer.promise;
    });
    const { remote } = remoteLock({ auto: true, lock, clock });
    const options = { waitMs: 0, signal: new AbortController().signal };
    const a = await remote.acquire('a', options);
    await clock.pass(1_000);
    const b = await remote.acquire('b', options);
    await clock.pass(UNARMED_LIMIT - WAIT - 1_500);
    const armed = remote.arm([a, b]);
    armed.catch(() => {});
    await clock.pass(1_000);
    t.equal(ask(memory, 'b').status(), 'waiting');
    const next = ask(memory, 'a');
    await turns();
    t.equal(next.status(), 'granted');
    answer.resolve();
    await t.rejects(armed, { code: 'lock-lost-before-send' });
  },
);

t.test('what comes of a worker that is gone is too late', async (t) => {
  const { wire, shared, clock } = remoteLock({ auto: false });
  wire.killWorker();
  wire.up.send({ op: 'acquire', id: 1, key: 'a', waitMs: 0 });
  wire.up.deliver();
  await turns();
  t.same(shared.state(), IDLE, 'nobody could end that holding');
  t.equal(clock.pending, 0);
});

t.test('a lease can be armed and released by its own worker only', async (t) => {
  const { remote, shared, worker } = remoteLock({ auto: true });
  const other = worker();
  const { signal } = new AbortController();
  const lease = await remote.acquire('a', { waitMs: 0, signal });
  await t.rejects(other.remote.arm([lease]), { code: 'lock-lost-before-send' });
  other.remote.release(lease, KNOWN);
  other.wire.worker.send({ op: 'release', id: 1, fate: KNOWN });
  other.wire.worker.send({ op: 'abort', id: 1 });
  await turns();
  t.equal(shared.state().held, 1);
  const third = worker();
  const own = await third.remote.acquire('b', { waitMs: 0, signal });
  for (const leases of [[lease], [own, lease]]) {
    await t.rejects(third.remote.arm(leases), { code: 'lock-lost-before-send' }, 'their ids are the same');
  }
  await third.remote.arm([own]);
});

t.test('what is no request changes nothing, and is said', async (t) => {
  const { remote, wire, shared, said } = remoteLock({ auto: true });
  await remote.acquire('a', { waitMs: 0, signal: new AbortController().signal });
  const nonsense: object[] = [
    ...[
      {},
      [],
      { op: 'release' },
      { op: 'release', id: 1 },
      { op: 'release', id: 1, fate: { kind: 'unknown' } },
    ],
    ...[
      { op: 'acquire', id: 2, key: 7, waitMs: 0 },
      { op: 'acquire', id: 2, key: 'b', waitMs: null },
    ],
    ...[
      { op: 'arm', id: 2, leases: 1 },
      { op: 'arm', id: 2, leases: ['1'] },
      { op: 'abort', id: 1.5 },
    ],
  ];
  for (const message of nonsense) wire.worker.send(message);
  await turns();
  t.same(shared.state(), { held: 1, waiting: 0, quarantined: 0 });
  t.equal(said.length, nonsense.length);
});

t.test(
  'only what was armed is of unknown fate, and a holding that ran out is said with its key',
  async (t) => {
    const clock = new ManualClock();
    const memory = new MemoryLock({ queue: 100, waiting: 100, clock });
    const fates: Record<string, Fate['kind']> = {};
    const said: object[] = [];
    const say = (fields: object) => void said.push(fields);
    const server = new LockServer({
      lock: {
        ...armedBy(memory, (leases) => memory.arm(leases)),
        release(lease, fate) {
          fates[lease.key] = fate.kind;
          memory.release(lease, fate);
        },
      },
      timeouts: TIMEOUTS,
      log: { info: say, warn: say, error: say },
      clock,
    });
    const wire = new Wire({ auto: true });
    server.serve(wire.primary);
    /** Its time stands still: it renews nothing. */
    const remote = new RemoteLock({ port: wire.worker, engine: 'memory', clock: new ManualClock() });
    const take = (key: string) => remote.acquire(key, { waitMs: 0, signal: new AbortController().signal });
    await take('checked');
    await remote.arm([await take('written')]);
    await clock.pass(ARMED_LIMIT);
    t.same(fates, { checked: 'known', written: 'unknown' });
    t.same(said, [
      { key: 'checked', armed: false },
      { key: 'written', armed: true },
    ]);
    await take('held');
    take('asked for').catch(() => {});
    wire.killWorker();
    await turns();
    t.same(fates, { checked: 'known', written: 'unknown', held: 'known', 'asked for': 'known' });
  },
);
