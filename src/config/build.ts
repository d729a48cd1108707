// Settings without a fault -> the frozen Config.
import type { Config } from './config.ts';
import { resolveFile } from './files.ts';
import { defaultRouteOptions } from './route-schema.ts';
import type { Settings } from './schema.ts';

/** `directory` is where relative file names begin: that of the configuration file. */
export function buildConfig(
  settings: Settings,
  origin: NonNullable<Settings['origin']>,
  directory: string,
): Config {
  const { url, ca, cert, key, ...options } = origin;
  return deepFreeze({
    ...settings,
    origin: {
      ...options,
      ...url,
      ...(ca === undefined ? {} : { ca: resolveFile(directory, ca) }),
      ...(cert === undefined ? {} : { cert: resolveFile(directory, cert) }),
      ...(key === undefined ? {} : { key: resolveFile(directory, key) }),
    },
    defaults: { path: '*', ...defaultRouteOptions() },
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
