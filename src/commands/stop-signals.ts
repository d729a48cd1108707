// SIGTERM, SIGQUIT and SIGINT: the first one asks for a stop, the second one does not wait for it.
import type { Logger } from 'pino';

/** What signals end. */
export interface Stoppable<T> {
  stop(delayMs?: number): Promise<T>;
  /** Ends at once what could outlive this process, which is about to exit. */
  kill?(): void;
}

export interface StopSignals {
  /** SIGTERM and SIGQUIT drain as configured, SIGINT (a person at a keyboard) without the delay. */
  readonly first: Promise<{ readonly signal: string; readonly delayMs: number | undefined }>;
  /** Called by the second signal, before the process exits with 1. */
  beforeExit: () => void;
}

/**
 * Listens from now on: a signal that comes while the gateway is still starting stops it as soon as it is up. As the first
 * process of a container it would not be ended by a signal that nobody listens to.
 */
export function listenForStop(): StopSignals {
  const { promise: first, resolve } = Promise.withResolvers<Awaited<StopSignals['first']>>();
  const signals: StopSignals = { first, beforeExit: () => {} };
  let told = false;
  const take = (signal: string, delayMs?: number): void => {
    if (told) {
      signals.beforeExit();
      process.exit(1);
    }
    told = true;
    resolve({ signal, delayMs });
  };
  process.on('SIGTERM', () => take('SIGTERM'));
  // what supervisors of nginx and php-fpm send
  process.on('SIGQUIT', () => take('SIGQUIT'));
  process.on('SIGINT', () => take('SIGINT', 0));
  return signals;
}

/** Runs until the first signal; resolves with what the stop does. */
export async function untilStopped<T>(running: Stoppable<T>, signals: StopSignals, log: Logger): Promise<T> {
  signals.beforeExit = () => running.kill?.();
  const { signal, delayMs } = await signals.first;
  log.info({ signal }, 'stopping');
  const ended = await running.stop(delayMs);
  log.info('stopped');
  return ended;
}
