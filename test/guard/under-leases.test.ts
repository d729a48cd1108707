// Streamed content under leases: broken off when one is lost, and its last bytes leave only under a fresh one.
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { underLeases } from '../../src/guard/under-leases.ts';
import type { Lease, Lock } from '../../src/lock/lock.ts';
import { heldForEver, noLock } from '../fixtures/no-lock.ts';
import { until } from '../fixtures/until.ts';

const NEEDED = 1_000;
/** Longer than any of this takes. */
const PATIENCE = 60_000;
const outlives = (lease: Lease) => lease.remainingMs() >= NEEDED;

/** A lease with as much time as the test says. */
function lease(key = 'a') {
  let left = 10_000;
  return {
    ...heldForEver(key),
    remainingMs: () => left,
    leave: (ms: number) => {
      left = ms;
    },
  };
}

/** A lock whose arming waits for the test. */
function armingLock() {
  const armings: PromiseWithResolvers<void>[] = [];
  const lock: Lock = {
    ...noLock(),
    arm() {
      const arming = Promise.withResolvers<void>();
      armings.push(arming);
      return arming.promise;
    },
  };
  return { lock, armings };
}

/** Content under one lease, what the origin has received of it, and how that ended. */
function scene(held: readonly ReturnType<typeof lease>[] = [lease()]) {
  const { lock, armings } = armingLock();
  const content = new PassThrough();
  const sent = underLeases(content, lock, held, outlives, PATIENCE);
  if (!(sent instanceof Readable)) throw new Error('is not streamed');
  const received: string[] = [];
  const ending = Promise.withResolvers<'ended' | Error>();
  sent.on('data', (chunk: Buffer) => received.push(chunk.toString()));
  sent.on('end', () => ending.resolve('ended'));
  sent.on('error', ending.resolve);
  const write = async (text: string) => {
    content.write(text);
    await turn();
    await turn();
  };
  return { content, sent, armings, held, received, ending: ending.promise, write };
}

const brokenOff = { code: 'write-unknown', message: /broken off before its end/ };

t.test('content that is all there, and content under leases that no time ends, stay as they are', (t) => {
  const content = [Buffer.from('abc')];
  const stream = new PassThrough();
  t.equal(underLeases(content, noLock(), [lease()], outlives, PATIENCE), content);
  t.equal(underLeases(stream, noLock(), [heldForEver('a')], outlives, PATIENCE), stream);
  t.equal(underLeases(stream, noLock(), [], outlives, PATIENCE), stream);
  t.not(
    underLeases(stream, noLock(), [heldForEver('a'), lease()], outlives, PATIENCE),
    stream,
    'one is enough',
  );
  t.end();
});

t.test('the last chunk waits until the leases are armed anew', async (t) => {
  const { content, armings, received, ending, write } = scene();
  for (const text of ['a', 'b', 'c']) await write(text);
  t.same(received, ['a', 'b'], 'the latest is held back');
  content.end();
  await until(() => armings.length === 1, 'it is armed');
  await sleep(20);
  t.same(received, ['a', 'b']);
  armings[0]?.resolve();
  t.equal(await ending, 'ended');
  t.same(received, ['a', 'b', 'c']);
  t.equal(armings.length, 1);
});

t.test(
  'an origin that stops reading before the last chunk: it is armed when its turn has come, or it would not outlive the write',
  async (t) => {
    const { content, sent, armings, received, ending, write } = scene();
    await write('a');
    await write('b');
    sent.pause();
    await write('c');
    content.end('d');
    await once(content, 'end');
    await sleep(20);
    t.same([armings.length, received], [0, ['a']]);
    sent.resume();
    await until(() => armings.length === 1, 'it is armed');
    t.same(received, ['a', 'b', 'c']);
    armings[0]?.resolve();
    t.equal(await ending, 'ended');
    t.same(received, ['a', 'b', 'c', 'd']);
  },
);

/** What comes, letter by letter; `+`: the reader takes the next chunk; `.`: a turn of the loop goes by. */
const COURSES = [
  'ab.',
  'abc.+.',
  'abc.+',
  'ab+c.d.+',
  'ab.+.+c.+d',
  'a.+++b.+.c.d+.',
  'abcd.+.+.+.',
  '+a.b.c.+',
];
for (const course of COURSES) {
  t.test(
    `a reader that takes one chunk at a time, ${course}: it is armed while he asks for more`,
    async (t) => {
      const { content, sent, armings, received, ending } = scene();
      let asks = true;
      const take = () => {
        asks = true;
        sent.resume();
      };
      sent.on('data', () => {
        asks = false;
        sent.pause();
      });
      const letters = course.replaceAll(/[+.]/g, '');
      for (const what of course) {
        if (what === '.') await turn();
        else if (what === '+') take();
        else content.write(what);
      }
      content.end();
      for (let takes = 0; armings.length === 0; takes += 1) {
        if (takes > letters.length) throw new Error('it is never armed');
        await sleep(5);
        if (armings.length === 0) take();
      }
      t.equal(asks, true);
      armings[0]?.resolve();
      await until(() => received.join('') === letters, 'he has all of it');
      take();
      t.equal(await ending, 'ended');
    },
  );
}

t.test('the last chunk leaves in the moment in which the leases were looked at', async (t) => {
  const { content, armings, held, sent, write } = scene();
  const left: string[] = [];
  const [one] = held;
  if (one === undefined) throw new Error('no lease');
  const look = one.remainingMs;
  one.remainingMs = () => {
    left.push('look');
    return look();
  };
  sent.on('data', (chunk: Buffer) => left.push(`${chunk}`));
  await write('a');
  content.end('b');
  await until(() => armings.length === 1, 'it is armed');
  left.length = 0;
  armings[0]?.resolve();
  await Promise.resolve();
  await Promise.resolve();
  t.same(left, ['look', 'b'], 'in one turn');
});

t.test('content of one chunk, and of none, waits as well', async (t) => {
  for (const text of ['only', '']) {
    const { content, armings, received, ending } = scene();
    content.end(text);
    await until(() => armings.length === 1, 'it is armed');
    t.same(received, []);
    armings[0]?.resolve();
    t.equal(await ending, 'ended');
    t.equal(received.join(''), text);
  }
});

const losses: Readonly<Record<string, (given: ReturnType<typeof scene>) => Promise<void>>> = {
  async 'a lease is lost between two chunks'({ held, write }) {
    held[0]?.leave(0);
    await write('late');
  },
  async 'the second of two leases is lost'({ held, write }) {
    held[1]?.leave(0);
    await write('late');
  },
  async 'the lock cannot be armed'({ content, armings }) {
    content.end();
    await until(() => armings.length === 1, 'it is armed');
    armings[0]?.reject(new GatewayError('lock-lost-before-send', 'gone'));
  },
  async 'the process stood still after it was armed'({ content, armings, held }) {
    content.end();
    await until(() => armings.length === 1, 'it is armed');
    held[0]?.leave(NEEDED - 1);
    armings[0]?.resolve();
  },
};
for (const [what, lose] of Object.entries(losses)) {
  t.test(`${what}: the content is broken off, and the origin sees no end`, async (t) => {
    const given = scene([lease('a'), lease('b')]);
    await given.write('first');
    await given.write('second');
    await lose(given);
    t.match(await given.ending, brokenOff);
    t.same(given.received, ['first'], 'nothing more has left');
    t.equal(given.sent.destroyed, true);
    await until(() => given.content.destroyed, 'nor is more read from the client');
  });
}

t.test('why it could not be armed is kept for the log', async (t) => {
  const { content, armings, ending } = scene();
  content.end('a');
  await until(() => armings.length === 1, 'it is armed');
  const cause = new GatewayError('lock-engine-unavailable', 'down');
  armings[0]?.reject(cause);
  t.match(await ending, { cause });
});

t.test('a client that breaks off breaks off what the origin gets', async (t) => {
  const { content, ending, received, armings, write } = scene();
  await write('a');
  await write('b');
  const error = new Error('the client has gone');
  content.destroy(error);
  t.equal(await ending, error);
  t.same(received, ['a']);
  t.equal(armings.length, 0);
});

t.test('an origin that takes no more lets the client go', async (t) => {
  const { content, sent, write } = scene();
  await write('a');
  sent.destroy();
  await until(() => content.destroyed, 'the content is let go');
  t.equal(content.destroyed, true);
});

t.test('it is let go while it is armed: nothing more is said, nothing is thrown', async (t) => {
  const { content, sent, armings, received } = scene();
  content.end('a');
  await until(() => armings.length === 1, 'it is armed');
  sent.destroy();
  armings[0]?.resolve();
  await sleep(10);
  t.same(received, []);
});

t.test('who reads slowly slows the client down, and gets every byte', async (t) => {
  const CHUNK = 64 * 1024;
  let produced = 0;
  const content = new Readable({
    highWaterMark: CHUNK,
    read() {
      produced += 1;
      this.push(produced <= 200 ? Buffer.alloc(CHUNK, produced) : null);
    },
  });
  const sent = underLeases(content, noLock(), [lease()], outlives, PATIENCE);
  if (!(sent instanceof Readable)) throw new Error('is not streamed');
  await sleep(30);
  t.ok(produced < 10, `${produced} of 200 chunks were read ahead`);
  const all = await buffer(sent);
  t.equal(all.length, 200 * CHUNK);
  for (let at = 0; at < 200; at += 1) if (all[at * CHUNK] !== at + 1) t.fail(`chunk ${at} is another`);
});

for (const size of [1, 70_000, 110_000]) {
  t.test(
    `${size} bytes that are all here and that the origin does not take: unknown after its time`,
    async (t) => {
      const content = new PassThrough({ highWaterMark: 2 * size });
      const { lock, armings } = armingLock();
      const sent = underLeases(content, lock, [lease()], outlives, 40);
      if (!(sent instanceof Readable)) throw new Error('is not streamed');
      const failed = once(sent, 'error');
      content.write('a');
      content.end(Buffer.alloc(size));
      sent.once('readable', () => {});
      const answered = setInterval(() => armings.at(-1)?.resolve(), 5);
      t.teardown(() => clearInterval(answered));
      t.match(await failed, [{ code: 'write-timeout' }]);
    },
  );
}

t.test('content that the origin takes in time is not broken off later', async (t) => {
  const content = new PassThrough();
  const sent = underLeases(content, noLock(), [lease()], outlives, 40);
  if (!(sent instanceof Readable)) throw new Error('is not streamed');
  content.write('a');
  await sleep(100); // a slow client
  content.end('b');
  t.equal((await buffer(sent)).toString(), 'ab');
  await sleep(100);
  t.equal(sent.errored, null);
});
