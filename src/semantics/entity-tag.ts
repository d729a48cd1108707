// Entity-tags: grammar, lists of them as in If-Match and If-None-Match, and the two comparisons (RFC 9110 8.8.3).

import { skipOws, trimOws } from './fields.ts';

/** One entity-tag. `opaqueTag` is the text between the quotes, which has no escapes; it may be empty. */
export interface EntityTag {
  readonly weak: boolean;
  readonly opaqueTag: string;
}

/** What If-Match or If-None-Match asks for: any current representation, or one of these tags (at least one). */
export type TagCondition = '*' | readonly EntityTag[];

const DQUOTE = 0x22;
const COMMA = 0x2c;
const CAPITAL_W = 0x57;

/** One entity-tag with nothing but optional whitespace around it, or undefined. */
export function parseEntityTag(value: string): EntityTag | undefined {
  const text = trimOws(value);
  return tagEnd(text, 0) === text.length ? tagBetween(text, 0, text.length) : undefined;
}

/**
 * All lines of an If-Match or If-None-Match field: `*` alone, or a list with at least one entity-tag (RFC 9110
 * 13.1.1). Empty members are skipped (5.6.1.2). Anything else, `*` within a list or repeated included, gives undefined.
 * Time is linear in the length of the lines.
 */
export function parseTagCondition(lines: readonly string[]): TagCondition | undefined {
  const [first] = lines;
  if (lines.length === 1 && first !== undefined && trimOws(first) === '*') return '*';
  const tags: EntityTag[] = [];
  // A tag cannot continue on the next line: lines are joined by ", ", and a space is no part of a tag.
  const wellFormed = lines.every((line) => readMembers(line, tags));
  return wellFormed && tags.length > 0 ? tags : undefined;
}

/** Strong comparison: neither is weak, and the opaque-tags are identical (RFC 9110 8.8.3.2). */
export function strongMatch(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaqueTag === b.opaqueTag;
}

/** Weak comparison: the opaque-tags are identical (RFC 9110 8.8.3.2). */
export function weakMatch(a: EntityTag, b: EntityTag): boolean {
  return a.opaqueTag === b.opaqueTag;
}

/** The tag as it stands in a field. */
export function formatEntityTag(tag: EntityTag): string {
  return `${tag.weak ? 'W/' : ''}"${tag.opaqueTag}"`;
}

/** Appends the members of one field line to `tags`; false at the first thing that is neither a tag nor empty. */
function readMembers(line: string, tags: EntityTag[]): boolean {
  let at = skipOws(line, 0);
  while (at < line.length) {
    if (line.charCodeAt(at) === COMMA) {
      at = skipOws(line, at + 1);
      continue;
    }
    const end = tagEnd(line, at);
    if (end === undefined) return false;
    tags.push(tagBetween(line, at, end));
    at = skipOws(line, end);
    if (at < line.length && line.charCodeAt(at) !== COMMA) return false;
  }
  return true;
}

/** Where the entity-tag that begins at `start` ends (exclusive); undefined when none begins there. */
function tagEnd(text: string, start: number): number | undefined {
  let at = text.startsWith('W/', start) ? start + 2 : start;
  if (text.charCodeAt(at) !== DQUOTE) return undefined;
  do at += 1;
  while (isEtagc(text.charCodeAt(at)));
  return text.charCodeAt(at) === DQUOTE ? at + 1 : undefined;
}

function tagBetween(text: string, start: number, end: number): EntityTag {
  const weak = text.charCodeAt(start) === CAPITAL_W;
  return { weak, opaqueTag: text.slice(start + (weak ? 3 : 1), end - 1) };
}

/** etagc = %x21 / %x23-7E / obs-text; NaN, past the end of the text, is none. */
function isEtagc(code: number): boolean {
  return code === 0x21 || (code >= 0x23 && code <= 0x7e) || (code >= 0x80 && code <= 0xff);
}
