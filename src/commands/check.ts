// ifmatch check FILE: every fault of a configuration with its place.
import { loadConfig } from '../config/load.ts';
import { printFaults } from './configuration.ts';
import { parseCommand, type Terminal, UsageError } from './terminal.ts';

/** 0 when the file can be served, 1 when it has faults. */
export function check(args: string[], terminal: Terminal): number {
  const { positionals } = parseCommand({ args, options: {}, allowPositionals: true });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError('give one file: ifmatch check FILE');
  const loaded = loadConfig({ file, flags: {}, env: terminal.env });
  if ('config' in loaded) {
    terminal.out(`${file}: ok\n`);
    return 0;
  }
  printFaults(loaded.faults, terminal);
  return 1;
}
