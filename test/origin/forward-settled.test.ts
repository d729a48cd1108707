// When the fate of a write is settled, how long it stays doubtful, and who takes its answer.

import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Fate } from '../../src/lock/lock.ts';
import { forwardWrite } from '../../src/origin/forward.ts';
import { collect, ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { kindOf, PUT, SETTINGS, START, U, W, write } from '../fixtures/scripted-write.ts';
import { settle } from '../fixtures/until.ts';

t.test('the quarantine is what is left of W + U since the write was sent', async (t) => {
  const origin = new ScriptedOrigin();
  const forwarded = forwardWrite(origin, PUT, SETTINGS, START);
  const asked = (await origin.nth(0)).start();
  const sentAt = asked.exchange.sentAt ?? Number.NaN;
  await settle();
  const [earliest] = [performance.now(), asked.fail('reset')];
  const fate = await (await forwarded).settled;
  if (fate.kind === 'known') throw new Error('it must be unknown');
  t.ok(fate.quarantineMs <= sentAt + W + U - earliest, 'not a whole W + U again');
  t.ok(fate.quarantineMs >= sentAt + W + U - performance.now(), 'and not less than the rest');

  const short = { ...SETTINGS, timeouts: { ...SETTINGS.timeouts, write: 0 } };
  const late = forwardWrite(origin, PUT, short, START);
  const second = (await origin.nth(1)).start();
  await settle();
  second.fail('reset');
  t.same(await (await late).settled, { kind: 'unknown', quarantineMs: U }, 'never less than U');
});

t.test('nothing known before the answer has ended', async (t) => {
  const { settled, asked } = await write((asked) => void asked.start().head(200).data('part'));
  let over = false;
  settled.then(() => {
    over = true;
  });
  await settle();
  t.equal(over, false);
  asked.end();
  t.same(await settled, { kind: 'known' });
});

t.test('an answer that dribbles holds the lock for five seconds after its head', async (t) => {
  const origin = new ScriptedOrigin();
  const forwarded = forwardWrite(origin, PUT, SETTINGS, START);
  const asked = (await origin.nth(0)).start();
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  asked.head(200);
  let fate: Fate | undefined;
  (await forwarded).settled.then((settled) => {
    fate = settled;
  });
  await turn();
  for (let i = 0; i < 4; i++) asked.data('x');
  mock.timers.tick(4999);
  await turn();
  t.equal(fate, undefined);
  mock.timers.tick(1);
  await turn();
  t.same(fate, { kind: 'known' });
  asked.end();
});

t.test('release: headers ends with the head, except where a gateway gave up', async (t) => {
  const settings = { ...SETTINGS, release: 'headers' } as const;
  const { settled, asked } = await write((asked) => void asked.start().head(200).data('part'), settings);
  t.same(await settled, { kind: 'known' });
  t.equal(asked.ending, undefined, 'the answer goes on');
  const doubtful = await write((asked) => void asked.start().head(504), settings);
  t.equal(kindOf(t, await doubtful.settled), 'unknown');
  const failed = await write((asked) => void asked.start().fail('reset'), settings);
  t.equal(kindOf(t, await failed.settled), 'unknown');
});

t.test('an answer that nobody wants is read to its end', async (t) => {
  const { answer, settled, asked } = await write(
    (asked) => void asked.start().head(200).data('x'.repeat(3_000_000)),
  );
  if (answer instanceof GatewayError) throw answer;
  t.equal(asked.paused, true);
  answer.abandon();
  t.equal(asked.paused, false, 'the origin may go on');
  asked.data('x'.repeat(3_000_000));
  t.equal(asked.paused, false);
  asked.end();
  t.same(await settled, { kind: 'known' });
});

t.test('an answer that nobody wants is given up once the fate is known: it may have no end', async (t) => {
  const settings = { ...SETTINGS, release: 'headers' } as const;
  const { answer, asked } = await write((asked) => void asked.start().head(200).data('part'), settings);
  if (answer instanceof GatewayError) throw answer;
  t.equal(asked.aborted, false);
  answer.abandon();
  await turn();
  t.equal(asked.aborted, true);
});

t.test('a reader that reads nothing leaves a megabyte to the origin, and no more', async (t) => {
  const { answer, asked } = await write(
    (asked) =>
      void asked
        .start()
        .head(200)
        .data('x'.repeat(1024 * 1024)),
  );
  if (answer instanceof GatewayError) throw answer;
  t.equal(asked.paused, false);
  asked.data('x');
  t.equal(asked.paused, true);
  const content = collect(answer.content);
  t.equal(asked.paused, false);
  asked.end();
  t.equal((await content).text.length, 1024 * 1024 + 1);
});
