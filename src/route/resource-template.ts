// The template of a route's `resource`: another URL of the same origin, `/orders/:id` or `/api.php?id={query.id}`.

import { folding } from './octets.ts';
import { covers, literalFault, type Pattern, toPattern } from './pattern.ts';
import { decodeQueryText, type QueryParameters, queryParameter, splitPair } from './query.ts';
import type { Pairs, ResourceFault } from './resource-key.ts';
import type { Match } from './route-table.ts';
import type { Readings, Target } from './target.ts';

/** A filled template: raw text, and the names and raw values of its query; no query in the template, no pairs. */
export interface FilledTemplate {
  readonly path: string;
  readonly query: string;
  readonly pairs: Pairs;
}

const PLACEHOLDER = /\{query\.([A-Za-z0-9_.-]+)\}/g;
const QUERY_TEXT = /^(?:[!"$&-~]|%[0-9a-f]{2})*$/i;

/**
 * Why a template is no good for a route of this pattern, as one sentence for the configuration's author, or undefined.
 *
 * Its path has literals, `:name` segments that the pattern has too, `*` at the end if the pattern ends so, and may
 * end in a slash. `{query.name}` stands in values of its query only: in a path it could name anything.
 */
export function resourceTemplateFault(template: string, pattern: string): string | undefined {
  if (!template.startsWith('/')) return 'a resource starts with "/"';
  const [path, query] = splitTemplate(template);
  if (path.includes('{')) return '"{query.name}" stands in the query of a resource only';
  const known = new Set(placeholders(pattern));
  const segments = path.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '' && last) continue;
    const name = placeholderName(segment);
    const fault = name === undefined || (name === '*' && !last) ? literalFault(segment) : undefined;
    if (fault !== undefined) return fault;
    if (name !== undefined && !known.has(name)) return `the path pattern ${pattern} has no "${segment}"`;
  }
  return query === undefined ? undefined : templateQueryFault(query);
}

/**
 * Fills a faultless template with a request's own raw text. A fault when a parameter of the query has two values, or when
 * servers differ on one of the path.
 */
export function fillTemplate(template: string, match: Match, target: Target): FilledTemplate | ResourceFault {
  const [pathTemplate, queryTemplate] = splitTemplate(template);
  if (placeholders(pathTemplate).some((name) => match.disputed?.includes(name))) return partsOfTwo();
  const path = pathTemplate
    .split('/')
    .map((segment) => match.params[placeholderName(segment) ?? ''] ?? segment)
    .join('/');
  if (queryTemplate === undefined) return { path, query: '', pairs: [] };
  let ambiguous: string | undefined;
  const query = queryTemplate.replace(PLACEHOLDER, (_, name: string) => {
    const value = queryParameter(target.query, name, match.route.case === 'insensitive');
    if (value === undefined) ambiguous = name;
    return value ?? '';
  });
  if (ambiguous !== undefined) return sendOnce(ambiguous);
  return { path, query: `?${query}`, pairs: query.split('&').map(splitPair) };
}

/** A template the other way round: the URLs that it may make, whatever it is filled with. */
export interface Denoted {
  readonly path: Pattern;
  /** As written, with their placeholders. */
  readonly pairs: Pairs;
}

/** What a faultless template may make. */
export function denotedBy(template: string, insensitive: boolean): Denoted {
  const [path, query] = splitTemplate(template);
  const pairs = query === undefined ? [] : query.split('&').map(splitPair);
  return { path: toPattern(path.replace(/(?<=.)\/$/, ''), insensitive), pairs };
}

/**
 * The pairs by which a template would know a target as one that it made; undefined when it cannot have made it. What is
 * written out in the template counts for a target that does not name it.
 */
export function pairsBy(
  { path, pairs }: Denoted,
  readings: Readings,
  parameters: QueryParameters,
  insensitive: boolean,
): Pairs | undefined | ResourceFault {
  if (!readings.some((reading) => covers(path, reading, insensitive))) return undefined;
  const known: [string, string][] = [];
  for (const [name, written] of pairs) {
    const given = parameters(decodeQueryText(name), insensitive);
    if (given === undefined) return sendOnce(decodeQueryText(name));
    const literal = !written.includes('{');
    if (literal && given !== '' && !isSameText(given, written, insensitive)) return undefined;
    known.push([name, literal ? written : given]);
  }
  return known;
}

/** The fault of a request of which servers take different parts for those that name its resource. */
export function partsOfTwo(): ResourceFault {
  const detail = 'Send the path without encoded separators: servers take it for parts of two resources.';
  return { code: 'resource-ambiguous', detail };
}

function sendOnce(name: string): ResourceFault {
  const detail = `Send the query parameter "${name}" once, so that it names one resource.`;
  return { code: 'resource-ambiguous', detail };
}

function isSameText(one: string, other: string, insensitive: boolean): boolean {
  const fold = folding(insensitive);
  return fold(decodeQueryText(one)) === fold(decodeQueryText(other));
}

function splitTemplate(template: string): [path: string, query: string | undefined] {
  const mark = template.indexOf('?');
  return mark === -1 ? [template, undefined] : [template.slice(0, mark), template.slice(mark + 1)];
}

function placeholders(pattern: string): string[] {
  return pattern.split('/').flatMap((segment) => placeholderName(segment) ?? []);
}

function placeholderName(segment: string): string | undefined {
  if (segment === '*') return '*';
  return segment.startsWith(':') ? segment.slice(1) : undefined;
}

function templateQueryFault(query: string): string | undefined {
  for (const pair of query.split('&')) {
    const [name, value] = splitPair(pair);
    if (name === '') return 'the query of a resource has pairs "name=value", joined by "&"';
    if (value.startsWith(':'))
      return `"${value}" stands for a segment of a path: in a query write {query.name}`;
    if (/[{}]/.test(name + value.replace(PLACEHOLDER, ''))) return `"${pair}": a placeholder is {query.name}`;
    if (pair.includes(';')) return `"${pair}": write ";" as %3B`;
    if (!QUERY_TEXT.test(pair)) return `"${pair}": write other characters percent-encoded, as UTF-8`;
  }
  return undefined;
}
