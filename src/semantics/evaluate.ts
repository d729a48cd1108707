// The decision: preconditions against the current representation, in the order of RFC 9110 13.2.2.

import { type EntityTag, strongMatch, type TagCondition, weakMatch } from './entity-tag.ts';
import { isRead, selectsRepresentation } from './method.ts';
import type { ConditionalField, Preconditions } from './preconditions.ts';
import type { Representation, Validators } from './representation.ts';

export type Verdict =
  /** `held`: the conditions that were evaluated and true; empty when there was none, or all were ignored. */
  | { readonly action: 'perform'; readonly held: readonly ConditionalField[] }
  /** `field`: the condition that is false. */
  | { readonly action: 'respond'; readonly status: 304 | 412; readonly field: ConditionalField }
  | { readonly action: 'undecided'; readonly reason: string };

type DecidingField = Exclude<ConditionalField, 'if-range'>;

/** A condition's value; undefined: the RFC says to ignore it. */
type Condition = boolean | undefined;

/**
 * Steps 1 to 4 of RFC 9110 13.2.2; step 5 is `rangeApplies`. `weak: 'accept'` lets If-Match use the weak comparison.
 * Without a representation GET and HEAD ignore every condition, since their answer is no 2xx anyway (13.2.1).
 */
export function evaluate(
  method: string,
  preconditions: Preconditions,
  representation: Representation,
  weak: 'reject' | 'accept',
): Verdict {
  const fields = decidingFields(method, preconditions);
  if (fields.length === 0) return { action: 'perform', held: [] };
  if (representation.state === 'unknown') return { action: 'undecided', reason: representation.reason };
  if (representation.state === 'absent' && isRead(method)) return { action: 'perform', held: [] };

  const current = representation.state === 'current' ? representation.validators : undefined;
  const held: ConditionalField[] = [];
  for (const field of fields) {
    const condition = conditionOf(field, method, preconditions, current, weak);
    if (condition === false) return { action: 'respond', status: statusOf(field, method), field };
    if (condition) held.push(field);
  }
  return { action: 'perform', held };
}

/** Why no entity-tag that a client may send in If-Match can be true; undefined where one can. Ends a sentence. */
export function whyNoTagMatches({ entityTag }: Validators, weak: 'reject' | 'accept'): string | undefined {
  if (entityTag === undefined) return 'it has no ETag';
  if (entityTag === 'unusable') return 'its ETag is not one entity-tag';
  return entityTag.weak && weak === 'reject' ? 'its ETag is weak' : undefined;
}

/**
 * Whether Range is to be honoured: If-Range is absent or true (RFC 9110 13.1.5). A date is true only when it equals
 * Last-Modified exactly and that is a strong validator.
 */
export function rangeApplies(preconditions: Preconditions, validators: Validators): boolean {
  const { ifRange } = preconditions;
  if (ifRange === undefined) return true;
  if (ifRange === 'unusable') return false;
  if (typeof ifRange === 'number') return validators.strongDate && validators.lastModified === ifRange;
  const { entityTag } = validators;
  return entityTag !== undefined && entityTag !== 'unusable' && strongMatch(ifRange, entityTag);
}

/**
 * The fields that decide, in order: If-Match, else If-Unmodified-Since; then If-None-Match, else, on GET and HEAD,
 * If-Modified-Since (RFC 9110 13.2.2). A tag field shadows its date field with any value; a date that is none is ignored.
 */
function decidingFields(method: string, preconditions: Preconditions): DecidingField[] {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = preconditions;
  const fields: DecidingField[] = [];
  if (!selectsRepresentation(method)) return fields;

  if (ifMatch !== undefined) fields.push('if-match');
  else if (typeof ifUnmodifiedSince === 'number') fields.push('if-unmodified-since');

  if (ifNoneMatch !== undefined) fields.push('if-none-match');
  else if (typeof ifModifiedSince === 'number' && isRead(method)) fields.push('if-modified-since');
  return fields;
}

/** 304 is for GET and HEAD, and says that the client has the representation already (RFC 9110 13.1.2, 13.1.3). */
function statusOf(field: DecidingField, method: string): 304 | 412 {
  const saysNotModified = field === 'if-none-match' || field === 'if-modified-since';
  return saysNotModified && isRead(method) ? 304 : 412;
}

/** `current`: the validators of the current representation; undefined when there is none. */
function conditionOf(
  field: DecidingField,
  method: string,
  preconditions: Preconditions,
  current: Validators | undefined,
  weak: 'reject' | 'accept',
): Condition {
  switch (field) {
    case 'if-match':
      return ifMatch(preconditions.ifMatch, current, weak === 'accept' ? weakMatch : strongMatch);
    case 'if-unmodified-since':
      return ifUnmodifiedSince(preconditions.ifUnmodifiedSince, current);
    case 'if-none-match':
      return ifNoneMatch(preconditions.ifNoneMatch, current, isRead(method));
    case 'if-modified-since':
      return ifModifiedSince(preconditions.ifModifiedSince, current);
  }
}

/** RFC 9110 13.1.1. What cannot be compared does not match: false. */
function ifMatch(
  wanted: TagCondition | 'unusable' | undefined,
  current: Validators | undefined,
  match: (a: EntityTag, b: EntityTag) => boolean,
): Condition {
  if (wanted === undefined) return undefined;
  if (wanted === 'unusable' || current === undefined) return false;
  if (wanted === '*') return true;
  const { entityTag } = current;
  if (entityTag === undefined || entityTag === 'unusable') return false;
  return wanted.some((tag) => match(tag, entityTag));
}

/** RFC 9110 13.1.2. What cannot be compared: a read goes on (a full answer is always right), a write does not. */
function ifNoneMatch(
  unwanted: TagCondition | 'unusable' | undefined,
  current: Validators | undefined,
  read: boolean,
): Condition {
  if (unwanted === undefined) return undefined;
  if (unwanted === 'unusable') return read;
  if (current === undefined) return true;
  if (unwanted === '*') return false;
  const { entityTag } = current;
  if (entityTag === undefined) return true;
  if (entityTag === 'unusable') return read;
  return !unwanted.some((tag) => weakMatch(tag, entityTag));
}

/** RFC 9110 13.1.4. */
function ifUnmodifiedSince(
  date: number | 'unusable' | undefined,
  current: Validators | undefined,
): Condition {
  if (typeof date !== 'number' || current?.lastModified === undefined) return undefined;
  return current.lastModified <= date;
}

/** RFC 9110 13.1.3. */
function ifModifiedSince(date: number | 'unusable' | undefined, current: Validators | undefined): Condition {
  if (typeof date !== 'number' || current?.lastModified === undefined) return undefined;
  return current.lastModified > date;
}
