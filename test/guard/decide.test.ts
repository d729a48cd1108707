// Probe and evaluate: whether a method may be performed, what the refusal says, and what is noted.

import t, { type Test } from 'tap';
import { decide } from '../../src/guard/decide.ts';
import { anExchange, type ExchangeOptions, someTools } from '../fixtures/guarded-exchange.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';

const DATE = 'Thu, 01 Jan 2026 00:00:00 GMT';
const LATER = 'Fri, 02 Jan 2026 00:00:00 GMT';

async function decided(
  t: Test,
  status: number,
  shown: readonly string[],
  options: ExchangeOptions,
  method = 'PUT',
) {
  const origin = new ScriptedOrigin();
  const exchange = anExchange(method, { route: { probe: 'head' }, ...options });
  const answer = decide(exchange, someTools(t, origin));
  const asked = (await origin.nth(0)).start().answer(status, shown);
  return { refusal: await answer, outcome: exchange.outcome, asked };
}

const rows: {
  name: string;
  status?: number;
  shown?: readonly string[];
  fields: readonly string[];
  route?: ExchangeOptions['route'];
  code?: string;
  outcome: object;
}[] = [
  {
    name: 'a condition that holds',
    shown: ['ETag', '"v1"'],
    fields: ['If-Match', '"v1"'],
    outcome: { verdict: 'perform' },
  },
  {
    name: 'If-Match that is false',
    shown: ['ETag', '"v2"'],
    fields: ['If-Match', '"v1"'],
    code: 'precondition-failed',
    outcome: { verdict: 'failed', field: 'if-match' },
  },
  {
    name: 'If-Match on what is absent',
    status: 404,
    fields: ['If-Match', '*'],
    code: 'precondition-failed',
    outcome: { verdict: 'failed', field: 'if-match' },
  },
  {
    name: 'If-None-Match: * on what exists',
    shown: ['ETag', '"v1"'],
    fields: ['If-None-Match', '*'],
    code: 'precondition-failed',
    outcome: { verdict: 'failed', field: 'if-none-match' },
  },
  {
    name: 'a date alone that holds is noted',
    shown: ['Last-Modified', DATE],
    fields: ['If-Unmodified-Since', LATER],
    outcome: { verdict: 'perform', dateOnly: true },
  },
  {
    name: 'a date that must be ignored, enforce',
    shown: [],
    fields: ['If-Unmodified-Since', LATER],
    outcome: { verdict: 'ignored' },
  },
  {
    name: 'a condition that holds, require',
    shown: ['ETag', '"v1"'],
    fields: ['If-Match', '"v1"'],
    route: { mode: 'require', probe: 'head' },
    outcome: { verdict: 'perform' },
  },
  {
    name: 'a date that must be ignored, require',
    shown: [],
    fields: ['If-Unmodified-Since', LATER],
    route: { mode: 'require', probe: 'head' },
    code: 'precondition-required',
    outcome: { verdict: 'ignored' },
  },
  {
    name: 'a date that must be ignored, require for other methods',
    shown: [],
    fields: ['If-Unmodified-Since', LATER],
    route: { mode: 'require', probe: 'head', methods: ['DELETE'] },
    outcome: { verdict: 'ignored' },
  },
  {
    name: 'a weak tag',
    shown: ['ETag', 'W/"v1"'],
    fields: ['If-Match', 'W/"v1"'],
    code: 'precondition-failed',
    outcome: { verdict: 'failed' },
  },
  {
    name: 'a weak tag, weak: accept',
    shown: ['ETag', 'W/"v1"'],
    fields: ['If-Match', 'W/"v1"'],
    route: { weak: 'accept', probe: 'head' },
    outcome: { verdict: 'perform' },
  },
  {
    name: 'an origin that cannot tell',
    status: 500,
    fields: ['If-Match', '"v1"'],
    code: 'probe-error',
    outcome: { verdict: 'undecided' },
  },
  {
    name: 'an origin that cannot tell, undecided: forward',
    status: 500,
    fields: ['If-Match', '"v1"'],
    route: { undecided: 'forward', probe: 'head' },
    outcome: { verdict: 'undecided', unguarded: true },
  },
];
for (const { name, status = 200, shown = [], fields, route, code, outcome } of rows) {
  t.test(`${name}: ${code ?? 'performed'}`, async (t) => {
    const options = route === undefined ? { fields } : { fields, route };
    const { refusal, outcome: noted } = await decided(t, status, shown, options);
    t.equal(refusal?.error.code, code);
    t.match(noted, outcome);
    for (const key of ['dateOnly', 'unguarded', 'field'] as const) {
      if (!(key in outcome) && code !== 'precondition-failed') t.notOk(key in noted, `${key} is not noted`);
    }
    t.type(noted.probeMs, 'number');
  });
}

t.test('the probe asks for the resource, as this client', async (t) => {
  const fields = ['If-Match', '"v1"', 'Cookie', 'c', 'Content-Type', 'text/plain'];
  const { asked } = await decided(t, 200, ['ETag', '"v1"'], {
    fields,
    target: '/orders/1/approve',
    resource: '/orders/1',
  });
  t.equal(asked.request.target, '/orders/1');
  t.same(asked.request.fields, ['Host', 'x', 'Cookie', 'c', 'Cache-Control', 'no-cache']);
});

t.test('a status for the client comes with what it needs to act on it', async (t) => {
  const shown = ['WWW-Authenticate', 'Basic', 'ETag', '"page"'];
  const { refusal } = await decided(t, 401, shown, { fields: ['If-Match', '"v1"'] });
  t.equal(refusal?.context.status, 401);
  t.ok(refusal?.context.shown?.includes('www-authenticate'));
  t.notOk(refusal?.context.shown?.includes('etag'), 'not the tag of an error page');
});

t.test(
  'a 412 shows the current validators, and not the tag of a page that says there is nothing',
  async (t) => {
    const stale = await decided(t, 200, ['ETag', '"v2"'], { fields: ['If-Match', '"v1"'] });
    t.same(stale.refusal?.context.shown, ['etag', 'last-modified']);
    const absent = await decided(t, 404, ['ETag', '"page"'], { fields: ['If-Match', '"v1"'] });
    t.same(absent.refusal?.context.shown, []);
  },
);

t.test('undecided: forward is not for clients that have gone', async (t) => {
  const origin = new ScriptedOrigin();
  const exchange = anExchange('PUT', { fields: ['If-Match', '"v1"'], route: { undecided: 'forward' } });
  const answer = decide(exchange, someTools(t, origin));
  (await origin.nth(0)).start();
  exchange.leave();
  t.equal((await answer)?.error.code, 'client-gone');
  t.notOk('unguarded' in exchange.outcome);
});

t.test('the details say what to do next', async (t) => {
  const absent = await decided(t, 404, [], { fields: ['If-Match', '"v1"'] });
  t.match(absent.refusal?.error.detail, /does not exist.*If-None-Match: \*/);
  const exists = await decided(t, 200, ['ETag', '"v1"'], { fields: ['If-None-Match', '*'] });
  t.match(exists.refusal?.error.detail, /exists already.*If-Match/);
  const stale = await decided(t, 200, ['ETag', '"v2"'], { fields: ['If-Match', '"v1"'] });
  t.match(stale.refusal?.error.detail, /GET the current version/);
  const known = await decided(t, 200, ['ETag', '"v1"'], { fields: ['If-None-Match', '"v1"'] });
  t.match(known.refusal?.error.detail, /^If-None-Match is false.*GET the current version/);
  const both = ['If-Match', '"v1"', 'If-None-Match', '*'];
  const first = await decided(t, 200, ['ETag', '"v2"'], { fields: both });
  t.match(first.refusal?.error.detail, /^If-Match is false.*GET the current version/);
  const ignored = ['If-Unmodified-Since', LATER];
  const demanded = await decided(t, 200, [], { fields: ignored, route: { mode: 'require', probe: 'head' } });
  t.match(demanded.refusal?.error.detail, /must be ignored because.*no modification date.*If-Match/);
  const nothing = await decided(t, 404, [], { fields: ignored, route: { mode: 'require', probe: 'head' } });
  t.match(nothing.refusal?.error.detail, /must be ignored because.*does not exist.*If-None-Match: \*/);
});

t.test('a client whose If-Match can never be true is not sent to GET and try again, for ever', async (t) => {
  const dated = ['Last-Modified', DATE];
  const rows: [shown: string[], why: RegExp][] = [
    [[], /: the resource exists, but it has no ETag\. The same request fails again\.$/],
    [['ETag', 'W/"v1"'], /but its ETag is weak\. The same request fails again\.$/],
    [['ETag', 'v1'], /but its ETag is not one entity-tag\. The same request fails again\.$/],
    [['ETag', '"v1"', 'ETag', '"v2"'], /but its ETag is not one entity-tag\./],
    [['ETag', 'W/"v1"', ...dated], /weak\. Send If-Unmodified-Since with its Last-Modified instead\.$/],
    [dated, /no ETag\. Send If-Unmodified-Since with its Last-Modified instead\.$/],
  ];
  for (const [shown, why] of rows) {
    const { refusal } = await decided(t, 200, shown, { fields: ['If-Match', 'W/"v1", "v1"'] });
    t.match(refusal?.error, { code: 'precondition-failed', detail: why }, shown.join(' '));
    t.notMatch(refusal?.error.detail, 'GET');
  }
  const route = { weak: 'accept', probe: 'head' } as const;
  const stale = await decided(t, 200, ['ETag', 'W/"v2"'], { fields: ['If-Match', 'W/"v1"'], route });
  t.match(stale.refusal?.error.detail, /GET the current version/, 'where weak tags count');
});
