#!/usr/bin/env -S node --no-memory-reducer --min-semi-space-size=16
// The command line: finds the command; what each one does is in commands/.
import { DescriptorOutput } from './app/descriptor-output.ts';
import { check } from './commands/check.ts';
import { demo } from './commands/demo.ts';
import { explain } from './commands/explain.ts';
import { healthcheck } from './commands/healthcheck.ts';
import { runtimeFault } from './commands/runtime.ts';
import { schema } from './commands/schema.ts';
import { serve } from './commands/serve.ts';
import { type Terminal, UsageError } from './commands/terminal.ts';
import { asksForHelp, help, USAGE, usageOf } from './commands/usage.ts';
import { version } from './commands/version.ts';
import { worker } from './commands/worker.ts';

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

async function main(terminal: Terminal): Promise<number> {
  const [given = '', ...args] = process.argv.slice(2);
  const name = FLAGS.get(given) ?? given;
  const fault = runtimeFault(process.versions.node);
  if (fault !== undefined) return terminal.fail(fault);
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
    terminal.err(`ifmatch ${name}: ${error.message}\n`);
    return 2;
  }
}

const output = new DescriptorOutput(1);
const error = new DescriptorOutput(2);
const terminal: Terminal = {
  out: (text) => output.write(text),
  err: (text) => error.write(text),
  fail(message) {
    error.write(`ifmatch: ${message}\n`);
    return 1;
  },
  env: process.env,
};

const code = await main(terminal);
process.exitCode = code === 0 && output.isFailing ? 1 : code;
