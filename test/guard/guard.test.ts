// What each plan does, seen from the origin and from the lock.

import t from 'tap';
import { type GuardedPlan, guard } from '../../src/guard/guard.ts';
import { anExchange, someTools } from '../fixtures/guarded-exchange.ts';
import { IDLE, KNOWN } from '../fixtures/lock-under-test.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { settle } from '../fixtures/until.ts';

const rows: { plan: GuardedPlan; method: string; asked: readonly string[]; held: number; status: number }[] =
  [
    { plan: { kind: 'malformed', field: 'if-match' }, method: 'PUT', asked: [], held: 0, status: 400 },
    { plan: { kind: 'demand', why: 'Why.' }, method: 'PUT', asked: [], held: 0, status: 428 },
    { plan: { kind: 'locked' }, method: 'PUT', asked: ['PUT'], held: 1, status: 200 },
    { plan: { kind: 'check', lock: true }, method: 'PUT', asked: ['HEAD', 'PUT'], held: 1, status: 200 },
    {
      plan: { kind: 'check', lock: false },
      method: 'REPORT',
      asked: ['HEAD', 'REPORT'],
      held: 0,
      status: 200,
    },
    { plan: { kind: 'read' }, method: 'GET', asked: ['GET'], held: 0, status: 200 },
    {
      plan: { kind: 'observe', of: { kind: 'read' }, announce: false },
      method: 'GET',
      asked: ['GET'],
      held: 0,
      status: 200,
    },
    {
      plan: { kind: 'observe', of: { kind: 'check', lock: true }, announce: true },
      method: 'PUT',
      asked: ['HEAD', 'PUT'],
      held: 0,
      status: 200,
    },
  ];
for (const { plan, method, asked, held, status } of rows) {
  t.test(`${JSON.stringify(plan)}: ${asked.join(', ') || 'nothing'} reaches the origin`, async (t) => {
    const origin = new ScriptedOrigin();
    const tools = someTools(t, origin);
    const answer = guard(anExchange(method, { fields: ['If-Match', '"v1"'] }), plan, tools);
    for (const [i] of asked.entries()) {
      const exchange = await origin.nth(i);
      t.equal(tools.lock.state().held, held);
      exchange.start().answer(200, ['ETag', '"v1"']);
    }
    t.equal((await answer).status, status);
    t.same(origin.got(), asked);
    await tools.idle();
    t.same(tools.lock.state(), IDLE);
  });
}

for (const plan of [{ kind: 'locked' }, { kind: 'check', lock: true }] as const) {
  t.test(`${plan.kind}: for how long the lock and the probe were waited for is noted`, async (t) => {
    const origin = new ScriptedOrigin();
    const tools = someTools(t, origin);
    const exchange = anExchange('PUT', { fields: ['If-Match', '"v1"'] });
    const { signal } = new AbortController();
    const before = await tools.lock.acquire(exchange.keys[0] ?? '', { waitMs: 1, signal });
    const started = performance.now();
    const answer = guard(exchange, plan, tools);
    await settle();
    tools.lock.release(before, KNOWN);
    for (let n = 0; n < (plan.kind === 'check' ? 2 : 1); n++) {
      const asked = (await origin.nth(n)).start();
      await settle();
      asked.answer(200, ['ETag', '"v1"']);
    }
    await answer;
    const { lockMs = 0, probeMs = 0 } = exchange.outcome;
    t.ok(lockMs > 50, `the lock: ${lockMs} ms`);
    t.equal(probeMs > 50, plan.kind === 'check', `the probe: ${probeMs} ms`);
    t.ok(lockMs + probeMs < performance.now() - started - 50, 'not with the write');
    await tools.idle();
  });
}

t.test('malformed names the field and shows what was sent', async (t) => {
  const exchange = anExchange('PUT', { fields: ['If-Match', 'v1'] });
  const answer = await guard(
    exchange,
    { kind: 'malformed', field: 'if-match' },
    someTools(t, new ScriptedOrigin()),
  );
  if (!answer.made) throw new Error('it must be made here');
  t.match(JSON.parse(answer.content.toString()), { field: 'If-Match', sent: 'v1', detail: /double quotes/ });
  t.equal(exchange.outcome.code, 'precondition-malformed');
});

t.test('428 says why and how to go on', async (t) => {
  const exchange = anExchange('PUT');
  const answer = await guard(
    exchange,
    { kind: 'demand', why: 'Because.' },
    someTools(t, new ScriptedOrigin()),
  );
  if (!answer.made) throw new Error('it must be made here');
  t.match(JSON.parse(answer.content.toString()).detail, /^Because\. GET the resource.*If-Match/);
  t.equal(exchange.outcome.code, 'precondition-required');
});
