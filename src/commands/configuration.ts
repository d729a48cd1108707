// The configuration as the commands find it: --config or IFMATCH_CONFIG, flags, environment.
import type { Config } from '../config/config.ts';
import { formatFault } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import type { Overrides } from '../config/overrides.ts';
import type { Terminal } from './terminal.ts';

export interface ConfigFlags extends Overrides {
  readonly config?: string | undefined;
}

/** The configuration, or undefined after every fault of it was printed. */
export function readConfiguration(flags: ConfigFlags, terminal: Terminal): Config | undefined {
  const { config: file = terminal.env['IFMATCH_CONFIG'], ...overrides } = flags;
  const loaded = loadConfig({ file, flags: overrides, env: terminal.env });
  if ('config' in loaded) return loaded.config;
  for (const fault of loaded.faults) terminal.err(`${formatFault(fault)}\n`);
  return undefined;
}
