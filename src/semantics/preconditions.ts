// The conditional fields of a request, parsed: what the client demands of the current state (RFC 9110 13.1).

import { type EntityTag, parseEntityTag, parseTagCondition, type TagCondition } from './entity-tag.ts';
import { FieldNames } from './field-names.ts';
import type { FieldLines } from './fields.ts';
import { parseHttpDate } from './http-date.ts';

/** Names of the conditional fields, as in logs and answers. */
export type ConditionalField =
  | 'if-match'
  | 'if-none-match'
  | 'if-modified-since'
  | 'if-unmodified-since'
  | 'if-range';

/**
 * An absent field is an absent property. 'unusable' means present, but malformed, no date, or more than one where one
 * is allowed: it never counts as absent, because a field that shadows another does so with any value (RFC 9110 13.2.2).
 */
export interface Preconditions {
  readonly ifMatch?: TagCondition | 'unusable';
  readonly ifNoneMatch?: TagCondition | 'unusable';
  readonly ifModifiedSince?: number | 'unusable';
  readonly ifUnmodifiedSince?: number | 'unusable';
  /** Only when Range is there too (RFC 9110 13.1.5). */
  readonly ifRange?: EntityTag | number | 'unusable';
}

type Draft = { -readonly [K in keyof Preconditions]: Preconditions[K] };

/** Reads the preconditions from a request's field lines. Dates in milliseconds; `now` places two-digit years. */
export function readPreconditions(fields: FieldLines, now: number): Preconditions {
  const lines = conditionalLines(fields);
  const ifMatch = lines.get('if-match');
  const ifNoneMatch = lines.get('if-none-match');
  const ifModifiedSince = lines.get('if-modified-since');
  const ifUnmodifiedSince = lines.get('if-unmodified-since');
  const ifRange = lines.get('if-range');

  const found: Draft = {};
  if (ifMatch) found.ifMatch = parseTagCondition(ifMatch) ?? 'unusable';
  if (ifNoneMatch) found.ifNoneMatch = parseTagCondition(ifNoneMatch) ?? 'unusable';
  if (ifModifiedSince) found.ifModifiedSince = readDate(ifModifiedSince, now);
  if (ifUnmodifiedSince) found.ifUnmodifiedSince = readDate(ifUnmodifiedSince, now);
  if (ifRange && lines.has('range')) found.ifRange = readIfRange(ifRange, now);
  return found;
}

const CONDITIONS = new FieldNames([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
]);

function conditionalLines(fields: FieldLines): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const field = fields[at] ?? '';
    if (!CONDITIONS.has(field)) continue;
    const name = field.toLowerCase();
    const value = fields[at + 1] ?? '';
    const earlier = lines.get(name);
    if (earlier) earlier.push(value);
    else lines.set(name, [value]);
  }
  return lines;
}

/** A date condition with more than one member is to be ignored, even when all are the same (RFC 9110 13.1.3, 13.1.4). */
function readDate(lines: readonly string[], now: number): number | 'unusable' {
  const [value] = lines;
  if (value === undefined || lines.length > 1) return 'unusable';
  return parseHttpDate(value, now) ?? 'unusable';
}

function readIfRange(lines: readonly string[], now: number): EntityTag | number | 'unusable' {
  const [value] = lines;
  if (value === undefined || lines.length > 1) return 'unusable';
  return parseEntityTag(value) ?? parseHttpDate(value, now) ?? 'unusable';
}
