// What flags and environment variables say instead of the file.
import { type Environment, variable } from './environment.ts';
import { isMapping } from './settings.ts';

/** The values of --origin, --listen and --admin. */
export interface Overrides {
  readonly origin?: string | undefined;
  readonly listen?: string | undefined;
  readonly admin?: string | undefined;
}

export interface Override {
  readonly key: keyof Overrides;
  readonly value: string;
  /** --origin or IFMATCH_ORIGIN. */
  readonly from: string;
}

const SOURCES = [
  { key: 'origin', flag: '--origin', name: 'IFMATCH_ORIGIN' },
  { key: 'listen', flag: '--listen', name: 'IFMATCH_LISTEN' },
  { key: 'admin', flag: '--admin', name: 'IFMATCH_ADMIN' },
] as const;

/** A flag comes before the variable; an empty variable counts as not set. */
export function overridesOf(flags: Overrides, environment: Environment): Override[] {
  return SOURCES.flatMap(({ key, flag, name }): Override[] => {
    const given = flags[key];
    if (given !== undefined) return [{ key, value: given, from: flag }];
    const value = variable(name, environment);
    return value === undefined ? [] : [{ key, value, from: name }];
  });
}

/** The values with the overrides in their places. A mapping under `origin` keeps its other keys. */
export function withOverrides(value: unknown, overrides: readonly Override[]): unknown {
  if (!isMapping(value)) return value;
  const result: Record<string, unknown> = Object.assign(Object.create(null), value);
  for (const { key, value: given } of overrides) {
    const before = result[key];
    result[key] =
      key === 'origin' && isMapping(before)
        ? Object.assign(Object.create(null), before, { url: given })
        : given;
  }
  return result;
}
