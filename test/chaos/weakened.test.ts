// Each weakness takes away its own rule and no other.

import t from 'tap';
import type { Lease } from '../../src/lock/lock.ts';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { ask, IDLE, KNOWN, unknownFor } from '../fixtures/lock-under-test.ts';
import { settle } from '../fixtures/until.ts';
import { BoastfulLock, FickleLock, ForgetfulLock, isWeakness, mustBreak } from './weakened.ts';

const memory = () => new MemoryLock({ queue: 100, waiting: 100 });
const options = (signal = new AbortController().signal) => ({ waitMs: 1000, signal });

t.test('R1: a lease that has ended still says that it lasts; arming it tells the truth', async (t) => {
  class Ended extends MemoryLock {
    override async acquire(key: string, of: ReturnType<typeof options>): Promise<Lease> {
      const lease = await super.acquire(key, of);
      return Object.assign(lease, { remainingMs: () => 0 });
    }
  }
  const real = new Ended({ queue: 100, waiting: 100 });
  const lock = new BoastfulLock(real);
  const lease = await lock.acquire('k', options());
  t.equal(lease.remainingMs(), Number.POSITIVE_INFINITY);
  await lock.arm([lease]);
  lock.release(lease, KNOWN);
  t.same(lock.state(), IDLE);
  await t.rejects(lock.arm([lease]), { code: 'lock-lost-before-send' });
});

t.test('R2: a write of unknown fate frees its key; known ones do as ever', async (t) => {
  const lock = new ForgetfulLock(memory());
  lock.release(await lock.acquire('k', options()), unknownFor(60_000));
  t.same(lock.state(), IDLE);
  lock.release(await lock.acquire('k', options()), KNOWN);
  t.same(lock.state(), IDLE);
});

t.test('R3: a client that goes frees the key of its write, once it was armed, and not before', async (t) => {
  const lock = new FickleLock(memory());
  const client = new AbortController();
  const lease = await lock.acquire('k', options(client.signal));
  const next = ask(lock, 'k');
  await settle();
  t.equal(next.status(), 'waiting');
  await lock.arm([lease]);
  t.equal(next.status(), 'waiting');
  client.abort();
  await settle();
  t.equal(next.status(), 'granted');
  lock.release(lease, KNOWN);
  t.equal(lock.state().held, 1, 'its own release finds nothing');
  next.release();

  const early = new AbortController();
  const unarmed = await lock.acquire('k', options(early.signal));
  early.abort();
  t.equal(lock.state().held, 1);
  lock.release(unarmed, KNOWN);
});

t.test('names', async (t) => {
  t.ok(isWeakness('R4'));
  t.notOk(isWeakness(''));
  t.notOk(mustBreak(undefined));
  t.notOk(mustBreak('short'));
  t.ok(mustBreak('R1'));
});
