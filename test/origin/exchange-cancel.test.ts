// An exchange that we end, or may not start, and content whose source breaks.

import { Readable } from 'node:stream';
import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { OriginFailure } from '../../src/origin/failure.ts';
import { failure, HALF, OK, openExchanges } from '../fixtures/origin-exchanges.ts';
import { collect } from '../fixtures/scripted-origin.ts';
import { settle, until } from '../fixtures/until.ts';

t.test('cancel before it is sent: nothing ever leaves', async (t) => {
  const { origin, send } = await openExchanges(t, () => OK);
  const exchange = send();
  exchange.cancel();
  t.same(await failure(t, exchange), { kind: 'cancelled', sent: false });
  await settle();
  t.same(origin.requests, []);
});

t.test('cancel after it is sent, and after the head: the connection is given up', async (t) => {
  for (const answer of [undefined, HALF]) {
    const { origin, send } = await openExchanges(t, () => answer);
    const exchange = send();
    if (answer === undefined) await until(() => origin.requests.length === 1, 'it arrives');
    else await exchange.head;
    const { socket } = origin.requests[0] ?? {};
    // a reset is an error to once()
    const closed = new Promise((resolve) => socket?.once('close', resolve));
    exchange.cancel();
    exchange.cancel();
    const ending = await exchange.ended;
    t.ok(ending instanceof OriginFailure && ending.kind === 'cancelled' && ending.sent);
    await closed;
    t.equal((await collect(exchange.content)).end, 'cut');
  }
});

t.test('cancel after the end changes nothing', async (t) => {
  const { send } = await openExchanges(t, () => OK);
  const exchange = send();
  const content = await collect(exchange.content);
  exchange.cancel();
  t.equal(await exchange.ended, 'complete');
  t.same(content, { text: 'ok', end: 'complete' });
});

t.test('refuseStart is asked when a connection is there, and its error sends nothing', async (t) => {
  const { origin, send } = await openExchanges(t, () => OK);
  for (const content of [[Buffer.from('hi')], Readable.from(['a', 'b'])]) {
    let asked = 0;
    const refusal = new GatewayError('lock-lost-before-send', 'Nothing was sent.');
    const refuseStart = () => (++asked > 1 ? undefined : refusal);
    const exchange = send({ content }, { refuseStart });
    t.equal(asked, 0);
    t.same(await failure(t, exchange), { kind: 'cancelled', sent: false });
    t.match(await exchange.ended, { cause: refusal }, 'its cause says why');
    t.equal(asked, 1);
    if (content instanceof Readable) t.ok(content.destroyed, 'its content is let go');
  }
  await settle();
  t.same(origin.requests, []);
  t.equal((await send().head).status, 200, 'the next one is sent');
});

t.test('streamed content whose source breaks: the origin sees no end of it', async (t) => {
  const { origin, send } = await openExchanges(t, () => OK);
  const content = new Readable({ read() {} });
  content.push('part');
  const exchange = send({ content });
  await until(() => origin.bytes().join('').includes('part'), 'a part arrives');
  content.destroy(new GatewayError('content-timeout', 'late'));
  t.same(await failure(t, exchange), { kind: 'content', sent: true });
  const ending = await exchange.ended;
  t.match(ending, { cause: { code: 'content-timeout' } }, 'the cause says why');
  await settle();
  t.notMatch(origin.bytes().join(''), /\r\n0\r\n\r\n/);
  t.same(origin.requests, []);
});

t.test('the deadline of the head runs from the last byte of streamed content', async (t) => {
  const { origin, send } = await openExchanges(t, () => undefined);
  const content = new Readable({ read() {} });
  content.push('part');
  const exchange = send({ content }, { deadlines: { start: 5000, head: 40 } });
  await until(() => origin.bytes().join('').includes('part'), 'a part arrives');
  const first = exchange.sentAt ?? 0;
  await settle();
  content.push('rest');
  content.push(null);
  t.same(await failure(t, exchange), { kind: 'timeout', sent: true });
  t.equal(origin.requests.length, 1, 'all of it arrived');
  t.ok((exchange.sentAt ?? 0) > first);
});
