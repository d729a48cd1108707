#!/usr/bin/env -S node --no-memory-reducer --min-semi-space-size=16
// The command line, where it meets the process. What the commands need is loaded once this version of Node will do for it.
import { DescriptorOutput } from './app/descriptor-output.ts';
import { runtimeFault } from './commands/runtime.ts';
import type { Terminal } from './commands/terminal.ts';

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

process.exitCode = await main(terminal);

async function main(terminal: Terminal): Promise<number> {
  const fault = runtimeFault(process.versions.node);
  if (fault !== undefined) return terminal.fail(fault);
  const { runCommand } = await import('./commands/run-command.ts');
  const code = await runCommand(process.argv.slice(2), terminal);
  return code === 0 && output.isFailing ? 1 : code;
}
