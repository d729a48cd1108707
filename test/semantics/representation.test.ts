// Validators of a response: entity-tag, date, and when they are unusable, absent or strong.

import t from 'tap';
import type { EntityTag } from '../../src/semantics/entity-tag.ts';
import { readValidators } from '../../src/semantics/representation.ts';

const NOW = Date.UTC(2026, 10, 22, 20, 0, 0);
const MODIFIED = 'Tue, 15 Nov 1994 12:45:26 GMT';
const ONE_LATER = 'Tue, 15 Nov 1994 12:45:27 GMT';
const lastModified = Date.UTC(1994, 10, 15, 12, 45, 26);
const v1 = { weak: false, opaqueTag: 'v1' };

interface Expected {
  readonly entityTag?: EntityTag | 'unusable';
  readonly lastModified?: number;
  readonly strongDate: boolean;
}

const rows: { name: string; fields: string[]; expected: Expected }[] = [
  { name: 'none', fields: ['Content-Type', 'text/plain'], expected: { strongDate: false } },
  { name: 'strong tag', fields: ['ETag', '"v1"'], expected: { entityTag: v1, strongDate: false } },
  {
    name: 'weak tag',
    fields: ['etag', 'W/"v1"'],
    expected: { entityTag: { ...v1, weak: true }, strongDate: false },
  },
  {
    name: 'empty opaque-tag',
    fields: ['ETag', '""'],
    expected: { entityTag: { weak: false, opaqueTag: '' }, strongDate: false },
  },
  {
    name: 'obs-text',
    fields: ['ETag', '"\xe9"'],
    expected: { entityTag: { weak: false, opaqueTag: '\xe9' }, strongDate: false },
  },
  { name: 'empty ETag', fields: ['ETag', ''], expected: { entityTag: 'unusable', strongDate: false } },
  { name: 'unquoted ETag', fields: ['ETag', 'v1'], expected: { entityTag: 'unusable', strongDate: false } },
  { name: 'star', fields: ['ETag', '*'], expected: { entityTag: 'unusable', strongDate: false } },
  {
    name: 'lower-case weak prefix',
    fields: ['ETag', 'w/"v1"'],
    expected: { entityTag: 'unusable', strongDate: false },
  },
  {
    name: 'text after the tag',
    fields: ['ETag', '"v1"x'],
    expected: { entityTag: 'unusable', strongDate: false },
  },
  {
    name: 'list of tags',
    fields: ['ETag', '"v1", "v2"'],
    expected: { entityTag: 'unusable', strongDate: false },
  },
  {
    name: 'two different tags',
    fields: ['ETag', '"v1"', 'ETag', '"v2"'],
    expected: { entityTag: 'unusable', strongDate: false },
  },
  {
    name: 'strong and weak of the same',
    fields: ['ETag', '"v1"', 'ETag', 'W/"v1"'],
    expected: { entityTag: 'unusable', strongDate: false },
  },
  {
    name: 'a tag and an empty line',
    fields: ['ETag', '"v1"', 'ETag', ''],
    expected: { entityTag: 'unusable', strongDate: false },
  },
  {
    name: 'the same tag twice',
    fields: ['ETag', '"v1"', 'etag', ' "v1"'],
    expected: { entityTag: v1, strongDate: false },
  },
  {
    name: 'Last-Modified alone',
    fields: ['Last-Modified', MODIFIED],
    expected: { lastModified, strongDate: false },
  },
  {
    name: 'Last-Modified as asctime',
    fields: ['Last-Modified', 'Tue Nov 15 12:45:26 1994'],
    expected: { lastModified, strongDate: false },
  },
  {
    name: 'Last-Modified at the epoch',
    fields: ['Last-Modified', 'Thu, 01 Jan 1970 00:00:00 GMT'],
    expected: { lastModified: 0, strongDate: false },
  },
  {
    name: 'Last-Modified that is no date',
    fields: ['Last-Modified', 'yesterday'],
    expected: { strongDate: false },
  },
  {
    name: 'the same Last-Modified twice',
    fields: ['Last-Modified', MODIFIED, 'Last-Modified', MODIFIED],
    expected: { lastModified, strongDate: false },
  },
  {
    name: 'two different Last-Modified',
    fields: ['Last-Modified', MODIFIED, 'Last-Modified', ONE_LATER],
    expected: { strongDate: false },
  },
  {
    name: 'Date one second later',
    fields: ['Last-Modified', MODIFIED, 'Date', ONE_LATER],
    expected: { lastModified, strongDate: true },
  },
  {
    name: 'Date in the same second',
    fields: ['Last-Modified', MODIFIED, 'Date', MODIFIED],
    expected: { lastModified, strongDate: false },
  },
  {
    name: 'Date before Last-Modified',
    fields: ['Last-Modified', ONE_LATER, 'Date', MODIFIED],
    expected: { lastModified: lastModified + 1000, strongDate: false },
  },
  {
    name: 'Date that is none',
    fields: ['Last-Modified', MODIFIED, 'Date', 'now'],
    expected: { lastModified, strongDate: false },
  },
  { name: 'Date without Last-Modified', fields: ['Date', ONE_LATER], expected: { strongDate: false } },
  {
    name: 'epoch one second before Date',
    fields: ['Last-Modified', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Date', 'Thu, 01 Jan 1970 00:00:01 GMT'],
    expected: { lastModified: 0, strongDate: true },
  },
];

for (const row of rows) {
  t.test(row.name, async (t) => {
    const { entityTag, lastModified, strongDate } = readValidators(row.fields, NOW);
    const absent = { entityTag: undefined, lastModified: undefined };
    t.strictSame({ entityTag, lastModified, strongDate }, { ...absent, ...row.expected });
  });
}
