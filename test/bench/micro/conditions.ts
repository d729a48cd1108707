// Micro-benchmarks of semantics/: conditional fields read, entity-tags scanned, validators read, the decision.

import { parseEntityTag, parseTagCondition } from '../../../src/semantics/entity-tag.ts';
import { evaluate } from '../../../src/semantics/evaluate.ts';
import { readPreconditions } from '../../../src/semantics/preconditions.ts';
import { type Representation, readValidators } from '../../../src/semantics/representation.ts';
import type { Micro } from './timing.ts';

/** A fixed time, so that every run reads the same. */
const NOW = Date.UTC(2026, 0, 2);

const REQUEST = [
  ...['Host', 'wiki.example', 'User-Agent', 'editor/1.0', 'Accept', 'text/html, */*;q=0.8'],
  ...['Accept-Encoding', 'gzip, br', 'Cookie', 'session=0123456789abcdef', 'Content-Type', 'text/plain'],
  ...['Content-Length', '1024', 'If-Match', '"6955b900-400"'],
];
const ANSWER = [
  ...['Server', 'nginx', 'Date', 'Fri, 02 Jan 2026 00:00:00 GMT', 'Content-Type', 'text/plain'],
  ...['Content-Length', '1024', 'Last-Modified', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ...['Connection', 'keep-alive', 'ETag', '"6955b900-400"', 'Accept-Ranges', 'bytes'],
];

const hundred = [Array.from({ length: 100 }, (_, at) => `"${(at + 1e9).toString(16)}-400"`).join(', ')];
const one = readPreconditions(REQUEST, NOW);
const many = readPreconditions(['If-Match', `${hundred.join()}, "6955b900-400"`], NOW);
const date = readPreconditions(['If-Unmodified-Since', 'Thu, 01 Jan 2026 00:00:00 GMT'], NOW);
const current: Representation = { state: 'current', validators: readValidators(ANSWER, NOW) };

export const MICROS: readonly Micro[] = [
  { name: 'parseEntityTag', run: () => parseEntityTag('"6955b900-400"') },
  { name: 'parseTagCondition, 1 tag', run: () => parseTagCondition(['"6955b900-400"']) },
  { name: 'parseTagCondition, 100 tags', run: () => parseTagCondition(hundred) },
  { name: 'readPreconditions, If-Match', run: () => readPreconditions(REQUEST, NOW) },
  { name: 'readValidators', run: () => readValidators(ANSWER, NOW) },
  { name: 'evaluate, If-Match of 1 tag', run: () => evaluate('PUT', one, current, 'reject') },
  { name: 'evaluate, If-Match of 101 tags', run: () => evaluate('PUT', many, current, 'reject') },
  { name: 'evaluate, If-Unmodified-Since', run: () => evaluate('PUT', date, current, 'reject') },
];
