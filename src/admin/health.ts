// What the admin listener tells of a process that has started: from its lock, and from who listens.
import type { EngineState, Lock, LockState } from '../lock/lock.ts';
import type { LockRecord, LockReport } from '../lock/lock-record.ts';

/** What the admin listener may know. */
export interface Health {
  /** False before the data listener is open, from the first signal to stop, and until the lock's engine was up once. */
  ready(): boolean;
  /** How the lock stands, and what it has done since the start. */
  lock(): LockState & EngineState & LockReport;
  /** Where several processes share the data listener: how many of them are listening, of how many. */
  workers?(): { readonly up: number; readonly of: number };
  /** Seconds since the start. */
  uptime(): number;
}

/** `serving`: whether clients are served now, and are to come. The time since the start counts from this call. */
export function healthOf(
  lock: Lock,
  record: LockRecord,
  serving: () => boolean,
  workers?: Health['workers'],
): Health {
  const startedAt = performance.now();
  let hadEngine = false;
  return {
    ready() {
      if (!serving()) return false;
      // until it was up once no write can succeed here; later on reads must not suffer from one that is down for everybody
      hadEngine ||= lock.engine().up;
      return hadEngine;
    },
    lock: () => ({ ...lock.state(), ...lock.engine(), ...record.report() }),
    ...(workers === undefined ? {} : { workers }),
    uptime: () => Math.round((performance.now() - startedAt) / 1000),
  };
}
