// What a command gets from outside, and how it reads its arguments.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Environment } from '../config/environment.ts';

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Says why on one line; returns the exit code 1. */
  fail(message: string): number;
  readonly env: Environment;
}

/** The command was called wrongly: one line and exit code 2. */
export class UsageError extends Error {}

/** Node's parseArgs, strict; what it refuses is a UsageError. */
export function parseCommand<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(
      error instanceof Error ? (error.message.split(/\.? *\n|\. /)[0] ?? '') : String(error),
    );
  }
}
