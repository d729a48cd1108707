// The process above the workers: it keeps the lock and the admin listener, and serves no client itself.
import type { Logger } from 'pino';
import { buildAdminApp } from '../admin/admin-app.ts';
import { healthOf } from '../admin/health.ts';
import { newPseudonym } from '../app/gateway.ts';
import { listen } from '../app/listen.ts';
import type { Config } from '../config/config.ts';
import { LockRecord } from '../lock/lock-record.ts';
import { LockServer } from '../lock/lock-server.ts';
import { openLock } from '../lock/open-lock.ts';
import { settled, until } from '../lock/settled.ts';
import type { Running } from '../start.ts';
import type { Child } from './fork.ts';
import type { ConfigSource } from './order.ts';
import { Pool } from './pool.ts';

/** What a worker may take to end beyond the drain before it is killed, milliseconds. */
const GRACE = 5_000;

/** Resolves when the first worker listens. Otherwise nothing is left open, and it rejects with what was wrong. */
export async function startPrimary(
  config: Config,
  source: ConfigSource,
  log: Logger,
  fork: () => Child,
): Promise<Running> {
  const record = new LockRecord();
  const lock = await openLock(config, log, record);
  const server = new LockServer({ lock, timeouts: config.origin.timeouts, log });
  const via = newPseudonym();
  const pool = new Pool({
    count: config.workers,
    fork,
    orderFor: (number) => ({ op: 'start', number, via, source }),
    onFork: ({ channel }) => server.serve(channel.lock),
    log,
  });
  let stopping: Promise<boolean> | undefined;
  const serving = (): boolean => stopping === undefined && pool.up > 0;
  const workers = () => ({ up: pool.up, of: config.workers });
  const admin = buildAdminApp(healthOf(lock, record, serving, workers), config.admin);
  const close = async (): Promise<void> => {
    await lock.stop();
    await admin.close();
  };
  try {
    const adminAddress = config.admin === 'off' ? undefined : await listen(admin, config.admin);
    const data = await pool.start();
    const drain = async (delayMs: number): Promise<boolean> => {
      const most = delayMs + config.drain.timeout;
      const began = performance.now();
      const clean = await pool.stop(delayMs, most + GRACE);
      if (clean) await until(() => settled(lock), most - (performance.now() - began));
      const ended = clean && settled(lock);
      if (clean && !ended) log.error('stopped although a write may still be under way');
      await close();
      return ended;
    };
    return {
      data,
      admin: adminAddress,
      lock: () => lock.state(),
      stop: (delayMs = config.drain.delay) => (stopping ??= drain(delayMs)),
      kill: () => pool.kill(),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
