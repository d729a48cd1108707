// The key of one resource, as one route sees it.

import { folding } from './octets.ts';
import { decodeQueryText } from './query.ts';
import { mergeReading } from './readings.ts';
import type { Readings } from './target.ts';

/** Why a request names no one resource. */
export interface ResourceFault {
  readonly code: 'resource-ambiguous';
  readonly detail: string;
}

/** Names and raw values of a query. */
export type Pairs = readonly (readonly [name: string, value: string])[];

/**
 * A path as keys have it: the decoded segments of its most merged reading, so that no spelling of one resource has a key of
 * its own; merging two resources costs waiting, splitting one costs an update. A fault when servers take the path for two
 * resources that no key can merge: `/a;b%2Fc` is `/a` or `/a/c`.
 */
export function mergedPath(readings: Readings): readonly string[] | ResourceFault {
  if (readings.length > 1 && new Set(readings.map(mergeReading)).size > 1) {
    const detail = 'Send the path without encoded separators inside of segment parameters (";").';
    return { code: 'resource-ambiguous', detail };
  }
  return readings.at(-1) ?? [];
}

/**
 * JSON array of the path's segments, then of the query pairs that a route names, by their names. `insensitive` folds ASCII
 * letters, in the pairs too. What is no path has no key either.
 */
export function keyOf(
  path: ReturnType<typeof mergedPath>,
  pairs: Pairs,
  insensitive: boolean,
): string | ResourceFault {
  if ('code' in path) return path;
  const fold = folding(insensitive);
  const named = pairs.map((pair) => pair.map((text) => fold(decodeQueryText(text)))).sort(byName);
  return JSON.stringify([...path.map(fold), ...named]);
}

function byName([one = '']: readonly string[], [other = '']: readonly string[]): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
