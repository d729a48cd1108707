// wrk: as many requests as fit into a time, over kept connections; what it counted, and what makes a round void.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Kind } from './cases.ts';

const run = promisify(execFile);

export interface LoadOptions {
  readonly port: number;
  readonly core: number;
  readonly connections: number;
  readonly seconds: number;
}

/** What wrk counted. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  /** Bytes received. */
  readonly bytes: number;
  /** Milliseconds. wrk counts what a pause kept it from sending, too. */
  readonly p50: number;
  readonly p99: number;
  /** Answers with a status of 400 or more. */
  readonly refused: number;
  /** Connections that could not be opened, read or written. */
  readonly broken: number;
  readonly timeouts: number;
}

/** Seconds that wrk gives one request, and this program gives wrk beyond its time. */
const PATIENCE = 20;

/** Loads `port` with the kinds in turn. */
export async function load(
  kinds: readonly Kind[],
  { port, core, connections, seconds }: LoadOptions,
): Promise<Load> {
  const script = join(import.meta.dirname, 'load.lua');
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, `--timeout=${PATIENCE}s`, '-s', script];
  const args = ['-c', String(core), ...wrk, `http://127.0.0.1:${port}`, '--', ...kindArguments(kinds)];
  const { stdout } = await run('taskset', args, { timeout: (seconds + 2 * PATIENCE) * 1_000 });
  return readLoad(stdout);
}

function kindArguments(kinds: readonly Kind[]): string[] {
  return kinds.flatMap(({ method, prefix, paths, bytes, fields }, index) => [
    ...(index === 0 ? [] : ['+']),
    ...[method, prefix, String(paths), String(bytes), ...fields],
  ]);
}

/** The line that load.lua writes at the end. Throws when it is not there. */
export function readLoad(text: string): Load {
  const line = text.split('\n').find((candidate) => candidate.startsWith('{'));
  const counted: unknown = JSON.parse(line ?? 'null');
  return {
    requests: count(counted, 'requests'),
    seconds: count(counted, 'microseconds') / 1e6,
    bytes: count(counted, 'bytes'),
    p50: count(counted, 'p50') / 1e3,
    p99: count(counted, 'p99') / 1e3,
    refused: count(counted, 'refused'),
    broken: count(counted, 'broken'),
    timeouts: count(counted, 'timeouts'),
  };
}

function count(counted: unknown, name: string): number {
  if (typeof counted === 'object' && counted !== null && name in counted) {
    const value: unknown = Object.entries(counted).find(([key]) => key === name)?.[1];
    if (typeof value === 'number') return value;
  }
  throw new Error(`wrk did not say ${name}`);
}

/** How far the mean answer may be from the one that was looked at: a 304 and a 200 are much farther apart. */
const TOLERANCE = 0.25;

/**
 * Why the round does not count; undefined when it does. wrk tells only whether a status is 400 or more; that the others
 * are right is seen from the bytes, which must be those of an answer whose status was looked at (`answerBytes`).
 */
export function fault(counted: Load, status: number, answerBytes: number): string | undefined {
  const { requests, bytes, refused, broken, timeouts } = counted;
  if (requests === 0) return 'no answer';
  if (broken + timeouts > 0) return `${broken} broken connections, ${timeouts} timeouts`;
  const wanted = status >= 400 ? requests : 0;
  if (refused !== wanted) return `${refused} of ${requests} answers have a status of 400 or more`;
  const mean = bytes / requests;
  if (Math.abs(mean / answerBytes - 1) > TOLERANCE) {
    return `an answer has ${mean.toFixed(0)} bytes in the mean, not ${answerBytes}`;
  }
  return undefined;
}
