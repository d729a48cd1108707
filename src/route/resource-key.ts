// The key of one resource, as one route sees it.

import { foldCase } from './octets.ts';
import { decodeQueryText } from './query.ts';
import { mergeReading } from './readings.ts';

/** Why a request names no one resource. */
export interface ResourceFault {
  readonly code: 'resource-ambiguous';
  readonly detail: string;
}

/** Names and raw values of a query. */
export type Pairs = readonly (readonly [name: string, value: string])[];

/**
 * JSON array of the path's decoded segments, then of the query pairs that a route names, by their names.
 *
 * The path is taken by its most merged reading, so that no spelling of one resource has a key of its own; merging two
 * resources costs waiting, splitting one costs an update. `insensitive` folds ASCII letters, in the pairs too. A fault
 * when servers take the path for two resources that no key can merge: `/a;b%2Fc` is `/a` or `/a/c`.
 */
export function keyOf(
  readings: readonly (readonly string[])[],
  pairs: Pairs,
  insensitive: boolean,
): string | ResourceFault {
  if (readings.length > 1 && new Set(readings.map(mergeReading)).size > 1) {
    const detail = 'Send the path without encoded separators inside of segment parameters (";").';
    return { code: 'resource-ambiguous', detail };
  }
  const merged = readings.at(-1) ?? [];
  const fold = insensitive ? foldCase : (text: string) => text;
  const named = pairs.map((pair) => pair.map((text) => fold(decodeQueryText(text)))).sort(byName);
  return JSON.stringify([...merged.map(fold), ...named]);
}

function byName([one = '']: readonly string[], [other = '']: readonly string[]): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
