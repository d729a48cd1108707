// Prefer: return=representation on a failed condition: the 412 carries the current representation (RFC 8144 3.2).
import { fetchRepresentation } from '../origin/fetch-representation.ts';
import { probeFields, withoutField } from '../origin/fields.ts';
import { type FieldLines, fieldValue, fieldValues } from '../semantics/fields.ts';
import type { Exchange, MadeAnswer, Tools } from './exchange.ts';
import { shownFields } from './refuse.ts';

const REPRESENTATION_FIELDS = [
  'content-type',
  'content-encoding',
  'content-language',
  'content-location',
  'etag',
  'last-modified',
];

/** A URI, or a path of its own. */
const IS_ABSOLUTE = /^(?:\/|[a-z][a-z0-9+.-]*:)/i;

/** A member of the list: there may be commas in quoted strings (RFC 7240 2). Each octet can be read in one way only. */
const PREFERENCE = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;

const RETURN = /^[ \t]*return[ \t]*(?:[=;]|$)/i;
const REPRESENTATION = /^[^=;]*=[ \t]*"?representation"?[ \t]*(?:;|$)/;

/** The first `return` preference counts, whatever its value is (RFC 7240 2). */
export function representationWanted(fields: FieldLines): boolean {
  for (const value of fieldValues(fields, 'prefer')) {
    for (const [preference] of value.matchAll(PREFERENCE)) {
      if (RETURN.test(preference)) return REPRESENTATION.test(preference);
    }
  }
  return false;
}

/** The 412 with the current representation, or the plain one when there is none to be had in time and size. */
export async function withRepresentation(
  exchange: Exchange,
  tools: Tools,
  plain: MadeAnswer,
): Promise<MadeAnswer> {
  const target = exchange.probed;
  const current = await fetchRepresentation(tools.origin, {
    target,
    fields: probeFields(exchange.forwarded),
    timeoutMs: tools.probe.timeoutMs,
    limit: tools.buffer,
    clientGone: exchange.clientGone,
  });
  if (current === undefined) return plain;
  const shown = shownFields(current.fields, REPRESENTATION_FIELDS);
  const location = fieldValue(shown, 'content-location');
  // one that is relative is so to where it was asked for, which may be another URL
  const stands = location !== undefined && (target === exchange.target || IS_ABSOLUTE.test(location));
  const fields = [
    ...(stands ? shown : withoutField(shown, 'content-location')),
    ...['Content-Length', String(current.content.length), 'Cache-Control', 'no-store'],
    ...['Preference-Applied', 'return=representation', 'Vary', 'Prefer', 'X-Content-Type-Options', 'nosniff'],
    ...['Proxy-Status', fieldValue(plain.fields, 'proxy-status') ?? 'ifmatch'],
  ];
  // without it the content would be taken for a representation of the 412 itself (RFC 8144 3.2)
  if (!stands) fields.push('Content-Location', referenceTo(target));
  return { ...plain, fields, content: current.content };
}

/** As a reference, `//a/b` would be `/b` of another authority (RFC 3986 4.2). */
function referenceTo(target: string): string {
  return target.startsWith('//') ? `/.${target}` : target;
}
