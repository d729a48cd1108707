// One line for each request: what was asked, planned, found and answered.
import type { ServerResponse } from 'node:http';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Outcome } from '../guard/outcome.ts';

/** JSON lines on stdout, or where `destination` says. No field value of a client is ever logged. */
export function openLog(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Filled in as the request is understood. */
export interface RequestLine {
  method: string;
  /** Without the query, which may hold secrets. */
  path: string;
  route?: string;
  mode?: string;
  /** What went wrong underneath, for the operator only. */
  cause?: unknown;
}

/** Failures of the origin and of the gateway, unknown fates and would-be refusals are warnings. */
export function logRequest(
  log: Logger,
  { line, outcome }: { readonly line: RequestLine; readonly outcome: Outcome },
  response: ServerResponse,
  ms: number,
): void {
  const { cause, ...request } = line;
  const { lockMs, probeMs, ...happened } = outcome;
  const status = response.statusCode;
  const record = {
    ...request,
    status,
    ms: tenths(ms),
    ...happened,
    ...(lockMs === undefined ? {} : { lockMs: tenths(lockMs) }),
    ...(probeMs === undefined ? {} : { probeMs: tenths(probeMs) }),
    ...(response.writableFinished || status === 101 ? {} : { clientGone: true }),
    ...(cause === undefined ? {} : { cause: describe(cause) }),
  };
  const unusual = status >= 500 || outcome.fate === 'unknown' || outcome.would !== undefined;
  if (unusual) log.warn(record, 'request');
  else log.info(record, 'request');
}

/** A target's path; a query may hold secrets. */
export function withoutQuery(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
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
