// From the configuration to a lock.
import type { Config } from '../config/config.ts';
import { processClock } from './clock.ts';
import type { Lock } from './lock.ts';
import type { LockLog } from './lock-log.ts';
import type { LockRecord } from './lock-record.ts';
import { MemoryLock } from './memory-lock.ts';
import { RecordedLock } from './recorded-lock.ts';
import { MARGIN } from './redis-lease.ts';
import { RedisLock } from './redis-lock.ts';
import { RedisQueue } from './redis-queue.ts';

/** What the check of a precondition may take besides its two probes (HEAD, then GET). Milliseconds. */
const CHECK_SLACK = 2_000;
/** How far a replica of the engine may be behind (Redis' own min-replicas-max-lag), and how late that shows. Milliseconds. */
const REPLICA_LAG = 10_000;
const GUARD_SLACK = 2_000;

/** Opens the engine. Rejects when the engine can be asked and must not be used as it is. */
export async function openLock(config: Config, log: LockLog, record: LockRecord): Promise<Lock> {
  const { lock } = config;
  const turns = new MemoryLock(lock);
  if (lock.engine === 'memory') return new RecordedLock(turns, record);
  return new RecordedLock(await openRedis(config, turns, log, record), record);
}

async function openRedis(
  { lock, origin }: Config,
  turns: MemoryLock,
  log: LockLog,
  record: LockRecord,
): Promise<RedisLock> {
  const { url: address, ca, cert, key, namespace, down, replicas } = lock;
  if (address === undefined) throw new Error('lock.url is missing');
  const leaseMs = leasesFor(origin.timeouts);
  const guardMs = guardFor(lock.guard, leaseMs.write);
  if (guardMs.alone === 0)
    log.warn({}, 'lock.guard is off: a restart or failover of the lock engine may lose updates');
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const queue = new RedisQueue({
    address,
    ...files,
    namespace,
    guardMs,
    replicas,
    log,
    onUp: () => redis.connected(),
  });
  const redis = new RedisLock({ queue, turns, leaseMs, down, record, log, clock: processClock });
  try {
    await queue.start();
  } catch (error) {
    await redis.stop();
    throw error;
  }
  return redis;
}

/** Of the origin, milliseconds. */
export type LeaseTimeouts = Pick<Config['origin']['timeouts'], 'connect' | 'probe' | 'write' | 'uncertainty'>;

/**
 * Milliseconds. `write` outlives the write, wherever it stands when this process stops: connecting, answering, and being
 * applied without an answer.
 */
export function leasesFor(timeouts: LeaseTimeouts): { check: number; write: number } {
  const { connect, probe, write, uncertainty } = timeouts;
  return { check: 2 * (connect + probe) + CHECK_SLACK, write: connect + write + uncertainty + 2 * MARGIN };
}

/** auto: until every lease from before has ended, and with replicas those that had not reached the promoted one. */
function guardFor(guard: Config['lock']['guard'], writeMs: number): { alone: number; replicated: number } {
  if (guard === 'off') return { alone: 0, replicated: 0 };
  if (guard !== 'auto') return { alone: guard, replicated: guard };
  return { alone: writeMs + GUARD_SLACK, replicated: writeMs + GUARD_SLACK + REPLICA_LAG };
}
