// ifmatch serve: runs until SIGTERM, then drains.
import { openLog, standardOutput } from '../app/log.ts';
import { variable } from '../config/environment.ts';
import { type Running, start } from '../start.ts';
import { forker } from '../workers/fork.ts';
import { startPrimary } from '../workers/primary.ts';
import { configurationAt, findConfiguration } from './configuration.ts';
import { clearStaleSocket } from './stale-socket.ts';
import { startFault } from './start-fault.ts';
import { listenForStop, type Stoppable, untilStopped } from './stop-signals.ts';
import { parseCommand, type Terminal, UsageError } from './terminal.ts';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'];

/** Signals that would end the process amid a write, or open Node's debugger, if nobody listened to them. */
const IGNORED = {
  SIGHUP: 'ignored: the configuration is read at the start; restart to apply it',
  SIGUSR1: 'ignored: it has no meaning here; the log is written to standard output',
  SIGUSR2: 'ignored: it has no meaning here',
} as const;

/** 0 after a clean stop; 1 when it could not start, or stopped before everything in flight had ended. */
export async function serve(args: string[], terminal: Terminal): Promise<number> {
  const options = {
    config: { type: 'string' },
    origin: { type: 'string' },
    listen: { type: 'string' },
    admin: { type: 'string' },
  } as const;
  const { values } = parseCommand({ args, options });
  const signals = listenForStop();
  const out = standardOutput();
  const log = openLog(logLevel(terminal, 'info'), out);
  for (const [signal, why] of Object.entries(IGNORED))
    process.on(signal, () => log.events.warn({ signal }, why));
  const source = findConfiguration(values, terminal);
  const config = configurationAt(source, terminal);
  if (config === undefined) return 1;
  // before there are workers: of several that do so one could remove what another listens on
  for (const where of [config.listen, config.admin]) await clearStaleSocket(where);
  let running: Stoppable<boolean> & Pick<Running, 'data' | 'admin'>;
  try {
    running =
      config.workers === 1
        ? await start(config, log)
        : await startPrimary(config, source, log.events, forker(out));
  } catch (error) {
    return terminal.fail(startFault(error));
  }
  const workers = config.workers === 1 ? undefined : config.workers;
  const { url, socket } = config.origin;
  const origin = socket === undefined ? url : `unix+http:${socket}`;
  log.events.info({ data: running.data, admin: running.admin, origin, workers }, 'ready');
  return (await untilStopped(running, signals, log.events)) ? 0 : 1;
}

/** IFMATCH_LOG, checked. */
export function logLevel(terminal: Terminal, fallback: string): string {
  const level = variable('IFMATCH_LOG', terminal.env) ?? fallback;
  if (!LEVELS.includes(level))
    throw new UsageError(`IFMATCH_LOG is ${JSON.stringify(level)}; use one of ${LEVELS.join(', ')}`);
  return level;
}
