// Settings without a fault -> the frozen Config.
import { resolve } from 'node:path';
import type { Config } from './config.ts';
import type { PemFiles } from './files.ts';
import { defaultRouteOptions } from './route-schema.ts';
import type { Settings } from './schema.ts';

/** `directory` is where relative file names begin: that of the configuration file. */
export function buildConfig(
  settings: Settings,
  origin: NonNullable<Settings['origin']>,
  directory: string,
): Config {
  const { url, ...options } = origin;
  const { lock } = settings;
  return deepFreeze({
    ...settings,
    origin: { ...options, ...url, ...pemFiles(origin, directory) },
    lock: { namespace: url.socket ?? url.url, ...lock, ...pemFiles(lock, directory) },
    defaults: { path: '*', ...defaultRouteOptions() },
  });
}

function pemFiles({ ca, cert, key }: PemFiles, directory: string): PemFiles {
  return {
    ...(ca === undefined ? {} : { ca: resolve(directory, ca) }),
    ...(cert === undefined ? {} : { cert: resolve(directory, cert) }),
    ...(key === undefined ? {} : { key: resolve(directory, key) }),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
