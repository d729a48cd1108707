// Path patterns of routes: literal segments, `:name` for a whole segment, `*` for all that follows.

import { decodeOctets, foldCase } from './octets.ts';
import type { Route } from './route.ts';

export type PatternSegment =
  | { readonly kind: 'literal'; readonly text: string /* decoded */ }
  | { readonly kind: 'parameter'; readonly name: string };

export interface Pattern {
  readonly segments: readonly PatternSegment[];
  /** Ends in `*`: covers what the segments cover and everything below it. */
  readonly rest: boolean;
  readonly insensitive: boolean;
}

const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LITERAL = /^(?:[!$&-.0-9:<-Z[\]^-z|~"`]|%[0-9a-f]{2})+$/i;

/**
 * Why a pattern is no good, as one sentence for the configuration's author, or undefined.
 * What a pattern may say: `/`, `/wiki/:page`, `/a%20b/*`.
 */
export function patternFault(pattern: string): string | undefined {
  if (!pattern.startsWith('/')) return 'a path pattern starts with "/"';
  const names = new Set<string>();
  const segments = splitPattern(pattern);
  for (const [index, segment] of segments.entries()) {
    if (segment === '*' && index === segments.length - 1) continue;
    if (!segment.startsWith(':')) {
      const fault = literalFault(segment);
      if (fault !== undefined) return fault;
      continue;
    }
    const name = segment.slice(1);
    if (!PARAMETER_NAME.test(name))
      return `"${segment}" is not a parameter: its name is made of letters, digits and "_"`;
    if (names.has(name)) return `the parameter "${segment}" is there twice`;
    names.add(name);
  }
  return undefined;
}

/** Why one literal segment, of a pattern or a resource template, is no good. */
export function literalFault(segment: string): string | undefined {
  if (segment === '')
    return 'an empty segment: leave out doubled and trailing slashes, "/a" covers "/a/" too';
  if (segment.includes('*')) return '"*" stands alone as the last segment';
  if (/[?#]/.test(segment)) return 'a path pattern has no query and no fragment';
  if (segment.includes('\\')) return 'a path pattern has no backslash';
  if (segment.includes(';')) return 'a path pattern has no ";": segment parameters are ignored when matching';
  if (/[{}]/.test(segment)) return `"${segment}": a parameter is written ":name"`;
  if (/%(?![0-9a-f]{2})/i.test(segment)) return `"${segment}": two hexadecimal digits follow a "%"`;
  if (/%(?:[01][0-9a-f]|7f|2f|5c|3b)/i.test(segment)) {
    return `"${segment}" never matches: encoded controls are refused, encoded "/", "\\" and ";" are ambiguous`;
  }
  if (!LITERAL.test(segment)) return `"${segment}": write other characters percent-encoded, as UTF-8`;
  const text = decodeOctets(segment);
  if (text === '.' || text === '..') return `"${segment}" never matches: dot segments are refused`;
  return undefined;
}

/**
 * Reads the pattern of a route.
 * @throws Error when the pattern is no good; {@link patternFault} says so before
 */
export function readPattern(route: Route): Pattern {
  const fault = patternFault(route.path);
  if (fault !== undefined) throw new Error(`route ${route.path}: ${fault}`);
  return toPattern(route.path, route.case === 'insensitive');
}

/** Takes a faultless text apart, as which the path of a resource template counts too. */
export function toPattern(text: string, insensitive: boolean): Pattern {
  const written = splitPattern(text);
  const rest = written.at(-1) === '*';
  const segments = (rest ? written.slice(0, -1) : written).map(
    (segment): PatternSegment =>
      segment.startsWith(':')
        ? { kind: 'parameter', name: segment.slice(1) }
        : { kind: 'literal', text: decodeOctets(segment) },
  );
  return { segments, rest, insensitive };
}

/** Whether a pattern covers a path that was read as these segments. A parameter covers no empty segment. */
export function covers(
  pattern: Pattern,
  path: readonly string[],
  insensitive = pattern.insensitive,
): boolean {
  const { segments, rest } = pattern;
  if (rest ? path.length < segments.length : path.length !== segments.length) return false;
  return segments.every((segment, index) => {
    const text = path[index] ?? '';
    if (segment.kind === 'parameter') return text !== '';
    return segment.text === text || (insensitive && foldCase(segment.text) === foldCase(text));
  });
}

/** Whether every path that `inner` covers is covered by `outer` too. */
export function includes(outer: Pattern, inner: Pattern): boolean {
  const reach = outer.segments.length;
  if (outer.rest ? inner.segments.length < reach : inner.rest || inner.segments.length !== reach)
    return false;
  return outer.segments.every((segment, index) => {
    const other = inner.segments[index];
    if (segment.kind === 'parameter') return true;
    if (other?.kind !== 'literal') return false;
    if (outer.insensitive) return foldCase(segment.text) === foldCase(other.text);
    return segment.text === other.text && (!inner.insensitive || !/[a-z]/i.test(other.text));
  });
}

function splitPattern(pattern: string): string[] {
  return pattern === '/' ? [] : pattern.slice(1).split('/');
}
