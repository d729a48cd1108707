// Conditional fields of a request: what is absent, present, and present but unusable.

import t from 'tap';
import { type Preconditions, readPreconditions } from '../../src/semantics/preconditions.ts';

const NOW = Date.UTC(2026, 10, 22, 20, 0, 0);
const DATE = 'Tue, 15 Nov 1994 12:45:26 GMT';
const INSTANT = Date.UTC(1994, 10, 15, 12, 45, 26);
const EPOCH = 'Thu, 01 Jan 1970 00:00:00 GMT';
const v1 = { weak: false, opaqueTag: 'v1' };
const v2 = { weak: false, opaqueTag: 'v2' };

const rows: { name: string; fields: string[]; expected: Preconditions }[] = [
  { name: 'no field at all', fields: [], expected: {} },
  {
    name: 'no conditional field',
    fields: ['Host', 'a', 'If', '(["v1"])', 'X-If-Match', '"v1"'],
    expected: {},
  },
  { name: 'unknown If- field', fields: ['If-Schedule-Tag-Match', '"v1"'], expected: {} },
  { name: 'If-Match', fields: ['If-Match', '"v1"'], expected: { ifMatch: [v1] } },
  { name: 'If-Match star', fields: ['If-Match', ' * '], expected: { ifMatch: '*' } },
  {
    name: 'If-Match lines in any case, with others between, are one list',
    fields: ['If-Match', '"v1"', 'Host', 'a', 'IF-MATCH', '"v2"', 'if-match', ''],
    expected: { ifMatch: [v1, v2] },
  },
  {
    name: 'empty If-Match is not absent',
    fields: ['If-Match', ''],
    expected: { ifMatch: 'unusable' },
  },
  { name: 'If-Match of commas', fields: ['If-Match', ',,'], expected: { ifMatch: 'unusable' } },
  { name: 'unquoted If-Match', fields: ['If-Match', 'v1'], expected: { ifMatch: 'unusable' } },
  {
    name: 'If-Match star on two lines',
    fields: ['If-Match', '*', 'If-Match', '*'],
    expected: { ifMatch: 'unusable' },
  },
  {
    name: 'If-None-Match',
    fields: ['if-none-match', 'W/"v1"'],
    expected: { ifNoneMatch: [{ ...v1, weak: true }] },
  },
  {
    name: 'empty If-None-Match is not absent',
    fields: ['If-None-Match', ''],
    expected: { ifNoneMatch: 'unusable' },
  },
  {
    name: 'If-Modified-Since',
    fields: ['If-Modified-Since', DATE],
    expected: { ifModifiedSince: INSTANT },
  },
  {
    name: 'the epoch is a date',
    fields: ['If-Modified-Since', EPOCH],
    expected: { ifModifiedSince: 0 },
  },
  {
    name: 'If-Modified-Since that is no date',
    fields: ['If-Modified-Since', '0'],
    expected: { ifModifiedSince: 'unusable' },
  },
  {
    name: 'empty If-Modified-Since',
    fields: ['If-Modified-Since', ''],
    expected: { ifModifiedSince: 'unusable' },
  },
  {
    name: 'If-Modified-Since twice, although the same',
    fields: ['If-Modified-Since', DATE, 'if-modified-since', DATE],
    expected: { ifModifiedSince: 'unusable' },
  },
  {
    name: 'If-Modified-Since twice, one empty',
    fields: ['If-Modified-Since', DATE, 'if-modified-since', ''],
    expected: { ifModifiedSince: 'unusable' },
  },
  {
    name: 'If-Unmodified-Since',
    fields: ['If-Unmodified-Since', DATE],
    expected: { ifUnmodifiedSince: INSTANT },
  },
  {
    name: 'If-Unmodified-Since twice',
    fields: ['If-Unmodified-Since', DATE, 'If-Unmodified-Since', EPOCH],
    expected: { ifUnmodifiedSince: 'unusable' },
  },
  {
    name: 'If-Unmodified-Since as a list',
    fields: ['If-Unmodified-Since', `${DATE}, ${DATE}`],
    expected: { ifUnmodifiedSince: 'unusable' },
  },
  { name: 'Range', fields: ['Range', 'bytes=0-4'], expected: {} },
  {
    name: 'empty Range is there',
    fields: ['Range', '', 'If-Range', '"v1"'],
    expected: { ifRange: v1 },
  },
  { name: 'If-Range without Range is dropped', fields: ['If-Range', '"v1"'], expected: {} },
  {
    name: 'If-Range with a tag',
    fields: ['If-Range', '"v1"', 'Range', 'bytes=0-4'],
    expected: { ifRange: v1 },
  },
  {
    name: 'If-Range with a date',
    fields: ['Range', 'bytes=0-4', 'If-Range', DATE],
    expected: { ifRange: INSTANT },
  },
  {
    name: 'If-Range with the epoch',
    fields: ['Range', 'bytes=0-4', 'If-Range', EPOCH],
    expected: { ifRange: 0 },
  },
  {
    name: 'unquoted If-Range',
    fields: ['Range', 'bytes=0-4', 'If-Range', 'v1'],
    expected: { ifRange: 'unusable' },
  },
  {
    name: 'If-Range star',
    fields: ['Range', 'bytes=0-4', 'If-Range', '*'],
    expected: { ifRange: 'unusable' },
  },
  {
    name: 'If-Range list',
    fields: ['Range', 'bytes=0-4', 'If-Range', '"v1", "v2"'],
    expected: { ifRange: 'unusable' },
  },
  {
    name: 'If-Range twice',
    fields: ['Range', 'bytes=0-4', 'If-Range', '"v1"', 'If-Range', '"v1"'],
    expected: { ifRange: 'unusable' },
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
