// Conditional fields of a request: what is absent, present, and present but unusable.

import t from 'tap';
import type { Preconditions } from '../../src/semantics/preconditions.ts';
import { readPreconditions } from '../../src/semantics/preconditions.ts';

const NOW = Date.UTC(2026, 10, 22, 20, 0, 0);
const DATE = 'Tue, 15 Nov 1994 12:45:26 GMT';
const INSTANT = Date.UTC(1994, 10, 15, 12, 45, 26);
const EPOCH = 'Thu, 01 Jan 1970 00:00:00 GMT';
const v1 = { weak: false, opaqueTag: 'v1' };
const v2 = { weak: false, opaqueTag: 'v2' };

const rows: { name: string; fields: string[]; expected: Preconditions }[] = [
  { name: 'no field at all', fields: [], expected: { range: false } },
  {
    name: 'no conditional field',
    fields: ['Host', 'a', 'If', '(["v1"])', 'X-If-Match', '"v1"'],
    expected: { range: false },
  },
  { name: 'unknown If- field', fields: ['If-Schedule-Tag-Match', '"v1"'], expected: { range: false } },
  { name: 'If-Match', fields: ['If-Match', '"v1"'], expected: { range: false, ifMatch: [v1] } },
  { name: 'If-Match star', fields: ['If-Match', ' * '], expected: { range: false, ifMatch: '*' } },
  {
    name: 'If-Match lines in any case, with others between, are one list',
    fields: ['If-Match', '"v1"', 'Host', 'a', 'IF-MATCH', '"v2"', 'if-match', ''],
    expected: { range: false, ifMatch: [v1, v2] },
  },
  {
    name: 'empty If-Match is not absent',
    fields: ['If-Match', ''],
    expected: { range: false, ifMatch: 'unusable' },
  },
  { name: 'If-Match of commas', fields: ['If-Match', ',,'], expected: { range: false, ifMatch: 'unusable' } },
  { name: 'unquoted If-Match', fields: ['If-Match', 'v1'], expected: { range: false, ifMatch: 'unusable' } },
  {
    name: 'If-Match star on two lines',
    fields: ['If-Match', '*', 'If-Match', '*'],
    expected: { range: false, ifMatch: 'unusable' },
  },
  {
    name: 'If-None-Match',
    fields: ['if-none-match', 'W/"v1"'],
    expected: { range: false, ifNoneMatch: [{ ...v1, weak: true }] },
  },
  {
    name: 'empty If-None-Match is not absent',
    fields: ['If-None-Match', ''],
    expected: { range: false, ifNoneMatch: 'unusable' },
  },
  {
    name: 'If-Modified-Since',
    fields: ['If-Modified-Since', DATE],
    expected: { range: false, ifModifiedSince: INSTANT },
  },
  {
    name: 'the epoch is a date',
    fields: ['If-Modified-Since', EPOCH],
    expected: { range: false, ifModifiedSince: 0 },
  },
  {
    name: 'If-Modified-Since that is no date',
    fields: ['If-Modified-Since', '0'],
    expected: { range: false, ifModifiedSince: 'unusable' },
  },
  {
    name: 'empty If-Modified-Since',
    fields: ['If-Modified-Since', ''],
    expected: { range: false, ifModifiedSince: 'unusable' },
  },
  {
    name: 'If-Modified-Since twice, although the same',
    fields: ['If-Modified-Since', DATE, 'if-modified-since', DATE],
    expected: { range: false, ifModifiedSince: 'unusable' },
  },
  {
    name: 'If-Modified-Since twice, one empty',
    fields: ['If-Modified-Since', DATE, 'if-modified-since', ''],
    expected: { range: false, ifModifiedSince: 'unusable' },
  },
  {
    name: 'If-Unmodified-Since',
    fields: ['If-Unmodified-Since', DATE],
    expected: { range: false, ifUnmodifiedSince: INSTANT },
  },
  {
    name: 'If-Unmodified-Since twice',
    fields: ['If-Unmodified-Since', DATE, 'If-Unmodified-Since', EPOCH],
    expected: { range: false, ifUnmodifiedSince: 'unusable' },
  },
  {
    name: 'If-Unmodified-Since as a list',
    fields: ['If-Unmodified-Since', `${DATE}, ${DATE}`],
    expected: { range: false, ifUnmodifiedSince: 'unusable' },
  },
  { name: 'Range', fields: ['Range', 'bytes=0-4'], expected: { range: true } },
  { name: 'empty Range is there', fields: ['Range', ''], expected: { range: true } },
  { name: 'If-Range without Range is dropped', fields: ['If-Range', '"v1"'], expected: { range: false } },
  {
    name: 'If-Range with a tag',
    fields: ['If-Range', '"v1"', 'Range', 'bytes=0-4'],
    expected: { range: true, ifRange: v1 },
  },
  {
    name: 'If-Range with a date',
    fields: ['Range', 'bytes=0-4', 'If-Range', DATE],
    expected: { range: true, ifRange: INSTANT },
  },
  {
    name: 'If-Range with the epoch',
    fields: ['Range', 'bytes=0-4', 'If-Range', EPOCH],
    expected: { range: true, ifRange: 0 },
  },
  {
    name: 'unquoted If-Range',
    fields: ['Range', 'bytes=0-4', 'If-Range', 'v1'],
    expected: { range: true, ifRange: 'unusable' },
  },
  {
    name: 'If-Range star',
    fields: ['Range', 'bytes=0-4', 'If-Range', '*'],
    expected: { range: true, ifRange: 'unusable' },
  },
  {
    name: 'If-Range list',
    fields: ['Range', 'bytes=0-4', 'If-Range', '"v1", "v2"'],
    expected: { range: true, ifRange: 'unusable' },
  },
  {
    name: 'If-Range twice',
    fields: ['Range', 'bytes=0-4', 'If-Range', '"v1"', 'If-Range', '"v1"'],
    expected: { range: true, ifRange: 'unusable' },
  },
  {
    name: 'all at once, in any order',
    fields: [
      'If-Range',
      DATE,
      'If-Modified-Since',
      DATE,
      'If-None-Match',
      '*',
      'Range',
      'bytes=0-4',
      'If-Unmodified-Since',
      EPOCH,
      'If-Match',
      '"v1"',
    ],
    expected: {
      range: true,
      ifMatch: [v1],
      ifNoneMatch: '*',
      ifModifiedSince: INSTANT,
      ifUnmodifiedSince: 0,
      ifRange: INSTANT,
    },
  },
];

for (const row of rows) {
  t.test(row.name, async (t) => {
    t.strictSame(readPreconditions(row.fields, NOW), row.expected);
  });
}

t.test('a two-digit year is placed by now', async (t) => {
  const fields = ['If-Unmodified-Since', 'Saturday, 15-Nov-70 12:00:00 GMT'];
  t.equal(readPreconditions(fields, NOW).ifUnmodifiedSince, Date.UTC(2070, 10, 15, 12));
  t.equal(readPreconditions(fields, Date.UTC(2010, 0, 1)).ifUnmodifiedSince, Date.UTC(1970, 10, 15, 12));
});
