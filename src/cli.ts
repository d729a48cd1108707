#!/usr/bin/env -S node --no-memory-reducer --min-semi-space-size=16
// The command line: finds the command; what each one does is in commands/.
import { check } from './commands/check.ts';
import { demo } from './commands/demo.ts';
import { explain } from './commands/explain.ts';
import { healthcheck } from './commands/healthcheck.ts';
import { runtimeFault } from './commands/runtime.ts';
import { schema } from './commands/schema.ts';
import { serve } from './commands/serve.ts';
import { type Terminal, UsageError } from './commands/terminal.ts';
import { worker } from './commands/worker.ts';

const USAGE = `ifmatch enforces HTTP preconditions in front of any origin.

  ifmatch serve [--config FILE] [--origin URL] [--listen ADDR] [--admin ADDR|off]
  ifmatch check FILE
  ifmatch explain [--config FILE] [--origin URL] [--live] METHOD URL [-H 'Field: value']...
  ifmatch schema
  ifmatch healthcheck [--config FILE] [--admin ADDR]
  ifmatch demo [--port PORT]

Environment: IFMATCH_CONFIG, IFMATCH_ORIGIN, IFMATCH_LISTEN, IFMATCH_ADMIN; IFMATCH_LOG (fatal, error, warn, info, debug).
`;

const COMMANDS: Readonly<Record<string, (args: string[], terminal: Terminal) => number | Promise<number>>> = {
  serve,
  check,
  explain,
  schema,
  healthcheck,
  demo,
  worker,
};

async function main(terminal: Terminal): Promise<number> {
  const [name = '', ...args] = process.argv.slice(2);
  const fault = runtimeFault(process.versions.node);
  if (fault !== undefined) return terminal.fail(fault);
  if (['help', '--help', '-h'].includes(name)) {
    terminal.out(USAGE);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const said = name === '' ? 'no command given' : `unknown command ${JSON.stringify(name)}`;
    terminal.err(`ifmatch: ${said}\n\n${USAGE}`);
    return 2;
  }
  try {
    return await command(args, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.err(`ifmatch ${name}: ${error.message}\n`);
    return 2;
  }
}

const terminal: Terminal = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  fail(message) {
    process.stderr.write(`ifmatch: ${message}\n`);
    return 1;
  },
  env: process.env,
};

process.exitCode = await main(terminal);
