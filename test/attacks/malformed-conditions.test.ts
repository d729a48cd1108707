// Conditional fields and validators that are malformed: never taken for absent, never for true.

import t from 'tap';
import { attackRaw } from '../fixtures/aftermath.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import type { RawScript } from '../fixtures/raw-origin.ts';
import { until } from '../fixtures/until.ts';

const MODIFIED = 'Tue, 15 Nov 1994 12:45:26 GMT';
const FUTURE = 'If-Unmodified-Since: Fri, 01 Jan 2038 00:00:00 GMT';
const EPOCH = 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT';

/** An origin whose resource has these field lines; none: it has none. */
const having =
  (...lines: string[]): RawScript =>
  ({ method }) => {
    const status = lines.length === 0 && method !== 'PUT' ? '404 Not Found' : '200 OK';
    return `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}Content-Length: 0\r\n\r\n`;
  };

interface Row {
  readonly row: number;
  readonly name: string;
  readonly fields: readonly string[];
  readonly status: number;
  /** Field lines of the representation; `ETag: "v1"` unless given. */
  readonly current?: readonly string[];
  readonly yaml?: string;
}
const rows = (row: number, status: number, ...values: string[]): Row[] =>
  values.map((value) => ({
    row,
    name: `If-Match: ${value}`,
    fields: [`If-Match:${value === '' ? '' : ` ${value}`}`],
    status,
  }));
const tagRow = (row: number, tag: string, value: string, status: number): Row => ({
  row,
  name: `If-Match: ${value} and ETag: ${tag}`,
  fields: [`If-Match: ${value}`],
  status,
  current: [`ETag: ${tag}`],
});

const conditions: Row[] = [
  ...rows(82, 400, '', '   ', ',', ' , ,, ', '\t'),
  ...rows(
    83,
    400,
    'v1',
    "'v1'",
    '"v1',
    'v1"',
    'W/v1',
    'w/"v1"',
    '"v1" "v2"',
    '"v1"x',
    '"a\\"b"',
    '"v1";q=1',
    'W/',
    '"',
  ),
  ...rows(
    83,
    400,
    '"v1"W/"v1"',
    '""v1""',
    '"v 1"',
    '"v1", v1',
    '"v1",,"',
    'W /"v1"',
    'W/ "v1"',
    '**',
    '"*',
    '*"v1"',
  ),
  ...rows(84, 400, '*, "v1"', '"v1", *', '*, *', '*,', ',*'),
  { row: 84, name: '* and a tag on two lines', fields: ['If-Match: *', 'If-Match: "v1"'], status: 400 },
  tagRow(85, 'W/"v1"', 'W/"v1"', 412),
  tagRow(85, '"v1"', 'W/"v1"', 412),
  tagRow(85, 'W/"v1"', '"v1"', 412),
  ...rows(86, 200, ',, "x" ,"v1",,', '"x","v1"', '\t"v1"\t', '"v1","v1"'),
  { row: 86, name: 'two lines', fields: ['If-Match: "x"', 'If-Match: "v1"'], status: 200 },
  { row: 86, name: 'two lines, an empty one first', fields: ['If-Match:', 'if-match: "v1"'], status: 200 },
  tagRow(87, '"a,b"', '"a,b"', 200),
  tagRow(87, '"a"', '"a,b"', 412),
  tagRow(87, '"b"', '"a,b"', 412),
  {
    row: 87,
    name: 'a tag over two lines',
    fields: ['If-Match: "a', 'If-Match: b"'],
    status: 400,
    current: ['ETag: "a,b"'],
  },
  tagRow(87, '""', '""', 200),
  tagRow(87, '"v1"', '""', 412),
  tagRow(87, '"v1"', '"V1"', 412),
  tagRow(87, '"W/x"', '"W/x"', 200),
  tagRow(87, '"W/x"', 'W/"x"', 412),
  tagRow(87, '"*"', '"*"', 200),
  { row: 88, name: 'If-Match false, date true', fields: ['If-Match: "x"', FUTURE], status: 412 },
  { row: 88, name: 'date true, If-Match false', fields: [FUTURE, 'If-Match: "x"'], status: 412 },
  { row: 88, name: 'If-Match true, date false', fields: ['If-Match: "v1"', EPOCH], status: 200 },
  { row: 88, name: 'If-Match malformed, date true', fields: ['If-Match: v1', FUTURE], status: 400 },
  { row: 88, name: 'If-Match empty, date true', fields: ['If-Match:', FUTURE], status: 400 },
  { row: 89, name: 'If-None-Match: * on what exists', fields: ['If-None-Match: *'], status: 412 },
  {
    row: 89,
    name: 'If-None-Match: * on what is missing',
    fields: ['If-None-Match: *'],
    status: 200,
    current: [],
  },
  { row: 89, name: 'If-None-Match: the tag', fields: ['If-None-Match: "v1"'], status: 412 },
  { row: 89, name: 'If-None-Match: the tag, weak', fields: ['If-None-Match: W/"v1"'], status: 412 },
  { row: 89, name: 'If-None-Match: another tag', fields: ['If-None-Match: "v2"'], status: 200 },
  {
    row: 89,
    name: 'both fields with the tag',
    fields: ['If-Match: "v1"', 'If-None-Match: "v1"'],
    status: 412,
  },
  { row: 89, name: 'If-None-Match: empty', fields: ['If-None-Match:'], status: 400 },
  { row: 89, name: 'If-None-Match: unquoted', fields: ['If-None-Match: v1'], status: 400 },
  { row: 89, name: 'If-None-Match: * and a tag', fields: ['If-None-Match: *, "v2"'], status: 400 },
];

const dateRow = (value: string, status: number, mode: string): Row => ({
  row: 90,
  name: `${mode}: If-Unmodified-Since: ${value}`,
  fields: [`If-Unmodified-Since: ${value}`],
  status,
  current: [`Last-Modified: ${MODIFIED}`],
  yaml: `routes:\n  - { path: /doc, mode: ${mode} }`,
});
const noDates = [
  ...['garbage', '2099', '1', '0', '', 'Tue, 99 Foo', '1994-11-15T12:45:26Z', '784903526', '1994-11-14'],
  ...['Mon, 14 Nov 1994 12:45:26 gmt', 'Mon, 14 Nov 1994 12:45:26 +0000', 'Mon, 14 Nov 1994 12:45:26 UTC'],
  ...['Sat, 01 Jan 10000 00:00:00 GMT', 'Mon, 31 Feb 1994 12:45:26 GMT', 'Mon, 14 Nov 1994 24:00:00 GMT'],
  ...['Mon, 14 Nov 1994 12:45:26 GMT, Mon, 14 Nov 1994 12:45:26 GMT', 'Mon, 14 Nov 94 12:45:26 GMT'],
];
const pastDates = [
  'Mon, 14 Nov 1994 12:45:26 GMT',
  'Monday, 14-Nov-94 12:45:26 GMT',
  'Mon Nov 14 12:45:26 1994',
];
conditions.push(
  ...noDates.flatMap((value) => [dateRow(value, 200, 'enforce'), dateRow(value, 428, 'require')]),
  ...pastDates.flatMap((value) => [dateRow(value, 412, 'enforce'), dateRow(value, 412, 'require')]),
);

for (const { row, name, fields, status, current = ['ETag: "v1"'], yaml } of conditions) {
  t.test(`row ${row}: ${JSON.stringify(name)} gives ${status}`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(
      t,
      having(...current),
      yaml === undefined ? {} : { yaml },
    );
    const response = await exchange(ifmatch.port, 'PUT', '/doc', fields, 'x');
    if (status === 200) t.equal(response.status, 200);
    else problem(t, response, status);
    t.equal(origin.count('PUT'), status === 200 ? 1 : 0);
    await aftermath();
  });
}

t.test('row 90: a date that had to be ignored is seen in the log', async (t) => {
  const { ifmatch, aftermath } = await attackRaw(t, having(`Last-Modified: ${MODIFIED}`));
  await exchange(ifmatch.port, 'PUT', '/doc', ['If-Unmodified-Since: garbage'], 'x');
  await until(() => ifmatch.log.some(({ path }) => path === '/doc'), 'the request is logged');
  t.match(
    ifmatch.log.find(({ path }) => path === '/doc'),
    { verdict: 'ignored' },
  );
  await aftermath();
});

t.test('row 91: a write guarded by a date of one second alone is said to be so', async (t) => {
  const { ifmatch, aftermath } = await attackRaw(t, having(`Last-Modified: ${MODIFIED}`));
  const response = await exchange(ifmatch.port, 'PUT', '/doc', [`If-Unmodified-Since: ${MODIFIED}`], 'x');
  t.equal(response.status, 200);
  await until(() => ifmatch.log.some(({ path }) => path === '/doc'), 'the request is logged');
  t.match(
    ifmatch.log.find(({ path }) => path === '/doc'),
    { dateOnly: true },
  );
  await aftermath();
});

const BIG_TAG = `"${'e'.repeat(8000)}"`;
const unusable = [
  { name: 'unquoted', lines: ['ETag: v1'] },
  { name: 'two different ones', lines: ['ETag: "v1"', 'ETag: "v2"'] },
  { name: 'empty', lines: ['ETag:'] },
  { name: 'something behind it', lines: ['ETag: "v1"x'] },
  { name: 'a list', lines: ['ETag: "v1", "v2"'] },
  { name: 'lower-case w', lines: ['ETag: w/"v1"'] },
  { name: '8 kB, another', lines: [`ETag: ${BIG_TAG}`] },
  { name: 'an octet above 7F', lines: ['ETag: "v1\xe9"'] },
  { name: 'none at all', lines: ['X-None: 1'] },
  { name: 'only a weak one', lines: ['ETag: W/"v1"'] },
  { name: 'only a date', lines: [`Last-Modified: ${MODIFIED}`] },
  { name: '20 kB', lines: [`ETag: "${'e'.repeat(20_000)}"`], status: 502 },
];
for (const { name, lines, status = 412 } of unusable) {
  t.test(`row 94: ETag of the origin: ${name}: If-Match: "v1" is not true`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(t, having(...lines));
    for (const value of ['"v1"', '"v1", "x"']) {
      const response = await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${value}`], 'x');
      problem(t, response, status);
    }
    t.equal(origin.count('PUT'), 0);
    await aftermath();
  });
}

const usable = [
  { name: '8 kB', tag: BIG_TAG },
  { name: 'octets above 7F', tag: '"v1\xe9\x80\xff"' },
];
for (const { name, tag } of usable) {
  t.test(`row 94: ETag of the origin: ${name}: the same in If-Match is true`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(t, having(`ETag: ${tag}`));
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${tag}`], 'x')).status, 200);
    t.ok(origin.requests.at(-1)?.head.includes(`If-Match: ${tag}\r\n`), 'and goes along unchanged');
    await aftermath();
  });
}

t.test('row 94: If-None-Match with an unusable ETag of the origin does not hold either', async (t) => {
  const { origin, ifmatch, aftermath } = await attackRaw(t, having('ETag: v1'));
  for (const value of ['"v1"', '"x"', '*'])
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', [`If-None-Match: ${value}`], 'x'), 412);
  t.equal(origin.count('PUT'), 0);
  await aftermath();
});
