// What holds for the verdict on every request, well-formed or not.

import fc from 'fast-check';
import t from 'tap';
import { evaluate, type Verdict } from '../../src/semantics/evaluate.ts';
import { isRead, isSafe } from '../../src/semantics/method.ts';
import { readPreconditions } from '../../src/semantics/preconditions.ts';
import type { Representation } from '../../src/semantics/representation.ts';
import * as fixtures from '../fixtures/representations.ts';

const { NOW, DATES, absent, bare, dateOnly, tagOnly, unknown, unusableTag, usual, weakTag } = fixtures;

const value = fc.oneof(
  fc.constantFrom('*', '"v1"', '"v2"', 'W/"v2"', '"v1", "v2"', '', 'v2', '*, "v2"', 'foo'),
  fc.constantFrom(...Object.values(DATES)),
  fc.string({ unit: 'binary-ascii', maxLength: 12 }),
);
const name = fc.constantFrom(
  'If-Match',
  'If-None-Match',
  'If-Modified-Since',
  'If-Unmodified-Since',
  'Range',
);
const request = fc.array(fc.tuple(name, value), { maxLength: 6 }).map((lines) => lines.flat());
const method = fc.constantFrom(
  'GET',
  'HEAD',
  'PUT',
  'PATCH',
  'POST',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'get',
  'X',
);
const known = fc.constantFrom(usual, weakTag, dateOnly, tagOnly, bare, unusableTag, absent);
const weakness = fc.constantFrom('reject' as const, 'accept' as const);
const everything = fc.tuple(method, request, fc.oneof(known, fc.constant(unknown)), weakness);

/** Checks `holds` against the verdict on every kind of request. */
function always(
  holds: (verdict: Verdict, method: string, fields: string[], on: Representation) => boolean,
): void {
  const property = fc.property(everything, ([method, fields, on, weak]) =>
    holds(evaluate(method, readPreconditions(fields, NOW), on, weak), method, fields, on),
  );
  fc.assert(property, { numRuns: 3000 });
}

t.test('304 is for GET and HEAD alone', async () => {
  always((verdict, method) => verdict.action !== 'respond' || verdict.status === 412 || isRead(method));
});

t.test('a state that is known is always decided', async () => {
  always((verdict, _, __, on) => verdict.action !== 'undecided' || on.state === 'unknown');
});

t.test('only fields that were sent are held or false', async () => {
  always((verdict, _, fields) => {
    const sent = fields.map((text) => text.toLowerCase());
    const named =
      verdict.action === 'perform' ? verdict.held : verdict.action === 'respond' ? [verdict.field] : [];
    return named.every((field) => sent.includes(field));
  });
});

t.test('an unsafe method with If-Match is never performed on what is absent or unknown', async () => {
  always((verdict, method, fields, on) => {
    const guarded = fields.includes('If-Match') && !isSafe(method);
    return !guarded || on.state === 'current' || verdict.action !== 'perform';
  });
});

t.test('an unsafe method with If-Match is performed only when that held', async () => {
  always((verdict, method, fields) => {
    const guarded = fields.includes('If-Match') && !isSafe(method);
    return !guarded || verdict.action !== 'perform' || verdict.held.includes('if-match');
  });
});

t.test('accepting weak tags refuses nothing that the strong comparison lets through', async () => {
  fc.assert(
    fc.property(method, request, known, (method, fields, on) => {
      const preconditions = readPreconditions(fields, NOW);
      const strict = evaluate(method, preconditions, on, 'reject');
      return (
        strict.action !== 'perform' || evaluate(method, preconditions, on, 'accept').action === 'perform'
      );
    }),
    { numRuns: 3000 },
  );
});
