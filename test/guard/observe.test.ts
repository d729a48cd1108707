// observe and warn: everything is forwarded, nothing is locked, and what enforce would have done is noted.

import t, { type Test } from 'tap';
import type { GuardedPlan } from '../../src/guard/guard.ts';
import { observe } from '../../src/guard/observe.ts';
import { fieldValue } from '../../src/semantics/fields.ts';
import { anExchange, someTools } from '../fixtures/guarded-exchange.ts';
import { IDLE } from '../fixtures/lock-under-test.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';

const CHECK: GuardedPlan = { kind: 'check', lock: true };
const V2 = ['ETag', '"v2"'];

function watch(
  t: Test,
  of: GuardedPlan,
  options: { announce?: boolean; method?: string; fields?: string[] } = {},
) {
  const { announce = false, method = 'PUT', fields = ['If-Match', '"v1"'] } = options;
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  const exchange = anExchange(method, { fields });
  return { origin, tools, exchange, answer: observe(exchange, of, announce, tools) };
}

t.test('a stale write passes, and is noted', async (t) => {
  const { origin, tools, exchange, answer } = watch(t, CHECK);
  (await origin.nth(0)).start().answer(200, V2);
  const write = await origin.nth(1);
  t.same(tools.lock.state(), IDLE, 'nothing is locked');
  write.start().answer(200, ['X', '1']);
  t.equal((await answer).status, 200);
  t.same(exchange.outcome.would, { status: 412, code: 'precondition-failed', field: 'if-match' });
  t.same((await answer).fields, ['X', '1'], 'the client is told nothing');
  t.same(origin.got(), ['HEAD', 'PUT']);
});

t.test('warn tells the client', async (t) => {
  const { origin, answer } = watch(t, CHECK, { announce: true });
  (await origin.nth(0)).start().answer(200, V2);
  (await origin.nth(1)).start().answer(200);
  t.equal(
    fieldValue((await answer).fields, 'proxy-status'),
    'ifmatch; details="would answer 412: precondition-failed if-match"',
  );
});

t.test('warn is silent where enforce would do the same', async (t) => {
  const { origin, exchange, answer } = watch(t, CHECK, { announce: true });
  (await origin.nth(0)).start().answer(200, ['ETag', '"v1"']);
  (await origin.nth(1)).start().answer(200);
  t.equal(fieldValue((await answer).fields, 'proxy-status'), undefined);
  t.notOk('would' in exchange.outcome);
});

const plans: { of: GuardedPlan; would: object | undefined }[] = [
  {
    of: { kind: 'malformed', field: 'if-match' },
    would: { status: 400, code: 'precondition-malformed', field: 'if-match' },
  },
  { of: { kind: 'demand', why: 'x' }, would: undefined },
  { of: { kind: 'locked' }, would: undefined },
];
for (const { of, would } of plans) {
  t.test(`${of.kind}: forwarded without a question`, async (t) => {
    const { origin, exchange, answer } = watch(t, of);
    (await origin.nth(0)).start().answer(201);
    t.equal((await answer).status, 201);
    t.same(exchange.outcome.would, would);
    t.same(origin.got(), ['PUT']);
  });
}

t.test('a probe that fails stops nothing', async (t) => {
  for (const [play, would] of [
    ['reset', { status: 502, code: 'probe-error' }],
    ['401', { status: 401, code: 'probe-undecided' }],
  ] as const) {
    const { origin, exchange, answer } = watch(t, CHECK);
    const probe = (await origin.nth(0)).start();
    if (play === '401') probe.answer(401);
    else probe.fail(play);
    (await origin.nth(1)).start().answer(200);
    t.equal((await answer).status, 200);
    t.same(exchange.outcome.would, would);
  }
});

t.test('a read passes whole; only a 412 is noted', async (t) => {
  const stale = watch(t, { kind: 'read' }, { method: 'GET' });
  const asked = (await stale.origin.nth(0)).start().answer(200, V2, 'x');
  t.equal((await stale.answer).status, 200);
  t.same(stale.exchange.outcome.would, { status: 412, code: 'precondition-failed', field: 'if-match' });
  t.ok(asked.request.fields.includes('If-Match'), 'it goes as it came');

  const known = watch(t, { kind: 'read' }, { method: 'GET', fields: ['If-None-Match', '"v2"'] });
  (await known.origin.nth(0)).start().answer(200, V2, 'x');
  t.equal((await known.answer).status, 200);
  t.notOk('would' in known.exchange.outcome);
});

t.test("an origin's 502 to a watched write passes as it is", async (t) => {
  const { origin, exchange, answer } = watch(t, { kind: 'locked' });
  (await origin.nth(0)).start().answer(502, ['X', '1'], 'page');
  t.same([(await answer).status, (await answer).made], [502, false]);
  t.equal(exchange.outcome.fate, 'unknown');
});

t.test('a client that goes during the question: nothing is written', async (t) => {
  const { origin, exchange, answer } = watch(t, CHECK);
  (await origin.nth(0)).start();
  exchange.leave();
  t.equal((await origin.nth(1)).start().sent, false);
  t.equal((await answer).status, 499);
});
