// Which resource a request is about: what to probe, and the key of its lock.

import { foldCase } from './octets.ts';
import { decodeQueryText } from './query.ts';
import { mergeReading, readPath } from './readings.ts';
import { fillTemplate } from './resource-template.ts';
import type { Match } from './route-table.ts';
import type { Target } from './target.ts';

export interface Resource {
  /** Raw path and query to probe. */
  readonly target: string;
  /** The resource key: JSON array of the path's decoded segments, then of the query pairs that the route names. */
  readonly key: string;
  /** The key of what the target is to servers that resolve it as a reference (`Target.behindAuthority`): a write holds both. */
  readonly otherKey?: string;
}

export interface ResourceFault {
  readonly code: 'resource-ambiguous';
  readonly detail: string;
}

/**
 * The resource that a request is about: its own target, or what the route's `resource` template makes of it.
 *
 * The key is that of the most merged reading, so that no spelling of one resource has a key of its own; merging two
 * resources costs waiting, splitting one costs an update. A query counts only as far as the template has one. A
 * template's key is that of the URL it denotes, whichever route it comes from. With `case: insensitive` ASCII letters
 * are folded, in the query too.
 *
 * A fault when a parameter of the template has two values, in the query or by the readings of the path, or when servers
 * take the path for two resources that no key can merge: `/a;b%2Fc` is `/a` or `/a/c`. Needed for plans that lock or probe;
 * reads do without.
 */
export function resourceOf(match: Match, target: Target): Resource | ResourceFault {
  const { route } = match;
  if (route.resource === undefined) return ofItself(match, target);
  const filled = fillTemplate(route.resource, match, target);
  if ('ambiguous' in filled) {
    const detail = `Send the query parameter "${filled.ambiguous}" once, so that it names one resource.`;
    return { code: 'resource-ambiguous', detail };
  }
  if ('disputed' in filled) {
    const detail = 'Send the path without encoded separators: servers take it for parts of two resources.';
    return { code: 'resource-ambiguous', detail };
  }
  return withKey(match, filled.path + filled.query, readPath(filled.path), filled.pairs);
}

/** What a write to one resource, or to two, holds, in the order in which everybody takes it; without repetition. */
export function keysOf(first: Resource, second = first): readonly string[] {
  if (second === first && first.otherKey === undefined) return [first.key]; // nearly always
  const keys = [first.key, first.otherKey, second.key, second.otherKey];
  return [...new Set(keys.filter((key) => key !== undefined))].sort();
}

function ofItself(match: Match, { raw, path, readings, behindAuthority }: Target): Resource | ResourceFault {
  if (behindAuthority === undefined) return withKey(match, raw, readings, []);
  const resource = withKey(match, raw, readPath(path), []);
  const other = withKey(match, raw, readPath(behindAuthority), []);
  if ('code' in resource || 'code' in other) return 'code' in resource ? resource : other;
  return { ...resource, otherKey: other.key };
}

function withKey(
  match: Match,
  target: string,
  readings: Target['readings'],
  pairs: readonly (readonly [string, string])[],
): Resource | ResourceFault {
  const merged = readings.at(-1) ?? [];
  if (readings.length > 1 && new Set(readings.map(mergeReading)).size > 1) {
    const detail = 'Send the path without encoded separators inside of segment parameters (";").';
    return { code: 'resource-ambiguous', detail };
  }
  const fold = match.route.case === 'insensitive' ? foldCase : (text: string) => text;
  const named = pairs.map((pair) => pair.map((text) => fold(decodeQueryText(text)))).sort(byName);
  return { target, key: JSON.stringify([...merged.map(fold), ...named]) };
}

function byName([one = '']: readonly string[], [other = '']: readonly string[]): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
