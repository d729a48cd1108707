// The commands by name: finds the one that is called, and says what is wrong with the call.
import { check } from './check.ts';
import { demo } from './demo.ts';
import { explain } from './explain.ts';
import { healthcheck } from './healthcheck.ts';
import { schema } from './schema.ts';
import { serve } from './serve.ts';
import { type Terminal, UsageError } from './terminal.ts';
import { asksForHelp, help, USAGE, usageOf } from './usage.ts';
import { version } from './version.ts';
import { worker } from './worker.ts';

const COMMANDS: Readonly<Record<string, (args: string[], terminal: Terminal) => number | Promise<number>>> = {
  serve,
  check,
  explain,
  schema,
  healthcheck,
  demo,
  version,
  help,
  worker,
};

const FLAGS: ReadonlyMap<string, string> = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
]);

/** The exit code. */
export async function runCommand([given = '', ...args]: string[], terminal: Terminal): Promise<number> {
  const name = FLAGS.get(given) ?? given;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const said = name === '' ? 'no command given' : `unknown command ${JSON.stringify(name)}`;
    terminal.err(`ifmatch: ${said}\n\n${USAGE}`);
    return 2;
  }
  if (asksForHelp(args)) {
    terminal.out(usageOf(name) ?? USAGE);
    return 0;
  }
  try {
    return await command(args, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const more = usageOf(name) === undefined ? '' : `; see: ifmatch help ${name}`;
    terminal.err(`ifmatch ${name}: ${error.message}${more}\n`);
    return 2;
  }
}
