// When a process may end, as far as its lock goes, and the wait for that.
import { setTimeout as delay } from 'node:timers/promises';
import type { Lock } from './lock.ts';

/** How often a condition is looked at while a stop waits for it, milliseconds. */
const POLL = 20;

/**
 * Whether this process may end. With it an engine in memory forgets its quarantines, and a write of unknown fate might land
 * on top of one that the next process lets in.
 */
export function settled(lock: Lock): boolean {
  const { held, quarantined } = lock.state();
  return held === 0 && (quarantined === 0 || lock.engine().engine !== 'memory');
}

/** Resolves as soon as `holds` does, or after `most` milliseconds. */
export async function until(holds: () => boolean, most = Number.POSITIVE_INFINITY): Promise<void> {
  for (let waited = 0; !holds() && waited < most; waited += POLL) await delay(POLL);
}
