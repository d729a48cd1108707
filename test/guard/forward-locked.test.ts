// A write without a condition: it takes its turn, and nothing that the client does changes what was sent.

import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { forwardLocked } from '../../src/guard/forward-locked.ts';
import { aContent, anExchange, someTools } from '../fixtures/guarded-exchange.ts';
import { IDLE, KNOWN } from '../fixtures/lock-under-test.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { settle } from '../fixtures/until.ts';

const never = new AbortController().signal;

t.test('two writes of one resource take turns; one of another resource does not wait', async (t) => {
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  const first = forwardLocked(anExchange('PUT'), tools);
  const write = (await origin.nth(0)).start();
  const second = forwardLocked(anExchange('DELETE'), tools);
  const other = forwardLocked(anExchange('POST', { target: '/other' }), tools);
  await settle();
  t.same(tools.lock.state(), { held: 2, waiting: 1, quarantined: 0 });
  t.same(
    origin.asked.map(({ request }) => request.method),
    ['PUT', 'POST'],
  );
  write.head(200);
  t.equal((await first).status, 200);
  await settle();
  t.equal(origin.asked.length, 2, 'the turn ends with the end of the answer');
  write.end();
  (await origin.nth(1)).start().answer(201);
  (await origin.nth(2)).start().answer(204);
  t.same([(await other).status, (await second).status], [201, 204]);
  await tools.idle();
});

t.test('a client that goes while it waits is never served', async (t) => {
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  const exchange = anExchange('PUT');
  const lease = await tools.lock.acquire(exchange.keys[0] ?? '', { waitMs: 1, signal: never });
  const answer = forwardLocked(exchange, tools);
  await settle();
  exchange.leave();
  await t.rejects(answer, { code: 'client-gone' });
  tools.lock.release(lease, KNOWN);
  await settle();
  t.same(origin.asked, []);
  t.same(tools.lock.state(), IDLE);
});

t.test('a client that goes before the first byte leaves: nothing is sent', async (t) => {
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  const exchange = anExchange('PUT');
  const answer = forwardLocked(exchange, tools);
  const write = await origin.nth(0);
  exchange.leave();
  t.equal(write.start().sent, false);
  t.equal((await answer).status, 499);
  await tools.idle();
});

t.test('a write of unknown fate keeps the next one waiting', async (t) => {
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  const answer = forwardLocked(anExchange('PUT'), tools);
  (await origin.nth(0)).start().fail('reset');
  t.equal((await answer).status, 502);
  const next = forwardLocked(anExchange('PUT'), tools);
  await settle();
  t.same(tools.lock.state(), { held: 0, waiting: 1, quarantined: 1 });
  t.equal(origin.asked.length, 1);
  tools.lock.stop();
  await t.rejects(next, { code: 'shutting-down' });
});

t.test('content that breaks off takes no lock', async (t) => {
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  const before = Promise.reject(new GatewayError('content-timeout', 'late'));
  const exchange = anExchange('PUT', { content: aContent(Buffer.from('x'), { before }) });
  await t.rejects(forwardLocked(exchange, tools), { code: 'content-timeout' });
  t.same(tools.lock.state(), IDLE);
});

t.test('content is sent as it is, with the length that the client announced', async (t) => {
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  forwardLocked(anExchange('PUT', { content: aContent(Buffer.from('x')) }), tools);
  forwardLocked(anExchange('DELETE', { target: '/2', content: aContent(Buffer.alloc(0)) }), tools);
  const [put, del] = [await origin.nth(0), await origin.nth(1)];
  t.same([String(put.request.content), del.request.content], ['x', []]);
  t.same([put.request.target, del.request.target], ['/doc', '/2']);
  for (const write of [put, del]) write.start().answer(204);
  await tools.idle();
});
