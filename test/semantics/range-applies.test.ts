// If-Range: whether Range is to be honoured.

import t from 'tap';
import { rangeApplies } from '../../src/semantics/evaluate.ts';
import { readPreconditions } from '../../src/semantics/preconditions.ts';
import { readValidators } from '../../src/semantics/representation.ts';
import { linesOf, NOW } from '../fixtures/representations.ts';

const DATED = ['Last-Modified: MODIFIED', 'Date: AFTER'];

const rows: [name: string, request: string[], response: string[], applies: boolean][] = [
  ['no If-Range', [], [], true],
  ['tag matches', ['If-Range: "v2"'], ['ETag: "v2"'], true],
  ['tag does not match', ['If-Range: "v1"'], ['ETag: "v2"'], false],
  ['weak against weak', ['If-Range: W/"v2"'], ['ETag: W/"v2"'], false],
  ['weak against strong', ['If-Range: W/"v2"'], ['ETag: "v2"'], false],
  ['strong against weak', ['If-Range: "v2"'], ['ETag: W/"v2"'], false],
  ['tag without ETag', ['If-Range: "v2"'], DATED, false],
  ['tag with an unusable ETag', ['If-Range: "v2"'], ['ETag: v2'], false],
  ['unquoted', ['If-Range: v2'], ['ETag: "v2"'], false],
  ['list', ['If-Range: "v1", "v2"'], ['ETag: "v2"'], false],
  ['star', ['If-Range: *'], ['ETag: "v2"'], false],
  ['two lines', ['If-Range: "v2"', 'If-Range: "v2"'], ['ETag: "v2"'], false],
  ['empty', ['If-Range:'], ['ETag: "v2"'], false],
  ['date equal and strong', ['If-Range: MODIFIED'], DATED, true],
  ['date equal in another form', ['If-Range: Tuesday, 15-Nov-94 12:45:26 GMT'], DATED, true],
  ['date equal but weak', ['If-Range: MODIFIED'], ['Last-Modified: MODIFIED', 'Date: MODIFIED'], false],
  ['date later', ['If-Range: AFTER'], DATED, false],
  ['date earlier', ['If-Range: BEFORE'], DATED, false],
  ['date without Last-Modified', ['If-Range: MODIFIED'], ['ETag: "v2"', 'Date: AFTER'], false],
  ['the epoch, equal and strong', ['If-Range: EPOCH'], ['Last-Modified: EPOCH', 'Date: AFTER'], true],
];

for (const [name, request, response, applies] of rows) {
  t.test(name, async (t) => {
    const preconditions = readPreconditions(linesOf('Range: bytes=0-4', ...request), NOW);
    t.equal(rangeApplies(preconditions, readValidators(linesOf(...response), NOW)), applies);
  });
}

t.test('without Range, If-Range is ignored', async (t) => {
  const preconditions = readPreconditions(linesOf('If-Range: "v1"'), NOW);
  t.equal(rangeApplies(preconditions, readValidators(linesOf('ETag: "v2"'), NOW)), true);
});
