// Which route a target takes: the first whose pattern covers it, if all readings of the path agree.

import { foldCase } from './octets.ts';
import { covers, includes, type Pattern, readPattern } from './pattern.ts';
import { mergeReading } from './readings.ts';
import type { Route } from './route.ts';
import type { Readings, Target } from './target.ts';

export interface Match {
  readonly route: Route;
  /** Without prototype. Raw (still encoded) text of the segments, and under `*` of what follows them. */
  readonly params: Readonly<Record<string, string>>;
  /** Those of them that readings of the path set differently: `id` of `/orders/:id/*` for `/orders/5%2Fitems/1`. */
  readonly disputed?: readonly string[];
}

export interface RouteTable {
  /** The route that every reading of the target takes; 'ambiguous' when readings take different ones. */
  match(target: Target): Match | 'ambiguous';
}

interface Entry {
  readonly index: number;
  readonly route: Route;
  readonly pattern: Pattern;
}

/** Patterns by their segments, literals in folded case: says which entries are worth a closer look. */
interface Branch {
  readonly literals: Map<string, Branch>;
  parameter: Branch | undefined;
  readonly exact: Entry[];
  readonly rest: Entry[];
}

/**
 * Builds the table; the first match wins. Time to match depends on the path's segments, hardly on the number of routes.
 * @param defaults the route of what matches none
 * @throws Error when a pattern is no good
 */
export function buildRouteTable(routes: readonly Route[], defaults: Route): RouteTable {
  const root = newBranch();
  routes.forEach((route, index) => {
    plant(root, { index, route, pattern: readPattern(route) });
  });
  return {
    match(target) {
      const [first = [], ...others] = target.readings;
      const entry = find(root, first);
      if (others.some((reading) => find(root, reading) !== entry)) return 'ambiguous';
      if (entry === undefined) return { route: defaults, params: noParams() };
      const { route, pattern } = entry;
      const params = paramsOf(pattern, target.path);
      const disputed = others.length === 0 ? [] : disputedParams(pattern, target.readings);
      return disputed.length === 0 ? { route, params } : { route, params, disputed };
    },
  };
}

/**
 * Routes that can never match because one earlier route (`by`) covers all their paths. Indices into `routes`.
 * What only several earlier routes together cover is not reported.
 * @throws Error when a pattern is no good
 */
export function unreachableRoutes(routes: readonly Route[]): { index: number; by: number }[] {
  const patterns = routes.map(readPattern);
  return patterns.flatMap((pattern, index) => {
    const by = patterns.findIndex((earlier, position) => position < index && includes(earlier, pattern));
    return by === -1 ? [] : [{ index, by }];
  });
}

function newBranch(): Branch {
  return { literals: new Map(), parameter: undefined, exact: [], rest: [] };
}

function plant(root: Branch, entry: Entry): void {
  let branch = root;
  for (const segment of entry.pattern.segments) {
    if (segment.kind === 'parameter') {
      branch.parameter ??= newBranch();
      branch = branch.parameter;
      continue;
    }
    const folded = foldCase(segment.text);
    const next = branch.literals.get(folded) ?? newBranch();
    branch.literals.set(folded, next);
    branch = next;
  }
  (entry.pattern.rest ? branch.rest : branch.exact).push(entry);
}

function find(root: Branch, path: readonly string[]): Entry | undefined {
  let best: Entry | undefined;
  const visit = (branch: Branch, depth: number): void => {
    best = earlier(best, branch.rest, path);
    const segment = path[depth];
    if (segment === undefined) {
      best = earlier(best, branch.exact, path);
      return;
    }
    // V8 interns what a Map is asked for
    const literal = branch.literals.size === 0 ? undefined : branch.literals.get(foldCase(segment));
    if (literal !== undefined) visit(literal, depth + 1);
    if (branch.parameter !== undefined) visit(branch.parameter, depth + 1);
  };
  visit(root, 0);
  return best;
}

function earlier(
  best: Entry | undefined,
  entries: readonly Entry[],
  path: readonly string[],
): Entry | undefined {
  const found = entries.find((entry) => covers(entry.pattern, path));
  if (found === undefined) return best;
  return best === undefined || found.index < best.index ? found : best;
}

function noParams(): Record<string, string> {
  return Object.create(null) as Record<string, string>; // Object.create is typed any
}

function paramsOf(pattern: Pattern, path: string): Record<string, string> {
  const params = noParams();
  const raw = path.slice(1).split('/');
  pattern.segments.forEach((segment, index) => {
    if (segment.kind === 'parameter') params[segment.name] = raw[index] ?? '';
  });
  if (pattern.rest) params['*'] = raw.slice(pattern.segments.length).join('/');
  return params;
}

/** Names of the parameters, `*` too, that are not the same in all readings when each is merged as a key would be. */
function disputedParams({ segments, rest }: Pattern, readings: Readings): string[] {
  const differ = (part: (reading: readonly string[]) => readonly string[]): boolean =>
    new Set(readings.map((reading) => mergeReading(part(reading)))).size > 1;
  const names = segments.flatMap((segment, index) =>
    segment.kind === 'parameter' && differ((reading) => reading.slice(index, index + 1))
      ? [segment.name]
      : [],
  );
  return rest && differ((reading) => reading.slice(segments.length)) ? [...names, '*'] : names;
}
