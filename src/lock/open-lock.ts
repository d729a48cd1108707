// From the configuration to a lock.
import type { Config } from '../config/config.ts';
import type { Lock } from './lock.ts';
import { MemoryLock } from './memory-lock.ts';

/** What engines tell the operator; a logger of pino's kind. */
export interface LockLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Opens the engine. Rejects when the engine can be asked and must not be used as it is. */
export async function openLock(config: Config, _log: LockLog): Promise<Lock> {
  return new MemoryLock(config.lock);
}
