// The memory lock keeps the contract, and leaves nothing behind.

import { spawnSync } from 'node:child_process';
import t from 'tap';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { lockContract } from '../fixtures/lock-contract.ts';
import { ask, IDLE, unknownFor } from '../fixtures/lock-under-test.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';

function memoryLock(queue: number, waiting = 1_000_000) {
  const clock = new ManualClock();
  const lock = new MemoryLock({ queue, waiting, clock });
  return { lock, clock, pass: (ms: number) => clock.pass(ms), writeMs: Number.POSITIVE_INFINITY };
}

t.test('contract', async (t) => {
  lockContract(t, (_, { queue }) => memoryLock(queue));
});

t.test(
  'one waiter too many over all keys is refused at once, and a free key is had all the same',
  async (t) => {
    const { lock, clock } = memoryLock(100, 2);
    const holders = ['a', 'b'].map((key) => ask(lock, key));
    const [first, second] = ['a', 'b'].map((key) => ask(lock, key));
    const refused = ask(lock, 'a');
    const free = ask(lock, 'c');
    await clock.pass(0);
    t.same([refused.status(), refused.retryAfter()], ['lock-queue-full', 1]);
    t.equal(free.status(), 'granted');
    first?.abort();
    const next = ask(lock, 'a');
    await clock.pass(0);
    t.same([second?.status(), next.status()], ['waiting', 'waiting'], 'who leaves makes room');
    for (const holder of holders) holder.release();
    await clock.pass(0);
    for (const request of [second, next, free]) request?.release();
    t.same(lock.state(), IDLE);
  },
);

t.test('20 000 keys leave nothing behind', async (t) => {
  const { lock, clock } = memoryLock(1);
  const requests = Array.from({ length: 20_000 }, (_, number) => ask(lock, `key ${number}`));
  t.same(lock.state(), { held: 20_000, waiting: 0, quarantined: 0 });
  t.equal(clock.pending, 0, 'a key without waiters has no timer');
  await clock.pass(0);
  for (const request of requests) request.release();
  t.same(lock.state(), IDLE);
});

t.test('no timer and no listener outlives its wait', async (t) => {
  const { lock, clock } = memoryLock(10);
  const client = new AbortController();
  let listeners = 0;
  const signal = client.signal;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners -= 1;
    removeEventListener.apply(signal, args);
  };
  const first = await lock.acquire('a', { waitMs: 1000, signal });
  t.equal(listeners, 0, 'a free key needs none');
  const second = lock.acquire('a', { waitMs: 1000, signal });
  const third = lock.acquire('a', { waitMs: 10, signal });
  third.catch(() => {});
  t.same([listeners, clock.pending], [2, 2]);
  lock.release(first, unknownFor(20));
  await clock.pass(30);
  await t.rejects(third, { code: 'lock-timeout' });
  lock.release(await second, unknownFor(60_000));
  t.same([listeners, clock.pending], [0, 1], 'only the quarantine is left');
  lock.stop();
  t.equal(clock.pending, 0);
});

t.test('waiters that leave in any order keep the order of the others', async (t) => {
  const { lock, clock } = memoryLock(1000);
  const served: number[] = [];
  const holder = ask(lock, 'a');
  const waiters = Array.from({ length: 1000 }, (_, number) =>
    ask(lock, 'a', { granted: () => served.push(number) }),
  );
  const stays = (number: number) => number % 7 === 3;
  for (const [number, waiter] of [...waiters.entries()].reverse()) if (!stays(number)) waiter.abort();
  await clock.pass(0);
  t.equal(lock.state().waiting, 143);
  holder.release();
  for (const [number, waiter] of waiters.entries()) {
    await waiter.ended;
    if (stays(number)) waiter.release();
  }
  t.same(served, waiters.map((_, number) => number).filter(stays));
  t.same(lock.state(), IDLE);
});

t.test('a long queue whose holders finish at once does not grow the stack', async (t) => {
  const { lock, clock } = memoryLock(20_000);
  const holder = ask(lock, 'a');
  let served = 0;
  for (let number = 0; number < 20_000; number += 1) {
    const waiter = ask(lock, 'a', {
      granted() {
        served += 1;
        queueMicrotask(() => waiter.release());
      },
    });
  }
  await clock.pass(0);
  holder.release();
  await clock.pass(0);
  t.equal(served, 20_000);
  t.same(lock.state(), IDLE);
});

t.test('neither a quarantine nor a waiter keeps the process alive', async (t) => {
  const source = new URL('../../src/lock/memory-lock.ts', import.meta.url).href;
  const script = `
    import { MemoryLock } from '${source}';
    const lock = new MemoryLock({ queue: 1, waiting: 1 });
    const options = { waitMs: 3_600_000, signal: new AbortController().signal };
    lock.release(await lock.acquire('a', options), { kind: 'unknown', quarantineMs: 3_600_000 });
    lock.acquire('a', options);
    console.log(JSON.stringify(lock.state()));
  `;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { timeout: 30_000 });
  t.equal(child.status, 0, child.stderr.toString());
  t.same(JSON.parse(child.stdout.toString()), { held: 0, waiting: 1, quarantined: 1 });
});
