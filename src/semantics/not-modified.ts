// Which fields of a 200 (or 206) go into the 304 that stands in for it (RFC 9110 15.4.5).

import { type FieldLines, fieldValue } from './fields.ts';

/**
 * Fields that describe the content, or its framing, which a 304 does not have. Listed by name, since other fields
 * begin with `Content-` too: Content-Location must stay, and so must Content-Security-Policy.
 */
const DESCRIBES_CONTENT: ReadonlySet<string> = new Set([
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'repr-digest',
  'trailer',
  'transfer-encoding',
]);

/**
 * The field lines of the 304: those of the 200 in their order and byte for byte, without what describes the content.
 * Last-Modified stays only where there is no ETag to update a cache by.
 */
export function notModifiedFields(fields: FieldLines): string[] {
  const hasEntityTag = fieldValue(fields, 'etag') !== undefined;
  const kept: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const lower = name.toLowerCase();
    if (DESCRIBES_CONTENT.has(lower) || (hasEntityTag && lower === 'last-modified')) continue;
    kept.push(name, fields[at + 1] ?? '');
  }
  return kept;
}
