// makePlan: every method, mode and kind of precondition.

import t from 'tap';
import { makePlan, type Plan } from '../../src/route/plan.ts';
import type { Mode } from '../../src/route/route.ts';
import { type Preconditions, readPreconditions } from '../../src/semantics/preconditions.ts';
import { aRoute } from '../fixtures/routes.ts';

const date = 'Sat, 01 Nov 2025 10:00:00 GMT';

function conditions(...fields: string[]): Preconditions {
  return readPreconditions(fields, Date.UTC(2025, 10, 22));
}

function planOf(method: string, mode: Mode, ...fields: string[]): Plan {
  return makePlan(method, aRoute('/x', { mode }), conditions(...fields));
}

const rows: { name: string; method: string; mode?: Mode; fields: string[]; plan: Plan }[] = [
  {
    name: 'mode off forwards',
    method: 'PUT',
    mode: 'off',
    fields: ['If-Match', '"a"'],
    plan: { kind: 'forward' },
  },
  {
    name: 'mode off forwards malformed fields',
    method: 'PUT',
    mode: 'off',
    fields: ['If-Match', 'a'],
    plan: { kind: 'forward' },
  },
  {
    name: 'OPTIONS is forwarded',
    method: 'OPTIONS',
    mode: 'require',
    fields: ['If-Match', 'a'],
    plan: { kind: 'forward' },
  },
  { name: 'GET is a read', method: 'GET', fields: [], plan: { kind: 'read' } },
  { name: 'HEAD is a read', method: 'HEAD', fields: ['If-None-Match', '"a"'], plan: { kind: 'read' } },
  {
    name: 'GET with a malformed field is a read',
    method: 'GET',
    fields: ['If-Match', 'a'],
    plan: { kind: 'read' },
  },
  {
    name: 'require demands nothing of GET',
    method: 'GET',
    mode: 'require',
    fields: [],
    plan: { kind: 'read' },
  },
  { name: 'PUT without a condition is locked', method: 'PUT', fields: [], plan: { kind: 'locked' } },
  { name: 'an unknown method is an unsafe one', method: 'FROBNICATE', fields: [], plan: { kind: 'locked' } },
  { name: 'methods are case-sensitive', method: 'get', fields: [], plan: { kind: 'locked' } },
  {
    name: 'PUT with If-Match is checked',
    method: 'PUT',
    fields: ['If-Match', '"a"'],
    plan: { kind: 'check', lock: true },
  },
  {
    name: 'PUT with If-None-Match is checked',
    method: 'PUT',
    fields: ['If-None-Match', '*'],
    plan: { kind: 'check', lock: true },
  },
  {
    name: 'MKCOL with If-Match is checked',
    method: 'MKCOL',
    fields: ['If-Match', '*'],
    plan: { kind: 'check', lock: true },
  },
  {
    name: 'DELETE with If-Unmodified-Since is checked',
    method: 'DELETE',
    fields: ['If-Unmodified-Since', date],
    plan: { kind: 'check', lock: true },
  },
  {
    name: 'an unusable If-Unmodified-Since beside If-Match does not matter',
    method: 'PUT',
    fields: ['If-Match', '"a"', 'If-Unmodified-Since', 'x'],
    plan: { kind: 'check', lock: true },
  },
  {
    name: 'an unusable If-Unmodified-Since is no condition',
    method: 'PUT',
    fields: ['If-Unmodified-Since', 'yesterday'],
    plan: { kind: 'locked' },
  },
  {
    name: 'If-Modified-Since is no condition for PUT',
    method: 'PUT',
    fields: ['If-Modified-Since', date],
    plan: { kind: 'locked' },
  },
  {
    name: 'If-Range is no condition for PUT',
    method: 'PUT',
    fields: ['Range', 'bytes=0-1', 'If-Range', '"a"'],
    plan: { kind: 'locked' },
  },
  {
    name: 'malformed If-Match',
    method: 'PUT',
    fields: ['If-Match', 'a'],
    plan: { kind: 'malformed', field: 'if-match' },
  },
  {
    name: 'malformed If-None-Match',
    method: 'POST',
    fields: ['If-None-Match', ''],
    plan: { kind: 'malformed', field: 'if-none-match' },
  },
  {
    name: 'malformed If-None-Match beside a good If-Match',
    method: 'PUT',
    fields: ['If-Match', '"a"', 'If-None-Match', '"b'],
    plan: { kind: 'malformed', field: 'if-none-match' },
  },
  {
    name: 'malformed If-Match beside a usable date',
    method: 'PUT',
    fields: ['If-Match', '"a" *', 'If-Unmodified-Since', date],
    plan: { kind: 'malformed', field: 'if-match' },
  },
  {
    name: 'malformed comes before demanded',
    method: 'PUT',
    mode: 'require',
    fields: ['If-Match', 'a'],
    plan: { kind: 'malformed', field: 'if-match' },
  },
  {
    name: 'malformed If-Match on a safe method that is no read',
    method: 'PROPFIND',
    fields: ['If-Match', 'a'],
    plan: { kind: 'malformed', field: 'if-match' },
  },
  {
    name: 'require with a condition checks',
    method: 'PUT',
    mode: 'require',
    fields: ['If-Match', '"a"'],
    plan: { kind: 'check', lock: true },
  },
  {
    name: 'require leaves other methods alone',
    method: 'POST',
    mode: 'require',
    fields: [],
    plan: { kind: 'locked' },
  },
];

for (const method of ['PROPFIND', 'REPORT', 'SEARCH', 'QUERY']) {
  rows.push(
    { name: `${method} without a condition is forwarded`, method, fields: [], plan: { kind: 'forward' } },
    {
      name: `${method} is never demanded of`,
      method,
      mode: 'require',
      fields: [],
      plan: { kind: 'forward' },
    },
    {
      name: `${method} is checked without a lock`,
      method,
      fields: ['If-None-Match', '"a"'],
      plan: { kind: 'check', lock: false },
    },
    {
      name: `${method} ignores If-Modified-Since`,
      method,
      fields: ['If-Modified-Since', date],
      plan: { kind: 'forward' },
    },
  );
}

for (const row of rows) {
  t.test(row.name, (t) => {
    t.strictSame(planOf(row.method, row.mode ?? 'enforce', ...row.fields), row.plan);
    t.end();
  });
}

const demands: { name: string; fields: string[]; why: RegExp }[] = [
  { name: 'nothing was sent', fields: [], why: /has no precondition/ },
  {
    name: 'the date is none',
    fields: ['If-Unmodified-Since', 'x'],
    why: /If-Unmodified-Since.*not one valid date/,
  },
  {
    name: 'there are two dates',
    fields: ['If-Unmodified-Since', date, 'If-Unmodified-Since', date],
    why: /not one valid date/,
  },
  {
    name: 'If-Modified-Since means nothing',
    fields: ['If-Modified-Since', date],
    why: /If-Modified-Since.*no meaning for PUT/,
  },
  {
    name: 'If-Range means nothing',
    fields: ['Range', 'bytes=0-1', 'If-Range', '"a"'],
    why: /If-Range.*no meaning for PUT/,
  },
  { name: 'If-Range without Range was not there', fields: ['If-Range', '"a"'], why: /has no precondition/ },
];

for (const row of demands) {
  t.test(`require says that ${row.name}`, (t) => {
    const plan = planOf('PUT', 'require', ...row.fields);
    t.match(plan, { kind: 'demand', why: row.why });
    t.end();
  });
}

const observed: { name: string; method: string; fields: string[] }[] = [
  { name: 'a check', method: 'PUT', fields: ['If-Match', '"a"'] },
  { name: 'a malformed field', method: 'PUT', fields: ['If-Match', 'a'] },
  { name: 'an unconditional write', method: 'PUT', fields: [] },
  { name: 'a read', method: 'GET', fields: [] },
  { name: 'a check without a lock', method: 'PROPFIND', fields: ['If-Match', '"a"'] },
];

for (const row of observed) {
  t.test(`observe and warn wrap what enforce would do: ${row.name}`, (t) => {
    const of = planOf(row.method, 'enforce', ...row.fields);
    t.strictSame(planOf(row.method, 'observe', ...row.fields), { kind: 'observe', of, announce: false });
    t.strictSame(planOf(row.method, 'warn', ...row.fields), { kind: 'observe', of, announce: true });
    t.end();
  });
}

t.test('observe wraps no forward', (t) => {
  t.strictSame(planOf('OPTIONS', 'observe'), { kind: 'forward' });
  t.strictSame(planOf('PROPFIND', 'warn'), { kind: 'forward' });
  t.end();
});

const overridden: { methods: string[]; named: string; fields?: string[]; plan: Plan['kind'] }[] = [
  { methods: ['POST'], named: 'LOCK', plan: 'demand' },
  { methods: ['POST'], named: 'CONNECT', plan: 'demand' },
  { methods: ['POST'], named: 'POST', plan: 'demand' },
  { methods: ['LOCK'], named: 'LOCK', plan: 'demand' },
  { methods: ['LOCK'], named: 'POST', plan: 'locked' },
  { methods: ['POST'], named: 'LOCK', fields: ['If-Match', '"a"'], plan: 'check' },
  { methods: ['POST'], named: 'LOCK', fields: ['If-Match', 'a'], plan: 'malformed' },
];

for (const { methods, named, fields = [], plan } of overridden) {
  const name = `a POST that may be taken for ${named}, where ${methods} must have a condition: ${plan}`;
  t.test(`${name} (${fields.length === 0 ? 'no condition' : fields.join(': ')})`, (t) => {
    const route = aRoute('/x', { mode: 'require', methods });
    t.equal(makePlan('POST', route, conditions(...fields), named).kind, plan);
    t.end();
  });
}
