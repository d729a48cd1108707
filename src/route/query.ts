// Query parameters of a target, read as the many servers read them.

import { decodeOctets, folding } from './octets.ts';

/** As `queryParameter`, of one query. */
export type QueryParameters = (name: string, insensitive: boolean) => string | undefined;

/**
 * The raw value of one named query parameter: '' when absent, undefined when servers could take different ones.
 *
 * The name is compared decoded, `+` as a space; in any case of ASCII letters when `insensitive`. Undefined for: two
 * occurrences with different text; a `;` that some servers split at; a name that PHP turns into the wanted one
 * (leading spaces dropped, `.` and space as `_`, cut at `[` and at NUL).
 */
export function queryParameter(query: string, name: string, insensitive: boolean): string | undefined {
  const fold = folding(insensitive);
  const wanted = fold(name);
  const values = new Set<string>();
  for (const separator of ['&', /[&;]/]) {
    for (const pair of query.slice(1).split(separator)) {
      const [rawName, value] = splitPair(pair);
      const given = fold(decodeQueryText(rawName));
      if (given !== wanted && looseName(given) !== looseName(wanted)) continue;
      if (given !== wanted) return undefined;
      values.add(value);
    }
  }
  const [first = ''] = values;
  return values.size > 1 ? undefined : first;
}

/** Reads the parameters of one query, each once however many templates ask for it: a long query takes a millisecond. */
export function parametersOf(query: string): QueryParameters {
  const known = new Map<string, string | undefined>();
  return (name, insensitive) => {
    const asked = `${insensitive ? 'i' : 's'} ${name}`;
    if (!known.has(asked)) known.set(asked, queryParameter(query, name, insensitive));
    return known.get(asked);
  };
}

/** Splits `name=value`; without `=` the value is empty. */
export function splitPair(pair: string): [name: string, value: string] {
  const equals = pair.indexOf('=');
  return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/**
 * Decodes a name or value of a query for comparison: percent triplets, then `+` as a space, an encoded plus too,
 * because servers disagree on it.
 */
export function decodeQueryText(text: string): string {
  return decodeOctets(text).replaceAll('+', ' ');
}

function looseName(name: string): string {
  return name
    .replace(/^ +/, '')
    .replace(/[[\0].*$/s, '')
    .replace(/[ .]/g, '_');
}
