// Which field decides: every combination, against the steps of RFC 9110 13.2.2 as they read, and some by name.

import t from 'tap';
import { evaluate } from '../../src/semantics/evaluate.ts';
import { readPreconditions } from '../../src/semantics/preconditions.ts';
import { type Representation, readValidators } from '../../src/semantics/representation.ts';
import { DATES, inShort, linesOf, NOW, usual } from '../fixtures/representations.ts';

const { BEFORE, MODIFIED, AFTER } = DATES;

const methods = [
  'GET',
  'HEAD',
  'PUT',
  'PATCH',
  'POST',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY',
  'get',
];
const tagValues = [undefined, '*', '"v2"', '"v1", "v2"', 'W/"v2"', '"v1"', 'v2', ''];
const dateValues = [undefined, BEFORE, MODIFIED, AFTER, 'foo'];

interface Resource {
  state: 'current' | 'absent' | 'unknown';
  etag?: string;
  lastModified?: string;
}

const resources: Resource[] = [
  { state: 'current', etag: '"v2"', lastModified: MODIFIED },
  { state: 'current', etag: 'W/"v2"', lastModified: MODIFIED },
  { state: 'current', etag: 'v2', lastModified: MODIFIED },
  { state: 'current', etag: '"v2"' },
  { state: 'current', lastModified: MODIFIED },
  { state: 'current' },
  { state: 'absent' },
  { state: 'unknown' },
];

interface Request {
  method: string;
  im: string | undefined;
  ius: string | undefined;
  inm: string | undefined;
  ims: string | undefined;
}

/** The tags of a condition; undefined when it is malformed. Enough for the values above, and for nothing else. */
function tagsOf(value: string): string[] | undefined {
  return /^(W\/)?".*"$/.test(value) ? value.split(', ') : undefined;
}

/** The steps one after the other, each written out; on purpose nothing is shared with the code under test. */
function stepByStep(request: Request, resource: Resource): string {
  const { method, im, ius, inm, ims } = request;
  const read = method === 'GET' || method === 'HEAD';
  const exists = resource.state === 'current';
  const etag = resource.etag ?? '';
  const goodTag = etag.includes('"');
  const modified = resource.lastModified ? Date.parse(resource.lastModified) : undefined;
  const held: string[] = [];

  if (['OPTIONS', 'TRACE', 'CONNECT'].includes(method)) return 'perform';
  if (resource.state === 'unknown') {
    const imsCounts = read && inm === undefined && ims !== undefined && ims !== 'foo';
    const iusCounts = im === undefined && ius !== undefined && ius !== 'foo';
    return im !== undefined || inm !== undefined || iusCounts || imsCounts
      ? 'undecided: no answer'
      : 'perform';
  }
  if (read && !exists) return 'perform';

  // 1. When If-Match is present, evaluate it: true, continue; false, respond 412.
  if (im !== undefined) {
    const strongHit = goodTag && !etag.startsWith('W/') && (tagsOf(im) ?? []).includes(etag);
    if (!(exists && (im === '*' || strongHit))) return '412 if-match';
    held.push('if-match');
  }
  // 2. When If-Match is not present and If-Unmodified-Since is: true, continue; false, respond 412.
  if (im === undefined && ius !== undefined && ius !== 'foo' && modified !== undefined) {
    if (modified > Date.parse(ius)) return '412 if-unmodified-since';
    held.push('if-unmodified-since');
  }
  // 3. When If-None-Match is present: true, continue; false for GET or HEAD, respond 304; false otherwise, 412.
  if (inm !== undefined) {
    const no = read ? '304 if-none-match' : '412 if-none-match';
    const malformed = inm !== '*' && tagsOf(inm) === undefined;
    const weakHit = (tagsOf(inm) ?? []).some((tag) => tag.replace('W/', '') === etag.replace('W/', ''));
    const cannotTell = malformed || (exists && inm !== '*' && etag !== '' && !goodTag);
    if (cannotTell && !read) return no;
    if (!cannotTell && exists && (inm === '*' || weakHit)) return no;
    held.push('if-none-match');
  }
  // 4. When the method is GET or HEAD, If-None-Match is not present, and If-Modified-Since is: false, respond 304.
  if (read && inm === undefined && ims !== undefined && ims !== 'foo' && modified !== undefined) {
    if (modified <= Date.parse(ims)) return '304 if-modified-since';
    held.push('if-modified-since');
  }
  // 6. Otherwise, perform the requested method.
  return ['perform', ...held].join(' ');
}

function representationOf(resource: Resource): Representation {
  if (resource.state === 'unknown') return { state: 'unknown', reason: 'no answer' };
  if (resource.state === 'absent') return { state: 'absent' };
  const etag = resource.etag === undefined ? [] : ['ETag', resource.etag];
  const date = resource.lastModified === undefined ? [] : ['Last-Modified', resource.lastModified];
  return { state: 'current', validators: readValidators([...etag, ...date], NOW) };
}

function fieldsOf({ im, ius, inm, ims }: Request): string[] {
  const fields = {
    'If-Modified-Since': ims,
    'If-None-Match': inm,
    'If-Unmodified-Since': ius,
    'If-Match': im,
  };
  return Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

function* requests(method: string): Generator<Request> {
  for (const im of tagValues)
    for (const ius of dateValues)
      for (const inm of tagValues) for (const ims of dateValues) yield { method, im, ius, inm, ims };
}

for (const method of methods) {
  t.test(`${method} with every combination of conditional fields`, async (t) => {
    const seen = new Set<string>();
    const wrong: unknown[] = [];
    for (const resource of resources) {
      const representation = representationOf(resource);
      for (const request of requests(method)) {
        const expected = stepByStep(request, resource);
        const got = inShort(
          evaluate(method, readPreconditions(fieldsOf(request), NOW), representation, 'reject'),
        );
        seen.add(got);
        if (got !== expected) wrong.push({ resource, request, expected, got });
      }
    }
    t.strictSame(wrong.slice(0, 5), [], 'the same verdict as step by step');
    t.equal(
      seen.size > 1,
      !['OPTIONS', 'TRACE', 'CONNECT'].includes(method),
      'more than one verdict was seen',
    );
  });
}

const IM_TRUE = 'If-Match: "v2"';
const INM_TRUE = 'If-None-Match: "v1"';
const INM_FALSE = 'If-None-Match: "v2"';
const INM_BAD = 'If-None-Match: v2';
const INM_EMPTY = 'If-None-Match:';
const IMS_TRUE = 'If-Modified-Since: BEFORE';
const IMS_FALSE = 'If-Modified-Since: AFTER';
const IUS_TRUE = 'If-Unmodified-Since: AFTER';
const IUS_FALSE = 'If-Unmodified-Since: BEFORE';

const namedRows: [name: string, method: string, fields: string[], verdict: string][] = [
  ['If-Match true, If-Unmodified-Since false', 'PUT', [IM_TRUE, IUS_FALSE], 'perform if-match'],
  ['If-Match malformed, If-Unmodified-Since true', 'PUT', ['If-Match: v1', IUS_TRUE], '412 if-match'],
  ['If-Match empty, If-Unmodified-Since true', 'PUT', ['If-Match:', IUS_TRUE], '412 if-match'],
  ['If-None-Match true, If-Modified-Since false', 'GET', [INM_TRUE, IMS_FALSE], 'perform if-none-match'],
  ['If-None-Match malformed, If-Modified-Since false', 'GET', [INM_BAD, IMS_FALSE], 'perform if-none-match'],
  ['If-None-Match empty, If-Modified-Since false', 'GET', [INM_EMPTY, IMS_FALSE], 'perform if-none-match'],
  ['If-Match false, If-None-Match false', 'GET', ['If-Match: "v1"', INM_FALSE], '412 if-match'],
  ['If-Match true, If-None-Match false', 'PUT', [IM_TRUE, INM_FALSE], '412 if-none-match'],
  ['If-Match true, If-None-Match false, on a read', 'GET', [IM_TRUE, INM_FALSE], '304 if-none-match'],
  ['If-Unmodified-Since no date', 'GET', ['If-Unmodified-Since: foo', INM_FALSE], '304 if-none-match'],
  ['both tag fields true', 'PUT', [INM_TRUE, IM_TRUE], 'perform if-match if-none-match'],
  ['both dates true', 'GET', [IMS_TRUE, IUS_TRUE], 'perform if-unmodified-since if-modified-since'],
];

for (const [name, method, fields, verdict] of namedRows) {
  t.test(name, async (t) => {
    t.equal(inShort(evaluate(method, readPreconditions(linesOf(...fields), NOW), usual, 'reject')), verdict);
  });
}

t.test('the order of the lines does not matter', async (t) => {
  const texts = [IM_TRUE, IUS_FALSE, INM_FALSE, IMS_TRUE];
  for (let turn = 0; turn < texts.length; turn += 1) {
    const turned = [...texts.slice(turn), ...texts.slice(0, turn)];
    const verdict = evaluate('GET', readPreconditions(linesOf(...turned), NOW), usual, 'reject');
    t.equal(inShort(verdict), '304 if-none-match', turned.join(', '));
  }
});
