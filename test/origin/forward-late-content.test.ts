// An answer that overtakes the content settles nothing, and the quarantine of content that breaks off late counts from
// the last byte that left, not from the first.

import { Readable } from 'node:stream';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Fate } from '../../src/lock/lock.ts';
import { forwardWrite } from '../../src/origin/forward.ts';
import { openTestOrigin } from '../fixtures/origin-config.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { settle, until } from '../fixtures/until.ts';

/** Nothing speaks against the write. */
const START = () => undefined;

const W = 3000;
const U = 50;
const SETTINGS = {
  timeouts: { connect: 2000, read: 2000, write: W, uncertainty: U },
  release: 'end',
} as const;
const BROKEN_OFF = new GatewayError('client-gone', 'The client left.');

const streamed = (content: Readable) => ({ method: 'PUT', target: '/doc', fields: ['Host', 'x'], content });
const aStream = (): Readable => new Readable({ read() {} }).on('error', () => {});

/** Settles to the quarantine; fails when there is none. */
async function quarantine(t: Test, forwarded: ReturnType<typeof forwardWrite>): Promise<number> {
  const fate = await (await forwarded).settled;
  t.equal(fate.kind, 'unknown');
  return fate.kind === 'unknown' ? fate.quarantineMs : 0;
}

t.test('a scripted origin', async (t) => {
  const origin = new ScriptedOrigin();
  const forwarded = forwardWrite(origin, streamed(aStream()), SETTINGS, START);
  const asked = (await origin.nth(0)).start();
  await settle();
  const lastByte = performance.now();
  asked.exchange.contentLeft();
  asked.fail('reset');
  t.ok(
    (await quarantine(t, forwarded)) >= lastByte + W + U - performance.now(),
    'all of it, from the last byte',
  );
});

t.test('a real origin', async (t) => {
  const origin = await startRawOrigin(t, () => undefined);
  const { client } = openTestOrigin(t, origin.url);
  const content = aStream();
  const forwarded = forwardWrite(client, streamed(content), SETTINGS, START);
  content.push('begin');
  await until(() => origin.bytes().join('').includes('begin'), 'the beginning of the content');
  await settle();
  const lastByte = performance.now();
  content.push('later');
  await until(() => origin.bytes().join('').includes('later'), 'more of it');
  content.destroy(BROKEN_OFF);
  t.ok(
    (await quarantine(t, forwarded)) >= lastByte + W + U - performance.now(),
    'all of it, from the last byte',
  );
});

t.test('the five seconds that an answer may take begin when the content has gone out', async (t) => {
  const origin = new ScriptedOrigin();
  const forwarded = forwardWrite(origin, streamed(aStream()), SETTINGS, START);
  const asked = (await origin.nth(0)).start();
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  asked.head(200).data('part');
  let fate: Fate | undefined;
  (await forwarded).settled.then((settled) => {
    fate = settled;
  });
  await turn();
  mock.timers.tick(60_000);
  await turn();
  t.equal(fate, undefined, 'the upload goes on');
  asked.exchange.requestLeft();
  await turn();
  mock.timers.tick(4999);
  await turn();
  t.equal(fate, undefined, 'the answer goes on');
  mock.timers.tick(1);
  await turn();
  t.same(fate, { kind: 'known' });
  asked.end();
});
