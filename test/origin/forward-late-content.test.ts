// The quarantine of a write whose content breaks off late counts from the last byte that left, not from the first.

import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { forwardWrite } from '../../src/origin/forward.ts';
import { openTestOrigin } from '../fixtures/origin-config.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const W = 3000;
const U = 50;
const SETTINGS = { timeouts: { connect: 2000, read: 2000, write: W, uncertainty: U }, release: 'end' } as const;
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
  const forwarded = forwardWrite(origin, streamed(aStream()), SETTINGS, () => true);
  const asked = (await origin.nth(0)).start();
  await settle();
  const lastByte = performance.now();
  asked.exchange.onBodySent();
  asked.fail('UND_ERR_SOCKET');
  t.ok((await quarantine(t, forwarded)) >= lastByte + W + U - performance.now(), 'all of it, from the last byte');
});

t.test('a real origin', async (t) => {
  const origin = await startRawOrigin(t, () => undefined);
  const { client } = openTestOrigin(t, origin.url);
  const content = aStream();
  const forwarded = forwardWrite(client, streamed(content), SETTINGS, () => true);
  content.push('begin');
  await until(() => origin.bytes().join('').includes('begin'), 'the begin of the content');
  await settle();
  const lastByte = performance.now();
  content.push('later');
  await until(() => origin.bytes().join('').includes('later'), 'more of it');
  content.destroy(BROKEN_OFF);
  t.ok((await quarantine(t, forwarded)) >= lastByte + W + U - performance.now(), 'all of it, from the last byte');
});
