// Keys of a route that its mode makes no use of: written there, they would promise something.
import { DEFAULTS } from './defaults.ts';
import { formatPath } from './fault.ts';
import { type Issue, isMapping } from './settings.ts';

/**
 * What mode off makes no use of. `resource` is not among them: it names what a MOVE or COPY locks whose other end is guarded.
 */
const OF_THE_CHECK = ['probe', 'weak', 'undecided'];

const DEMANDED = 'it says which methods must carry a condition in mode require';

/** By mode, why `methods` has no effect in it. */
const NO_DEMAND: ReadonlyMap<unknown, string> = new Map([
  ['off', `${DEMANDED}; in off nothing is guarded`],
  ['observe', `${DEMANDED}; in observe every write is looked at, and none is refused`],
  ['warn', `${DEMANDED}; in warn every write is looked at, and none is refused`],
  ['enforce', `${DEMANDED}; in enforce every write is guarded`],
]);

/** `value`: the file as it is written, before defaults stand in for what is not. */
export function idleRouteKeys(value: unknown): Issue[] {
  const { routes } = isMapping(value) ? value : {};
  if (!Array.isArray(routes)) return [];
  return routes.flatMap((route: unknown, index) => (isMapping(route) ? idleKeysOf(route, index) : []));
}

function idleKeysOf(route: Readonly<Record<string, unknown>>, index: number): Issue[] {
  // a mode that is misspelt, or could not be read, is a fault of its own
  const mode = 'mode' in route ? route['mode'] : DEFAULTS.route.mode;
  const idle = (key: string, reason: string): Issue[] => {
    if (!(key in route)) return [];
    const path = ['routes', index, key];
    return [{ path, part: 'value', message: `${formatPath(path)} has no effect: ${reason}` }];
  };
  const reason = NO_DEMAND.get(mode);
  return [
    ...(reason === undefined ? [] : idle('methods', reason)),
    ...(mode === 'off' ? OF_THE_CHECK.flatMap((key) => idle(key, 'in mode off nothing is checked')) : []),
  ];
}
