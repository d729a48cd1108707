// What is said to the engine after a request that failed: only what may matter there, less and less often, and not without end.
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { Refused } from '../../src/lock/redis-connection.ts';
import { ask, KNOWN, unknownFor } from '../fixtures/lock-under-test.ts';
import { CHECK, granted, queued, type ScriptedLock, scriptedLock, WRITE } from '../fixtures/scripted-lock.ts';
import { turns } from '../fixtures/until.ts';

const NO = new Refused('NOREPLICAS Not enough good replicas to write.');

async function asking({ lock, queue }: ScriptedLock, key = 'a') {
  const request = ask(lock, key);
  await turn();
  const asked = queue.acquires.at(-1);
  if (asked === undefined) throw new Error('was not asked');
  return { request, asked };
}

/** The same, granted. */
async function holding(under: ScriptedLock, reply = granted()) {
  const { request, asked } = await asking(under);
  asked.answer(reply);
  await request.ended;
  return { request, asked };
}

t.test('a request that the engine refuses leaves nothing to be said', async (t) => {
  const under = scriptedLock();
  for (let at = 0; at < 10; at += 1) {
    const { request, asked } = await asking(under, `key ${at}`);
    asked.fail(NO);
    await request.ended;
    t.equal(request.status(), 'lock-engine-unavailable');
  }
  await under.clock.pass(CHECK);
  t.same(under.queue.releases, []);
  await under.lock.stop();
});

t.test('nor does one that comes while the engine guards', async (t) => {
  const under = scriptedLock();
  const { request, asked } = await asking(under);
  asked.answer({ kind: 'guarded', restMs: 90_000 });
  await request.ended;
  t.equal(request.status(), 'lock-engine-guard');
  await under.clock.pass(CHECK);
  t.same(under.queue.releases, []);
  await under.lock.stop();
});

t.test('a request that had a place, and is refused when it looks, gives the place up', async (t) => {
  const under = scriptedLock();
  const { request, asked } = await asking(under);
  asked.answer(queued(60_000));
  await under.clock.pass(1_000);
  under.queue.acquires.at(-1)?.fail(NO);
  await request.ended;
  t.equal(request.status(), 'lock-engine-unavailable');
  t.same(under.queue.releases, [{ token: asked.place.token, quarantineMs: 0 }]);
  await under.lock.stop();
});

t.test(
  'a request that an engine at a standstill hears when it goes on, longer than a lease later: what it is granted is given back',
  async (t) => {
    const under = scriptedLock();
    const { request, asked } = await asking(under);
    under.queue.released = new Error('no answer');
    asked.fail(new Error('no answer'));
    await request.ended;
    under.queue.up = false;
    await under.clock.pass(10 * WRITE);
    const before = under.queue.releases.length;
    under.queue.up = true;
    under.queue.released = NO;
    under.lock.connected();
    t.same(under.queue.releases.slice(before), [{ token: asked.place.token, quarantineMs: 0 }]);
    await under.clock.pass(CHECK);
    const after = under.queue.releases.length;
    await under.clock.pass(10 * WRITE);
    t.equal(under.queue.releases.length, after, 'and not without end');
    await under.lock.stop();
  },
);

t.test(
  'what the engine goes on refusing is said less and less often, and at once on a new connection',
  async (t) => {
    const under = scriptedLock();
    const { request } = await holding(under);
    under.queue.released = NO;
    request.release(KNOWN);
    await turn();
    const said = () => under.queue.releases.length;
    t.equal(said(), 1);
    const pauses: number[] = [];
    for (let ms = 0, last = 1, since = 0; ms < WRITE - 500; ms += 500, since += 500) {
      await under.clock.pass(500);
      if (said() === last) continue;
      pauses.push(since);
      [last, since] = [said(), 0];
    }
    t.ok(pauses.length >= 3, `${pauses}`);
    t.ok(
      pauses.every((pause, at) => pause >= 1.5 * (pauses[at - 1] ?? 0)),
      `${pauses}`,
    );
    const before = said();
    under.lock.connected();
    t.equal(said(), before + 1);
    await under.clock.pass(WRITE);
    const after = said();
    under.lock.connected();
    t.equal(said(), after, 'when the lease has ended by itself, it is not said any longer');
    await under.lock.stop();
  },
);

const lasting = [
  { name: 'a lease for checking that is the longer one', check: 3 * WRITE, fate: KNOWN, left: 0 },
  {
    name: 'a quarantine that is longer than any lease',
    check: CHECK,
    fate: unknownFor(3 * WRITE),
    left: WRITE,
  },
];
for (const { name, check, fate, left } of lasting) {
  t.test(`${name}: its release matters to its end`, async (t) => {
    const under = scriptedLock({ check });
    const { request, asked } = await holding(under, granted(check));
    under.queue.released = new Error('no answer');
    request.release(fate);
    under.queue.up = false;
    await under.clock.pass(2 * WRITE);
    const before = under.queue.releases.length;
    under.queue.up = true;
    under.queue.released = true;
    under.lock.connected();
    t.same(under.queue.releases.slice(before), [{ token: asked.place.token, quarantineMs: left }]);
    await under.lock.stop();
  });
}

t.test('what is said once more is not said again while its answer is awaited', async (t) => {
  const under = scriptedLock();
  const { request } = await holding(under);
  under.queue.released = NO;
  request.release(KNOWN);
  await turn();
  under.queue.released = 'never';
  await under.clock.pass(1_000);
  t.equal(under.queue.releases.length, 2);
  await under.clock.pass(2_000);
  under.lock.connected();
  t.equal(under.queue.releases.length, 2);
  await under.clock.pass(WRITE);
  await under.lock.stop();
});

t.test('a lock that others knew nothing of is not found lost at its release', async (t) => {
  const under = scriptedLock({ down: 'local' });
  const acquiring = under.lock.acquire('a', { waitMs: 1_000, signal: new AbortController().signal });
  await turn();
  under.queue.acquires.at(-1)?.answer(granted());
  const lease = await acquiring;
  const arming = under.lock.arm([lease]);
  under.queue.extends.at(-1)?.fail();
  await arming;
  under.queue.released = false;
  under.lock.release(lease, KNOWN);
  await turn();
  t.equal(under.queue.releases.length, 1);
  t.same([under.record.report().lostTotal.after, under.log], [0, []]);
  await under.lock.stop();
});

t.test(
  'a stop says what waits for its time to be said again: the key is not locked for as long as its lease',
  async (t) => {
    const under = scriptedLock();
    const { request } = await holding(under);
    under.queue.released = NO;
    request.release(KNOWN);
    await under.clock.pass(2_000);
    const said = under.queue.releases.length;
    under.queue.released = true;
    await under.lock.stop();
    t.equal(under.queue.releases.length, said + 1);
  },
);

t.test('of those that failed not all are kept to be said again, however many they are', async (t) => {
  const under = scriptedLock();
  under.queue.released = new Error('no answer');
  const MANY = 12_000;
  const requests = Array.from({ length: MANY }, (_, at) => ask(under.lock, `key ${at}`));
  await turn();
  for (const { fail } of under.queue.acquires) fail(new Error('no answer'));
  await Promise.all(requests.map(({ ended }) => ended));
  await turn();
  t.equal(under.queue.releases.length, MANY, 'each is said once');
  under.lock.connected();
  t.equal(under.queue.releases.length, MANY + 10_000);
  await under.clock.pass(CHECK);
  await under.lock.stop();
});

t.test('a request without an answer is taken back until the engine has heard it', async (t) => {
  const under = scriptedLock();
  const { request, asked } = await asking(under);
  under.queue.released = NO;
  asked.fail(new Error('no answer'));
  await request.ended;
  t.equal(under.queue.releases.length, 1);
  under.queue.released = true;
  await under.clock.pass(1_000);
  const said = { token: asked.place.token, quarantineMs: 0 };
  t.same(under.queue.releases, [said, said]);
  await under.lock.stop();
});

t.test('a new connection changes nothing of how long a release matters', async (t) => {
  const under = scriptedLock();
  const { request } = await holding(under);
  under.queue.released = NO;
  request.release(KNOWN);
  await turn();
  under.lock.connected();
  const said = () => under.queue.releases.length;
  await under.clock.pass(WRITE - 1_000);
  const before = said();
  under.lock.connected();
  t.equal(said(), before + 1, 'longer than a lease for checking');
  await under.clock.pass(1_000);
  const after = said();
  under.lock.connected();
  t.equal(said(), after, 'but not for another lease');
  await under.lock.stop();
});

t.test('a stop does not wait for an engine that cannot be asked', async (t) => {
  const under = scriptedLock();
  const { request } = await holding(under);
  under.queue.released = new Error('no answer');
  request.release(KNOWN);
  under.queue.up = false;
  await turn();
  let stopped = false;
  const stopping = under.lock.stop().then(() => {
    stopped = true;
  });
  await turns();
  t.equal(stopped, true);
  await stopping;
});

t.test('a stop is over as soon as the engine has heard the last release, and not before', async (t) => {
  const under = scriptedLock();
  const { request } = await holding(under);
  const answer = Promise.withResolvers<boolean>();
  under.queue.release = () => answer.promise;
  request.release(KNOWN);
  let stopped = false;
  const stopping = under.lock.stop().then(() => {
    stopped = true;
  });
  await turns();
  t.equal(stopped, false);
  answer.resolve(true);
  await turns();
  t.equal(stopped, true);
  await stopping;
});

t.test('that an engine was away for long does not make its first refusal a long pause', async (t) => {
  const under = scriptedLock();
  const { request } = await holding(under);
  under.queue.up = false;
  under.queue.released = NO;
  request.release(KNOWN);
  await under.clock.pass(4_000);
  under.queue.up = true;
  under.lock.connected();
  await turn();
  const before = under.queue.releases.length;
  under.queue.released = true;
  await under.clock.pass(1_500);
  t.equal(under.queue.releases.length, before + 1);
  await under.lock.stop();
});

t.test(
  'a release whose answer comes when its lease has ended by itself is no loss of the lock',
  async (t) => {
    const under = scriptedLock();
    const { request } = await holding(under);
    const answer = Promise.withResolvers<boolean>();
    under.queue.release = () => answer.promise;
    request.release(KNOWN);
    await under.clock.pass(2 * WRITE);
    answer.resolve(false);
    await turn();
    t.same([under.record.report().lostTotal.after, under.log], [0, []]);
    await under.lock.stop();
  },
);

t.test('what is refused for long is never silent for more than 8 s', async (t) => {
  const long = 120_000;
  const under = scriptedLock({ check: long });
  const { request } = await holding(under, granted(long));
  under.queue.released = NO;
  request.release(KNOWN);
  await turn();
  for (let times = 1, last = 1; times < long / 8_500; times += 1) {
    await under.clock.pass(8_500);
    t.ok(under.queue.releases.length > last, `after ${times} times 8.5 s`);
    last = under.queue.releases.length;
  }
  under.queue.released = true;
  await under.lock.stop();
});

t.test('a release that could not be sent finds out, when it can, that the lock was lost', async (t) => {
  const under = scriptedLock();
  const { request } = await holding(under);
  under.queue.up = false;
  under.queue.released = new Error('not connected');
  request.release(KNOWN);
  await turn();
  under.queue.up = true;
  under.queue.released = false;
  under.lock.connected();
  await turn();
  t.same([under.record.report().lostTotal.after, under.log], [1, ['a lock was found lost at its release']]);
  await under.lock.stop();
});
