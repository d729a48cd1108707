// One line for each request: what was asked, planned, found and answered.
import type { ServerResponse } from 'node:http';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Account } from './account.ts';

/** Longest time for which a line may wait for others, milliseconds. */
const BATCH_TIME = 100;
/** Bytes that wait at most; more would gain nothing. */
const BATCH_SIZE = 4096;
/** Of UTF-8, for a UTF-16 code unit. */
const MOST_BYTES = 3;

/** JSON lines to `destination`. No field value of a client is ever logged. */
export function openLog(level: string, destination: DestinationStream): Logger {
  return pino({ level, base: null, timestamp: timestamps() }, destination);
}

/**
 * Standard output, several lines at a time: a system call for each would cost more than the guard. They wait as bytes: as
 * text each would be dozens of objects, for collections to copy. What waits is written when the process exits, however
 * that comes about, but for SIGKILL.
 */
export function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true });
  const waiting = Buffer.allocUnsafeSlow(BATCH_SIZE);
  let used = 0;
  const flush = (): void => {
    const lines = waiting.toString('utf8', 0, used);
    used = 0;
    if (lines !== '') output.write(lines);
  };
  setInterval(flush, BATCH_TIME).unref();
  process.on('exit', flush);
  return {
    write(line) {
      const most = line.length * MOST_BYTES;
      if (used + most > BATCH_SIZE) flush();
      if (most > BATCH_SIZE) output.write(line);
      else used += waiting.write(line, used);
    },
  };
}

/** pino's isoTime; many lines fall into one millisecond, and making its text is a third of making a line. */
function timestamps(): () => string {
  let latest = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== latest) {
      latest = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/**
 * Writes the line once the answer has gone and a write's fate is known. Failures of the origin and of the gateway, unknown
 * fates and would-be refusals are warnings. Status 499: the client left before it was answered.
 */
export async function logRequest(
  log: Logger,
  account: Account,
  response: ServerResponse,
  ms: number,
): Promise<void> {
  await account.settled;
  const { method, path, route, mode, outcome, cause } = account;
  const gone = !response.writableFinished && response.statusCode !== 101;
  const status = gone && !response.headersSent ? 499 : response.statusCode;
  const record: Record<string, unknown> = { method, path, route, mode, status, ms: tenths(ms), ...outcome };
  if (outcome.lockMs !== undefined) record['lockMs'] = tenths(outcome.lockMs);
  if (outcome.probeMs !== undefined) record['probeMs'] = tenths(outcome.probeMs);
  if (gone) record['clientGone'] = true;
  if (cause !== undefined) record['cause'] = describe(cause);
  const unusual = status >= 500 || outcome.fate === 'unknown' || outcome.would !== undefined;
  if (unusual) log.warn(record, 'request');
  else log.info(record, 'request');
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** The chain of messages: an OriginFailure's own says little. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause === undefined ? '' : `: ${describe(cause.cause)}`;
  return `${cause.message}${inner}`;
}
