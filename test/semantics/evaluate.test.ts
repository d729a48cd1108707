// The decision, by named rows. Properties: evaluate-properties.test.ts; all combinations: evaluate-precedence.test.ts.

import t from 'tap';
import { evaluate } from '../../src/semantics/evaluate.ts';
import { readPreconditions } from '../../src/semantics/preconditions.ts';
import type { Representation } from '../../src/semantics/representation.ts';
import {
  absent,
  bare,
  current,
  dateOnly,
  inShort,
  linesOf,
  NOW,
  tagOnly,
  unknown,
  unusableTag,
  usual,
  weakTag,
} from '../fixtures/representations.ts';

const epochal = current('Last-Modified: EPOCH');
const LEAP_SECOND = 'Sat, 31 Dec 2016 23:59:60 GMT';
const yearsEnd = current('Last-Modified: Sat, 31 Dec 2016 23:59:59 GMT');
const UNDECIDED = 'undecided: the probe timed out';

type Row = [
  name: string,
  method: string,
  on: Representation,
  fields: string[],
  verdict: string,
  weak?: 'accept',
];

const ifMatchRows: Row[] = [
  ['no condition', 'PUT', usual, [], 'perform'],
  ['tag matches', 'PUT', usual, ['If-Match: "v2"'], 'perform if-match'],
  ['tag does not match', 'PUT', usual, ['If-Match: "v1"'], '412 if-match'],
  ['opaque-tags are case-sensitive', 'PUT', usual, ['If-Match: "V2"'], '412 if-match'],
  ['a prefix is no match', 'PUT', usual, ['If-Match: "v"'], '412 if-match'],
  ['one of a list matches', 'PUT', usual, ['If-Match: "v1", "v2"'], 'perform if-match'],
  ['one of several lines matches', 'PUT', usual, ['If-Match: "v1"', 'IF-MATCH: "v2"'], 'perform if-match'],
  ['star', 'PUT', usual, ['If-Match: *'], 'perform if-match'],
  ['star without any validator', 'PUT', bare, ['If-Match: *'], 'perform if-match'],
  ['star with an unusable tag', 'PUT', unusableTag, ['If-Match: *'], 'perform if-match'],
  ['list without an entity-tag', 'PUT', dateOnly, ['If-Match: "v2"'], '412 if-match'],
  ['list with an unusable tag', 'PUT', unusableTag, ['If-Match: "v2"'], '412 if-match'],
  ['weak against strong', 'PUT', usual, ['If-Match: W/"v2"'], '412 if-match'],
  ['strong against weak', 'PUT', weakTag, ['If-Match: "v2"'], '412 if-match'],
  ['weak against weak', 'PUT', weakTag, ['If-Match: W/"v2"'], '412 if-match'],
  ['star with a weak tag', 'PUT', weakTag, ['If-Match: *'], 'perform if-match'],
  ['weak accepted', 'PUT', weakTag, ['If-Match: W/"v2"'], 'perform if-match', 'accept'],
  ['weak accepted, different tag', 'PUT', weakTag, ['If-Match: W/"v1"'], '412 if-match', 'accept'],
  ['weak accepted, unusable tag', 'PUT', unusableTag, ['If-Match: W/"v2"'], '412 if-match', 'accept'],
  ['malformed', 'PUT', usual, ['If-Match: v2'], '412 if-match'],
  ['empty', 'PUT', usual, ['If-Match:'], '412 if-match'],
  ['malformed, on a resource that is not there', 'PUT', absent, ['If-Match: v2'], '412 if-match'],
  ['star, on a resource that is not there', 'PUT', absent, ['If-Match: *'], '412 if-match'],
  ['tag, on a resource that is not there', 'PUT', absent, ['If-Match: "v2"'], '412 if-match'],
  ['on GET too', 'GET', usual, ['If-Match: "v1"'], '412 if-match'],
  ['GET of what is not there ignores it', 'GET', absent, ['If-Match: *'], 'perform'],
  ['on a safe method that is no read', 'PROPFIND', usual, ['If-Match: "v1"'], '412 if-match'],
  ['on a method nobody knows', 'PURGE', usual, ['If-Match: "v1"'], '412 if-match'],
  ['ignored on OPTIONS', 'OPTIONS', usual, ['If-Match: "v1"'], 'perform'],
];

const ifNoneMatchRows: Row[] = [
  ['hit', 'GET', usual, ['If-None-Match: "v2"'], '304 if-none-match'],
  ['miss', 'GET', usual, ['If-None-Match: "v1"'], 'perform if-none-match'],
  ['hit on HEAD', 'HEAD', usual, ['If-None-Match: "v2"'], '304 if-none-match'],
  ['methods are case-sensitive', 'get', usual, ['If-None-Match: "v2"'], '412 if-none-match'],
  ['hit on QUERY', 'QUERY', usual, ['If-None-Match: "v2"'], '412 if-none-match'],
  ['weak against strong', 'GET', usual, ['If-None-Match: W/"v2"'], '304 if-none-match'],
  ['strong against weak', 'GET', weakTag, ['If-None-Match: "v2"'], '304 if-none-match'],
  [
    'weak against strong with Range',
    'GET',
    usual,
    ['Range: bytes=0-4', 'If-None-Match: W/"v2"'],
    '304 if-none-match',
  ],
  ['star', 'GET', usual, ['If-None-Match: *'], '304 if-none-match'],
  ['star without any validator', 'GET', bare, ['If-None-Match: *'], '304 if-none-match'],
  ['quoted star is a tag', 'GET', usual, ['If-None-Match: "*"'], 'perform if-none-match'],
  ['no ETag', 'GET', dateOnly, ['If-None-Match: "v2"', 'If-Modified-Since: AFTER'], 'perform if-none-match'],
  ['malformed on a read', 'GET', usual, ['If-None-Match: v2'], 'perform if-none-match'],
  ['star in a list on a read', 'GET', usual, ['If-None-Match: *, "v2"'], 'perform if-none-match'],
  ['unusable tag on a read', 'GET', unusableTag, ['If-None-Match: "v2"'], 'perform if-none-match'],
  ['GET of what is not there ignores it', 'GET', absent, ['If-None-Match: *'], 'perform'],
  ['hit on a write', 'PUT', usual, ['If-None-Match: W/"v2"'], '412 if-none-match'],
  ['miss on a write', 'PUT', usual, ['If-None-Match: "v1"'], 'perform if-none-match'],
  ['star on a write', 'PUT', usual, ['If-None-Match:  * '], '412 if-none-match'],
  ['star on a write without any validator', 'PUT', bare, ['If-None-Match: *'], '412 if-none-match'],
  ['star on a write that creates', 'PUT', absent, ['If-None-Match: *'], 'perform if-none-match'],
  ['tag on a write that creates', 'PUT', absent, ['If-None-Match: "v2"'], 'perform if-none-match'],
  [
    'list on a write without an entity-tag',
    'PUT',
    dateOnly,
    ['If-None-Match: "v2"'],
    'perform if-none-match',
  ],
  ['unusable tag on a write', 'PUT', unusableTag, ['If-None-Match: "v1"'], '412 if-none-match'],
  ['malformed on a write', 'PUT', usual, ['If-None-Match: v1'], '412 if-none-match'],
  ['malformed on a write that creates', 'PUT', absent, ['If-None-Match: v1'], '412 if-none-match'],
  ['weak accepted changes nothing', 'PUT', usual, ['If-None-Match: "v2"'], '412 if-none-match', 'accept'],
];

const ifModifiedSinceRows: Row[] = [
  ['equal', 'GET', usual, ['If-Modified-Since: MODIFIED'], '304 if-modified-since'],
  ['equal, on HEAD', 'HEAD', usual, ['If-Modified-Since: MODIFIED'], '304 if-modified-since'],
  ['later', 'GET', usual, ['If-Modified-Since: AFTER'], '304 if-modified-since'],
  ['earlier', 'GET', usual, ['If-Modified-Since: BEFORE'], 'perform if-modified-since'],
  ['epoch', 'GET', usual, ['If-Modified-Since: EPOCH'], 'perform if-modified-since'],
  ['epoch, modified at the epoch', 'GET', epochal, ['If-Modified-Since: EPOCH'], '304 if-modified-since'],
  ['leap second', 'GET', yearsEnd, [`If-Modified-Since: ${LEAP_SECOND}`], '304 if-modified-since'],
  ['no date', 'GET', usual, ['If-Modified-Since: 0'], 'perform'],
  ['two lines', 'GET', usual, ['If-Modified-Since: AFTER', 'If-Modified-Since: AFTER'], 'perform'],
  ['no Last-Modified', 'GET', tagOnly, ['If-Modified-Since: AFTER'], 'perform'],
  ['not there', 'GET', absent, ['If-Modified-Since: AFTER'], 'perform'],
  ['on a write', 'PUT', usual, ['If-Modified-Since: MODIFIED'], 'perform'],
  ['on a safe method that is no read', 'REPORT', usual, ['If-Modified-Since: MODIFIED'], 'perform'],
];

const ifUnmodifiedSinceRows: Row[] = [
  ['equal', 'PUT', usual, ['If-Unmodified-Since: MODIFIED'], 'perform if-unmodified-since'],
  ['later', 'PUT', usual, ['If-Unmodified-Since: AFTER'], 'perform if-unmodified-since'],
  ['earlier', 'PUT', usual, ['If-Unmodified-Since: BEFORE'], '412 if-unmodified-since'],
  ['epoch', 'PUT', usual, ['If-Unmodified-Since: EPOCH'], '412 if-unmodified-since'],
  ['no date', 'PUT', usual, ['If-Unmodified-Since: foo'], 'perform'],
  ['two lines', 'PUT', usual, ['If-Unmodified-Since: BEFORE', 'If-Unmodified-Since: BEFORE'], 'perform'],
  ['no Last-Modified', 'PUT', tagOnly, ['If-Unmodified-Since: BEFORE'], 'perform'],
  ['not there', 'PUT', absent, ['If-Unmodified-Since: BEFORE'], 'perform'],
  ['on GET', 'GET', usual, ['If-Unmodified-Since: BEFORE'], '412 if-unmodified-since'],
];

const unknownRows: Row[] = [
  ['no condition', 'PUT', unknown, [], 'perform'],
  ['If-Match', 'PUT', unknown, ['If-Match: *'], UNDECIDED],
  ['If-None-Match', 'PUT', unknown, ['If-None-Match: "v1"'], UNDECIDED],
  ['If-Unmodified-Since', 'PUT', unknown, ['If-Unmodified-Since: AFTER'], UNDECIDED],
  ['If-Unmodified-Since that is no date', 'PUT', unknown, ['If-Unmodified-Since: foo'], 'perform'],
  ['If-Modified-Since on a write', 'PUT', unknown, ['If-Modified-Since: AFTER'], 'perform'],
  ['If-Modified-Since on a read', 'GET', unknown, ['If-Modified-Since: AFTER'], UNDECIDED],
  ['If-None-Match on a read', 'GET', unknown, ['If-None-Match: "v2"'], UNDECIDED],
  ['If-Match on OPTIONS', 'OPTIONS', unknown, ['If-Match: *'], 'perform'],
];

const tables = {
  'If-Match': ifMatchRows,
  'If-None-Match': ifNoneMatchRows,
  'If-Modified-Since': ifModifiedSinceRows,
  'If-Unmodified-Since': ifUnmodifiedSinceRows,
  'a state nobody knows': unknownRows,
};

for (const [title, rows] of Object.entries(tables)) {
  t.test(title, async (t) => {
    for (const [name, method, on, fields, verdict, weak] of rows) {
      const preconditions = readPreconditions(linesOf(...fields), NOW);
      t.equal(inShort(evaluate(method, preconditions, on, weak ?? 'reject')), verdict, name);
    }
  });
}
