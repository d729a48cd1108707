// How many clients this process has file descriptors for: without any left no connection to the origin opens, and every
// write would fail for as long as idle clients hold them.
import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { LANES } from '../origin/client.ts';

/** Listeners, the log, the admin listener's clients, the lock's engine, name lookups. */
const OTHERS = 64;

/** Most files that this process may have open (RLIMIT_NOFILE); Infinity where the system does not say. */
export function openFileLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY; // only Linux has it
  }
}

/** Most connections of clients: `limits.connections`, or what so many files leave beside those to the origin. */
export function mostClients({ limits, origin }: Config, openFiles: number): number {
  const left = openFiles - OTHERS - LANES.length * origin.connections;
  return Math.min(limits.connections, Math.max(left, Math.floor(openFiles / 4)));
}
