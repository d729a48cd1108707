// One line for each request: what was asked, planned, found and answered.
import type { ServerResponse } from 'node:http';
import type { Outcome } from '../guard/outcome.ts';
import type { Line, Log } from './log.ts';
import type { LogEntry } from './log-entry.ts';

/**
 * Writes the line, once the answer has gone and a write's fate is known. Failures of the origin and of the gateway, answers
 * that broke off, unknown fates and would-be refusals are warnings. Status 499: the client left before it was answered.
 */
export function logRequest(log: Log, entry: LogEntry, response: ServerResponse, ms: number): void {
  const { outcome, cause } = entry;
  const gone = !response.writableFinished && response.statusCode !== 101;
  const status = gone && !response.headersSent ? 499 : response.statusCode;
  const unusual =
    status >= 500 || entry.brokeOff || outcome.fate === 'unknown' || outcome.would !== undefined;
  const start = log.begin(unusual ? 'warn' : 'info');
  if (start === undefined) return;
  // field by field: to copy objects of many shapes takes V8 twice as long as all the rest of it
  const line = {
    ...start,
    method: entry.method,
    path: entry.path,
    route: entry.route,
    mode: entry.mode,
    status,
    ms: tenths(ms),
    plan: outcome.plan,
    lockMs: tenths(outcome.lockMs),
    fence: outcome.fence,
    unserialised: outcome.unserialised,
    probeMs: tenths(outcome.probeMs),
    dateOnly: outcome.dateOnly,
    unguarded: outcome.unguarded,
    verdict: outcome.verdict,
    field: outcome.field,
    would: outcome.would,
    code: outcome.code,
    fate: outcome.fate,
    clientGone: gone && !entry.brokeOff ? true : undefined,
    brokeOff: entry.brokeOff,
    cause: cause === undefined ? undefined : describeCause(cause),
    msg: 'request',
  } satisfies Line & Record<keyof Outcome, unknown>;
  log.write(line);
}

function tenths(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10;
}

/** The chain of messages: an OriginFailure's own says little. For the operator, never for a client. */
export function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause === undefined ? '' : `: ${describeCause(cause.cause)}`;
  return `${cause.message}${inner}`;
}
