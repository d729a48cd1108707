// The way from file, environment and flags to a Config, or to every fault at once.
import { dirname } from 'node:path';
import { buildConfig } from './build.ts';
import { checkSettings } from './check.ts';
import type { Config } from './config.ts';
import type { Environment } from './environment.ts';
import { byPlace, type Fault, formatPath, type Path, wholeOf } from './fault.ts';
import { checkPemFiles, readText } from './files.ts';
import { type Override, type Overrides, overridesOf, withOverrides } from './overrides.ts';
import { type Reading, readYaml } from './read.ts';
import { type Issue, isMapping, readSettings } from './settings.ts';

export interface LoadOptions {
  /** The configuration file; without it, the flags alone. */
  readonly file?: string | undefined;
  /** The text of the file, when it has been read already. */
  readonly text?: string | undefined;
  readonly flags: Overrides;
  readonly env: Environment;
}

export type Loaded = { readonly config: Config } | { readonly faults: readonly Fault[] };

/** A file of a thousand wrong lines needs no thousand messages. */
const MOST_FAULTS = 100;

/**
 * Loads a configuration. Flags override IFMATCH_ORIGIN, IFMATCH_LISTEN and IFMATCH_ADMIN, these override the file; an
 * origin given so replaces the URL and leaves the other keys of `origin` as they are. The result is deeply frozen.
 * Never throws: whatever is wrong is a fault, sorted by place.
 */
export function loadConfig(options: LoadOptions): Loaded {
  const { reading, overrides, value } = readAll(options);
  if (value === undefined) return { faults: sorted(reading.faults) };
  const { settings, draft, issues } = readSettings(value);
  const directory = dirname(options.file ?? '.');
  const all = [
    ...issues,
    ...missingOrigin(value),
    ...missingLockUrl(value),
    ...checkSettings(draft),
    ...checkPemFiles(draft, directory),
  ];
  const faults = [...reading.faults, ...placed(all, reading, overrides)];
  const origin = settings?.origin;
  if (settings === undefined || origin === undefined || faults.length > 0) return { faults: sorted(faults) };
  return { config: buildConfig(settings, origin, directory) };
}

/** The admin address alone: who asks a running gateway needs nothing else of the file, which may have changed since. */
export function loadAdmin(
  options: LoadOptions,
): { readonly admin: Config['admin'] } | { readonly faults: readonly Fault[] } {
  const { reading, overrides, value } = readAll(options);
  if (value === undefined) return { faults: sorted(reading.faults) };
  const { draft, issues } = readSettings(value);
  const faults = [...reading.faults, ...placed(issues, reading, overrides)].filter(
    ({ path }) => path === '' || path === 'admin',
  );
  if (draft.admin === undefined || faults.length > 0) return { faults: sorted(faults) };
  return { admin: draft.admin };
}

interface Source {
  readonly reading: Reading;
  readonly overrides: readonly Override[];
  /** What the file says, with the overrides in their places; undefined when the file could not be read. */
  readonly value: unknown;
}

function readAll(options: LoadOptions): Source {
  const reading = readSource(options);
  const overrides = overridesOf(options.flags, options.env);
  return { reading, overrides, value: withOverrides(reading.value, overrides) };
}

function readSource({ file, text, env }: LoadOptions): Reading {
  if (text !== undefined) return readYaml(file ?? 'ifmatch.yaml', text, env);
  if (file === undefined) return NO_FILE;
  const content = readText(file);
  if ('value' in content) return readYaml(file, content.value, env);
  const place = wholeOf(file);
  return { value: undefined, faults: [{ ...place, path: '', message: content.fault }], locate: () => place };
}

/** Without a file, the flag of a key is where it would be given. */
const NO_FILE: Reading = { value: {}, faults: [], locate: ([key = ''] = []) => wholeOf(`--${String(key)}`) };

function missingOrigin(value: unknown): Issue[] {
  if (!isMapping(value) || 'origin' in value) return [];
  const message =
    'origin is missing: write "origin: http://host:port" in the file, or give --origin http://host:port (or IFMATCH_ORIGIN)';
  return [{ path: ['origin'], part: 'value', message }];
}

function missingLockUrl(value: unknown): Issue[] {
  const { lock } = isMapping(value) ? value : {};
  const without = lock === 'redis' || (isMapping(lock) && lock['engine'] === 'redis' && !('url' in lock));
  const message = 'lock.url is missing: engine redis needs "url: redis://host:6379"';
  return without ? [{ path: ['lock', 'url'], part: 'value', message }] : [];
}

function placed(
  issues: readonly Issue[],
  { value, locate }: Reading,
  overrides: readonly Override[],
): Fault[] {
  return issues.flatMap(({ path, part, message }) => {
    const from = overrides.find((override) => governs(override, path))?.from;
    if (from === undefined && isLost(value, path)) return [];
    const place = from === undefined ? locate(path, part) : wholeOf(from);
    return [{ ...place, path: formatPath(path), message }];
  });
}

function governs({ key }: Override, path: Path): boolean {
  return path[0] === key && (path.length === 1 || path[1] === 'url');
}

/** Whether reading has given up a value at or around `path` and said why: what follows from that is no news. */
function isLost(value: unknown, path: Path): boolean {
  let node = value;
  for (const key of path) {
    if (Array.isArray(node) && typeof key === 'number') node = node[key];
    else if (isMapping(node) && String(key) in node) node = node[String(key)];
    else return false;
    if (node === undefined) return true;
  }
  return false;
}

function sorted(faults: readonly Fault[]): Fault[] {
  const all = [...faults].sort(byPlace);
  const last = all[MOST_FAULTS];
  if (last === undefined) return all;
  const message = `there are more faults; these are the first ${MOST_FAULTS}`;
  return [...all.slice(0, MOST_FAULTS), { ...wholeOf(last.file), path: '', message }];
}
