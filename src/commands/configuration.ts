// The configuration as the commands find it: --config or IFMATCH_CONFIG, flags, environment.
import type { Config } from '../config/config.ts';
import { variable } from '../config/environment.ts';
import { type Fault, formatFault } from '../config/fault.ts';
import { readText } from '../config/files.ts';
import { loadConfig } from '../config/load.ts';
import type { Overrides } from '../config/overrides.ts';
import type { ConfigSource } from '../workers/order.ts';
import type { Terminal } from './terminal.ts';

export interface ConfigFlags extends Overrides {
  readonly config?: string | undefined;
}

/** Where the configuration is, and what stands there now. */
export function findConfiguration(flags: ConfigFlags, terminal: Terminal): ConfigSource {
  const { config: file = variable('IFMATCH_CONFIG', terminal.env), ...overrides } = flags;
  const content = file === undefined ? undefined : readText(file);
  const text = content !== undefined && 'value' in content ? content.value : undefined;
  return { file, text, flags: overrides };
}

/** The configuration, or undefined after every fault of it was printed. */
export function readConfiguration(flags: ConfigFlags, terminal: Terminal): Config | undefined {
  return configurationAt(findConfiguration(flags, terminal), terminal);
}

/** The same for what was found before. */
export function configurationAt(source: ConfigSource, terminal: Terminal): Config | undefined {
  const loaded = loadConfig({ ...source, env: terminal.env });
  if ('config' in loaded) return loaded.config;
  printFaults(loaded.faults, terminal);
  return undefined;
}

/** Every one with its place. */
export function printFaults(faults: readonly Fault[], terminal: Terminal): void {
  for (const fault of faults) terminal.err(`${formatFault(fault)}\n`);
}
