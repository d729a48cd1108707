// The content of a conditional write: read before the lock is taken, and not before a verdict where it is large or withheld.

import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { checkFirst, checkUnlocked } from '../../src/guard/check-first.ts';
import { aContent, anExchange, type ExchangeOptions, someTools } from '../fixtures/guarded-exchange.ts';
import { IDLE } from '../fixtures/lock-under-test.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const CURRENT = ['ETag', '"v1"'];

async function scene(t: Test, options: ExchangeOptions = {}) {
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  const exchange = anExchange('PUT', { fields: ['If-Match', '"v1"'], ...options });
  /** The code of a refusal, or the status passed. */
  const run = (): Promise<string | number> =>
    checkFirst(exchange, tools).then(
      (made) => (made.made ? (exchange.outcome.code ?? made.status) : made.status),
      (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
    );
  return { origin, tools, exchange, run };
}

t.test('content that breaks off before the lock: its own error, no lock, no question', async (t) => {
  for (const code of ['content-timeout', 'content-too-large', 'client-gone'] as const) {
    const before = Promise.reject(new GatewayError(code, 'x'));
    const { origin, tools, run } = await scene(t, { content: aContent(Buffer.from('x'), { before }) });
    t.equal(await run(), code);
    t.same(tools.lock.state(), IDLE);
    t.same(origin.asked, []);
  }
});

t.test('small content is read before the lock is taken', async (t) => {
  const sent = gate();
  const { origin, tools, run } = await scene(t, {
    content: aContent(Buffer.from('x'), { before: sent.opened }),
  });
  const told = run();
  await settle();
  t.same(tools.lock.state(), IDLE);
  sent.open();
  (await origin.nth(0)).start().answer(200, CURRENT);
  (await origin.nth(1)).start().answer(200);
  t.equal(await told, 200);
});

const early = [
  { name: 'withheld', content: () => aContent(Buffer.from('x'), { withheld: true }) },
  { name: 'announced as large', content: () => aContent(Readable.from(['x']), { length: 5000 }) },
];
for (const { name, content } of early) {
  t.test(`content that is ${name}: refused before it is read, asked again under the lock`, async (t) => {
    const stale = await scene(t, { content: content() });
    const refused = stale.run();
    (await stale.origin.nth(0)).start().answer(200, ['ETag', '"v2"']);
    t.equal(await refused, 'precondition-failed');
    t.match(stale.exchange.content, { reads: 0 });

    const { origin, tools, exchange, run } = await scene(t, { content: content() });
    const told = run();
    const first = await origin.nth(0);
    t.same(tools.lock.state(), IDLE, 'the first verdict takes no lock');
    first.start().answer(200, CURRENT);
    const second = await origin.nth(1);
    t.equal(tools.lock.state().held, 1);
    t.match(exchange.content, { reads: 1 });
    second.start().answer(200, CURRENT);
    (await origin.nth(2)).start().answer(200);
    t.equal(await told, 200);
    t.same(origin.got(), ['HEAD', 'HEAD', 'PUT']);
    await tools.idle();
  });
}

t.test(
  'content that turns out to be large: a verdict without the lock, and its stream is let go when refused',
  async (t) => {
    const stream = Readable.from(['x']);
    const { origin, tools, run } = await scene(t, { content: aContent(stream, { length: undefined }) });
    const told = run();
    (await origin.nth(0)).start().answer(200, ['ETag', '"v2"']);
    t.equal(await told, 'precondition-failed');
    t.equal(stream.destroyed, true);
    t.same(tools.lock.state(), IDLE);
  },
);

t.test('a stream that was admitted, and is refused when it is asked again, is let go', async (t) => {
  for (const check of [checkFirst, checkUnlocked]) {
    const stream = Readable.from(['x']);
    const { origin, tools, exchange } = await scene(t, { content: aContent(stream, { length: undefined }) });
    const answer = check(exchange, tools);
    (await origin.nth(0)).start().answer(200, CURRENT);
    (await origin.nth(1)).start().answer(200, ['ETag', '"v2"']);
    t.equal((await answer).status, 412, check.name);
    t.equal(stream.destroyed, true);
    t.same(origin.got(), ['HEAD', 'HEAD']);
    t.same(tools.lock.state(), IDLE);
  }
});

t.test('a stream whose write does not get the lock is let go', async (t) => {
  const stream = Readable.from(['x']);
  const { origin, tools, exchange } = await scene(t, { content: aContent(stream, { length: undefined }) });
  const { signal } = new AbortController();
  await tools.lock.acquire(exchange.keys[0] ?? '', { waitMs: 1, signal });
  const answer = checkFirst(exchange, tools);
  (await origin.nth(0)).start().answer(200, CURRENT);
  await until(() => tools.lock.state().waiting === 1, 'it waits for the lock');
  exchange.leave();
  await t.rejects(answer, { code: 'client-gone' });
  t.equal(stream.destroyed, true);
  t.same(origin.got(), ['HEAD']);
});

t.test('the content of a safe method is refused before it is read, too', async (t) => {
  for (const { name, content } of early) {
    const { origin, tools, exchange } = await scene(t, { content: content() });
    const answer = checkUnlocked(exchange, tools);
    (await origin.nth(0)).start().answer(200, ['ETag', '"v2"']);
    t.equal((await answer).status, 412, name);
    t.match(exchange.content, { reads: 0 });
    t.same(origin.got(), ['HEAD']);
  }
});
