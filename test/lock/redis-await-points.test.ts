// Every moment at which a request for the Redis lock waits, and everything that may happen just then: nothing is left behind.
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import type { Lease } from '../../src/lock/lock.ts';
import { IDLE, KNOWN } from '../fixtures/lock-under-test.ts';
import { CHECK, granted, queued, type ScriptedLock, scriptedLock } from '../fixtures/scripted-lock.ts';

const WAIT = 20_000;

interface Scene extends ScriptedLock {
  readonly client: AbortController;
  /** How the request stands, or the code of its refusal. */
  outcome: 'waiting' | 'granted' | ErrorCode;
  lease: Lease | undefined;
  /** The holder of the turn, where the request waits for that. */
  holder: Lease | undefined;
}

async function request(under: ScriptedLock): Promise<Scene> {
  const client = new AbortController();
  const scene: Scene = { ...under, client, outcome: 'waiting', lease: undefined, holder: undefined };
  under.lock.acquire('a', { waitMs: WAIT, signal: client.signal }).then(
    (lease) => {
      scene.lease = lease;
      scene.outcome = 'granted';
    },
    (error: unknown) => {
      if (!(error instanceof GatewayError)) throw error;
      scene.outcome = error.code;
    },
  );
  await turn();
  return scene;
}

async function answer({ queue }: Scene, reply: ReturnType<typeof queued> | ReturnType<typeof granted>) {
  queue.acquires.at(-1)?.answer(reply);
  await turn();
}

const points: Readonly<Record<string, () => Promise<Scene>>> = {
  async 'waiting for its turn'() {
    const under = scriptedLock();
    const first = await request(under);
    await answer(first, granted());
    const scene = await request(under);
    scene.holder = first.lease;
    return scene;
  },
  async asking() {
    return request(scriptedLock());
  },
  async asleep() {
    const scene = await request(scriptedLock());
    await answer(scene, queued(60_000));
    return scene;
  },
  async 'asking again'() {
    const scene = await request(scriptedLock());
    await answer(scene, queued(60_000));
    const [first] = scene.queue.acquires;
    if (first !== undefined) scene.queue.wake(first.place);
    await turn();
    return scene;
  },
};

const events: Readonly<Record<string, (scene: Scene) => void | Promise<void>>> = {
  'the client goes': ({ client }) => client.abort(),
  'the client goes, and a wake crosses it': ({ client, queue }) => {
    client.abort();
    for (const { place } of queue.acquires) queue.wake(place);
  },
  'the lock stops': ({ lock }) => void lock.stop(),
};
const codes: Readonly<Record<string, ErrorCode>> = {
  'the client goes': 'client-gone',
  'the client goes, and a wake crosses it': 'client-gone',
  'the lock stops': 'shutting-down',
};

/** What the engine says to whatever is still asked. */
const lastWords = {
  'a grant crosses it': (scene: Scene) => scene.queue.acquires.at(-1)?.answer(granted()),
  'it is queued': (scene: Scene) => scene.queue.acquires.at(-1)?.answer(queued(60_000)),
  'the engine fails': (scene: Scene) => scene.queue.acquires.at(-1)?.fail(),
};

async function nothingIsLeft(t: Test, scene: Scene): Promise<void> {
  const { lock, queue, clock, client, holder } = scene;
  const asked = new Set(queue.acquires.map(({ place }) => place.token));
  if (holder !== undefined) lock.release(holder, KNOWN);
  await lock.stop();
  t.same(new Set(queue.releases.map(({ token }) => token)), asked, 'whoever had asked has withdrawn');
  t.same(lock.state(), IDLE);
  t.equal(queue.listening, 0, 'nobody waits to be woken');
  t.equal(getEventListeners(client.signal, 'abort').length, 0, 'nobody listens to the client');
  t.equal(clock.pending, 0, 'no timer is left');
  t.equal(queue.stopped, true);
}

for (const [point, reach] of Object.entries(points)) {
  for (const [event, happen] of Object.entries(events)) {
    for (const [words, say] of Object.entries(lastWords)) {
      t.test(`${point}: ${event}, ${words}`, async (t) => {
        const scene = await reach();
        await happen(scene);
        await turn();
        say(scene);
        await turn();
        await turn();
        t.equal(scene.outcome, codes[event]);
        await nothingIsLeft(t, scene);
      });
    }
  }
}

for (const [point, reach] of Object.entries(points)) {
  t.test(`${point}: its time is over`, async (t) => {
    const scene = await reach();
    for (let ms = 0; ms <= WAIT; ms += 500) {
      await scene.clock.pass(500);
      // an engine that is asked goes on saying that it has to wait
      await answer(scene, queued(60_000));
      for (const { places, answer } of scene.queue.extends) answer(places.map(() => true));
    }
    t.equal(scene.outcome, 'lock-timeout');
    await nothingIsLeft(t, scene);
  });
}

t.test(
  'the engine fails a request: it is refused at once, and withdraws what may have been granted',
  async (t) => {
    const scene = await request(scriptedLock());
    scene.queue.acquires[0]?.fail();
    await turn();
    t.equal(scene.outcome, 'lock-engine-unavailable');
    t.same(scene.queue.releases, [{ token: 't1', quarantineMs: 0 }]);
    await nothingIsLeft(t, scene);
  },
);

t.test('what was never asked of an engine that is down is not withdrawn', async (t) => {
  const under = scriptedLock();
  under.queue.up = false;
  const scene = await request(under);
  scene.queue.acquires[0]?.fail(new Error('not connected'));
  await turn();
  t.equal(scene.outcome, 'lock-engine-unavailable');
  under.queue.up = true;
  under.lock.connected();
  await under.clock.pass(CHECK);
  t.same(under.queue.releases, []);
});

t.test('a wake that overtakes the reply is not lost', async (t) => {
  const scene = await request(scriptedLock());
  const [first] = scene.queue.acquires;
  if (first === undefined) throw new Error('was not asked');
  scene.queue.wake(first.place);
  first.answer(queued(60_000));
  await turn();
  await turn();
  t.equal(scene.queue.acquires.length, 2, 'it looks again without a pause');
  t.equal(scene.queue.acquires[1]?.place.token, first.place.token, 'as the same waiter');
  await answer(scene, granted());
  t.equal(scene.outcome, 'granted');
  t.equal(scene.record.report().wakesTotal, 1);
  t.equal(scene.record.report().pollsTotal, 0);
});

t.test('without a wake a waiter looks every second, and when the lock is to end', async (t) => {
  const scene = await request(scriptedLock());
  await answer(scene, queued(60_000));
  await scene.clock.pass(999);
  t.equal(scene.queue.acquires.length, 1);
  await scene.clock.pass(1);
  t.equal(scene.queue.acquires.length, 2);
  await answer(scene, queued(100));
  await scene.clock.pass(101);
  t.equal(scene.queue.acquires.length, 2);
  await scene.clock.pass(1);
  t.equal(scene.queue.acquires.length, 3);
  await answer(scene, queued());
  await scene.clock.pass(1_000);
  t.equal(scene.queue.acquires.length, 4);
  t.equal(scene.record.report().pollsTotal, 3);
});

t.test('where no wake would arrive a waiter looks ten times a second', async (t) => {
  const scene = await request(scriptedLock());
  scene.queue.hears = false;
  await answer(scene, queued(60_000));
  for (let looks = 2; looks < 5; looks += 1) {
    await scene.clock.pass(99);
    t.equal(scene.queue.acquires.length, looks - 1);
    await scene.clock.pass(1);
    t.equal(scene.queue.acquires.length, looks);
    await answer(scene, queued(60_000));
  }
  scene.queue.hears = true;
  await scene.clock.pass(100);
  await answer(scene, queued(60_000));
  await scene.clock.pass(999);
  t.equal(scene.queue.acquires.length, 5, 'and one that would be woken, only to be sure');
  await answer(scene, granted());
});
