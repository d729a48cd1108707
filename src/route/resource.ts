// Which resource a request is about: what to probe, and the keys of its lock.

import { parametersOf } from './query.ts';
import { readPath } from './readings.ts';
import { keyOf, mergedPath, type ResourceFault } from './resource-key.ts';
import { denotedBy, fillTemplate, pairsBy, partsOfTwo } from './resource-template.ts';
import type { Route } from './route.ts';
import type { Match, RouteTable } from './route-table.ts';
import { parseTarget, type Readings, type Target } from './target.ts';

export interface Resource {
  /** Raw path and query to probe. */
  readonly target: string;
  /** What a write to it holds: nearly always one key; none twice. */
  readonly keys: readonly string[];
}

export interface Resources {
  /**
   * The resource that a request is about: its own target, or the URL that the route's `resource` template makes of it.
   *
   * A write has a key in common with every write to the URL that it is judged by, whichever route that one takes: it holds
   * the key of the URL, then of what the URL's own route makes of it, and so on, and at the end of this chain the keys by
   * which all templates know the last one. A query counts only as far as a template has one. What may be an authority and
   * a path (`Target.paths`) has the keys of both.
   *
   * A fault when a parameter of a template has two values, in the query or by the readings of the path, or when servers
   * take a path for two resources. Needed for plans that lock or probe; reads do without.
   */
  of(match: Match, target: Target): Resource | ResourceFault;
}

/** @param table of the same routes */
export function buildResources(routes: readonly Route[], table: RouteTable): Resources {
  const templates = routes.flatMap((route) =>
    route.resource === undefined ? [] : [denotedBy(route.resource, isInsensitive(route))],
  );

  /** Adds the keys from here to the end of the chain, and returns what the first template makes. */
  function addChain(match: Match, target: Target, keys: Keys, followed: readonly Route[]): string {
    const { route } = match;
    if (route.resource === undefined) {
      addKnown(route, target, pathsOf(target), keys);
      return target.raw;
    }
    const filled = fillTemplate(route.resource, match, target);
    if ('code' in filled) {
      keys.add(filled);
      return target.raw;
    }
    const made = filled.path + filled.query;
    keys.add(keyOf(mergedPath(readPath(filled.path)), filled.pairs, isInsensitive(route)));
    // `/a/* -> /a/b/*` has no end: the second time is there for who writes to what the first time made
    if (!followed.includes(route)) follow(made, keys, [...followed, route]);
    return made;
  }

  function follow(made: string, keys: Keys, followed: readonly Route[]): void {
    const target = parseTarget(made, undefined);
    const match = 'code' in target ? 'ambiguous' : table.match(target);
    if ('code' in target || match === 'ambiguous') keys.add(partsOfTwo());
    else addChain(match, target, keys, followed);
  }

  /** Adds the keys by which the templates know a target that no route makes another of. */
  function addKnown(route: Route, { query }: Target, paths: readonly ReadPath[], keys: Keys): void {
    const parameters = parametersOf(query);
    for (const template of templates) {
      const insensitive = isInsensitive(route) || template.path.insensitive;
      for (const { readings, merged } of paths) {
        const pairs = pairsBy(template, readings, parameters, insensitive);
        if (pairs === undefined) continue;
        keys.add('code' in pairs ? pairs : keyOf(merged, pairs, insensitive));
      }
    }
  }

  return {
    of(match, target) {
      const { route } = match;
      if (templates.length === 0 && target.paths.length === 1) return alone(target, isInsensitive(route)); // nearly always
      const keys = new Keys();
      if (route.resource !== undefined) return keys.resource(addChain(match, target, keys, []));
      const paths = pathsOf(target);
      for (const { merged } of paths) keys.add(keyOf(merged, [], isInsensitive(route)));
      addKnown(route, target, paths, keys);
      return keys.resource(target.raw);
    },
  };
}

/** What a write to one resource, or to two, holds, in the order in which everybody takes it; without repetition. */
export function keysOf(first: Resource, second?: Resource): readonly string[] {
  if (second === undefined && first.keys.length === 1) return first.keys; // nearly always
  return [...new Set([...first.keys, ...(second?.keys ?? [])])].sort();
}

/** The resource of a target that no template knows. */
function alone({ raw, readings }: Target, insensitive: boolean): Resource | ResourceFault {
  const key = keyOf(mergedPath(readings), [], insensitive);
  return typeof key === 'string' ? { target: raw, keys: [key] } : key;
}

class Keys {
  readonly #keys = new Set<string>();
  #fault: ResourceFault | undefined;

  add(key: string | ResourceFault): void {
    if (typeof key === 'string') this.#keys.add(key);
    else this.#fault ??= key;
  }

  resource(target: string): Resource | ResourceFault {
    return this.#fault ?? { target, keys: [...this.#keys] };
  }
}

/** A path with what is made of it once, not for each template: a long one with many separators takes milliseconds. */
interface ReadPath {
  readonly readings: Readings;
  readonly merged: ReturnType<typeof mergedPath>;
}

function pathsOf({ paths }: Target): readonly ReadPath[] {
  return paths.map((readings) => ({ readings, merged: mergedPath(readings) }));
}

function isInsensitive(route: Route): boolean {
  return route.case === 'insensitive';
}
