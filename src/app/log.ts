// One line for each request: what was asked, planned, found and answered.
import type { ServerResponse } from 'node:http';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Account } from './account.ts';

/** JSON lines on stdout, or where `destination` says. No field value of a client is ever logged. */
export function openLog(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Where lines go by default, for a log that others write to as well: each call writes all it is given, in order. */
export function standardOutput(): DestinationStream {
  return pino.destination(1);
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
  const { lockMs, probeMs, ...happened } = outcome;
  const gone = !response.writableFinished && response.statusCode !== 101;
  const status = gone && !response.headersSent ? 499 : response.statusCode;
  const record = {
    ...{ method, path, route, mode, status, ms: tenths(ms) },
    ...happened,
    lockMs: lockMs === undefined ? undefined : tenths(lockMs),
    probeMs: probeMs === undefined ? undefined : tenths(probeMs),
    clientGone: gone ? true : undefined,
    cause: cause === undefined ? undefined : describe(cause),
  };
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
