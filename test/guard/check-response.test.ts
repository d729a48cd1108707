// Reads: one request, evaluated on its own answer; a second one only where a range was sent for another version.

import t, { type Test } from 'tap';
import { checkResponse } from '../../src/guard/check-response.ts';
import { fieldValue } from '../../src/semantics/fields.ts';
import { anExchange, someTools } from '../fixtures/guarded-exchange.ts';
import { IDLE } from '../fixtures/lock-under-test.ts';
import { collect, ScriptedOrigin } from '../fixtures/scripted-origin.ts';

const DATE = 'Thu, 01 Jan 2026 00:00:00 GMT';
const V1 = ['ETag', '"v1"', 'Last-Modified', DATE];

function read(t: Test, fields: readonly string[], method = 'GET') {
  const origin = new ScriptedOrigin();
  const exchange = anExchange(method, { fields });
  const tools = someTools(t, origin);
  return { origin, exchange, tools, answer: checkResponse(exchange, tools) };
}

const rows: {
  name: string;
  fields: string[];
  status?: number;
  shown?: string[];
  wanted: number;
  made?: boolean;
}[] = [
  { name: 'no condition', fields: [], wanted: 200 },
  { name: 'If-None-Match that matches', fields: ['If-None-Match', 'W/"v1"'], wanted: 304, made: true },
  { name: 'If-None-Match that does not match', fields: ['If-None-Match', '"v0"'], wanted: 200 },
  { name: 'If-None-Match that is malformed', fields: ['If-None-Match', 'v1'], wanted: 200 },
  { name: 'If-Modified-Since, not modified', fields: ['If-Modified-Since', DATE], wanted: 304, made: true },
  { name: 'If-Modified-Since, no date', fields: ['If-Modified-Since', DATE], shown: [], wanted: 200 },
  { name: 'If-Match that holds', fields: ['If-Match', '"v1"'], wanted: 200 },
  { name: 'If-Match that is false', fields: ['If-Match', '"v0"'], wanted: 412, made: true },
  {
    name: 'If-Unmodified-Since that is false',
    fields: ['If-Unmodified-Since', 'Thu, 01 Jan 2015 00:00:00 GMT'],
    wanted: 412,
    made: true,
  },
  ...[204, 300, 301, 304, 404, 412, 500, 503].map((status) => ({
    name: `If-Match that is false, and a ${status}`,
    fields: ['If-Match', '"v0"'],
    status,
    wanted: status === 204 ? 412 : status,
    made: status === 204,
  })),
];
for (const { name, fields, status = 200, shown = V1, wanted, made = false } of rows) {
  t.test(`${name}: ${wanted}`, async (t) => {
    const { origin, answer, tools } = read(t, fields);
    const asked = (await origin.nth(0)).start().head(status, shown).data('x');
    const given = await answer;
    t.same([given.status, given.made], [wanted, made]);
    t.same(tools.lock.state(), IDLE);
    t.equal(origin.asked.length, 1);
    asked.end();
  });
}

const forwarded = [
  {
    name: 'If-None-Match alone',
    fields: ['If-None-Match', '"a"', 'If-None-Match', 'W/"b"'],
    sent: ['If-None-Match', '"a", W/"b"'],
  },
  { name: 'If-None-Match: *', fields: ['If-None-Match', '*'], sent: ['If-None-Match', '*'] },
  { name: 'If-Modified-Since alone', fields: ['If-Modified-Since', DATE], sent: ['If-Modified-Since', DATE] },
  {
    name: 'both',
    fields: ['If-None-Match', '"a"', 'If-Modified-Since', DATE],
    sent: ['If-None-Match', '"a"'],
  },
  { name: 'with If-Match', fields: ['If-None-Match', '"a"', 'If-Match', '"b"'], sent: [] },
  {
    name: 'with If-Unmodified-Since',
    fields: ['If-Modified-Since', DATE, 'If-Unmodified-Since', DATE],
    sent: [],
  },
  { name: 'malformed', fields: ['If-None-Match', 'a', 'If-Modified-Since', DATE], sent: [] },
];
for (const { name, fields, sent } of forwarded) {
  t.test(`to the origin goes what can spare content: ${name}`, async (t) => {
    const { origin, answer } = read(t, [...fields, 'Cookie', 'c']);
    const { request } = (await origin.nth(0)).start().answer(404);
    await answer;
    t.same(request.fields, ['Host', 'x', 'Cookie', 'c', ...sent]);
  });
}

t.test('the content of an answer that is not passed is let go', async (t) => {
  for (const [length, ending] of [
    [10, 'complete'],
    [100_000, 'cancelled'],
  ] as const) {
    const { origin, answer } = read(t, ['If-Match', '"v0"']);
    const asked = (await origin.nth(0)).start().head(200, V1);
    t.equal((await answer).status, 412);
    asked.data('x'.repeat(length)).end();
    const how = await asked.exchange.ended;
    t.equal(how === 'complete' ? how : how.kind, ending);
  }
});

t.test('a part of another version: the whole is asked for', async (t) => {
  const { origin, answer } = read(t, ['Range', 'bytes=0-1', 'If-Range', '"v0"']);
  const first = (await origin.nth(0)).start().answer(206, V1, 'pa');
  t.ok(first.request.fields.includes('Range'));
  t.notOk(first.request.fields.includes('If-Range'));
  const second = (await origin.nth(1)).start().answer(200, V1, 'whole');
  t.equal(fieldValue(second.request.fields, 'range'), undefined);
  const given = await answer;
  if (given.made) throw new Error('it must pass');
  t.same([given.status, (await collect(given.content)).text], [200, 'whole']);
});

const ranges = [
  { name: 'If-Range that holds', fields: ['If-Range', '"v1"'], status: 206, wanted: 206, asked: 1 },
  { name: 'If-Range with a weak tag', fields: ['If-Range', 'W/"v1"'], status: 200, wanted: 200, asked: 1 },
  { name: 'no If-Range', fields: [], status: 206, wanted: 206, asked: 1 },
  { name: '416 without a condition', fields: [], status: 416, wanted: 416, asked: 1 },
  {
    name: '416 with a condition that is true',
    fields: ['If-Match', '"v1"'],
    status: 416,
    wanted: 416,
    asked: 2,
  },
  {
    name: '416 with a condition that is false',
    fields: ['If-Match', '"v0"'],
    status: 416,
    wanted: 412,
    asked: 2,
  },
  {
    name: '416 with a version that is known',
    fields: ['If-None-Match', '"v1"'],
    status: 416,
    wanted: 304,
    asked: 2,
  },
];
for (const { name, fields, status, wanted, asked } of ranges) {
  t.test(`Range and ${name}: ${wanted}`, async (t) => {
    const { origin, answer } = read(t, ['Range', 'bytes=9-', ...fields]);
    (await origin.nth(0)).start().answer(status, V1, 'x');
    if (asked === 2) (await origin.nth(1)).start().answer(200, V1, 'x');
    t.equal((await answer).status, wanted);
    t.equal(origin.asked.length, asked);
  });
}

t.test('a client that goes ends the read; an origin that fails is an error', async (t) => {
  const gone = read(t, []);
  const asked = (await gone.origin.nth(0)).start();
  gone.exchange.leave();
  await t.rejects(gone.answer, { name: 'GatewayError' });
  t.equal(asked.aborted, true);

  const failing = read(t, []);
  (await failing.origin.nth(0)).start().fail('reset');
  await t.rejects(failing.answer, { code: 'origin-invalid' });
  t.same(failing.tools.lock.state(), IDLE);
});

t.test('the verdict is noted', async (t) => {
  for (const [fields, outcome] of [
    [['If-None-Match', '"v1"'], { verdict: 'not-modified', field: 'if-none-match' }],
    [['If-Match', '"v0"'], { verdict: 'failed', field: 'if-match', code: 'precondition-failed' }],
  ] as const) {
    const { origin, exchange, answer } = read(t, fields);
    (await origin.nth(0)).start().answer(200, V1);
    await answer;
    t.match(exchange.outcome, outcome);
  }
});
