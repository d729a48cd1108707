// What the log will say of one request; filled in on its way.
import { GatewayError } from '../errors.ts';
import type { Outcome } from '../guard/outcome.ts';
import type { Fate } from '../lock/lock.ts';

export interface LogEntry {
  readonly method: string;
  /** Without query and fragment, which may hold secrets; empty for what is no path. */
  path: string;
  route?: string;
  mode?: string;
  readonly outcome: Outcome;
  /** What went wrong underneath, for the operator only. */
  cause?: unknown;
  /** The answer broke off on its way to the client, who had not gone. */
  brokeOff?: true;
  /** A write's fate; the log waits for it. */
  settled?: Promise<Fate>;
}

/** `method` and `requestTarget` as received, before anything of them was checked. */
export function newLogEntry(method: string | undefined, requestTarget: string): LogEntry {
  const [path] = /^\/[^?#]*/.exec(requestTarget) ?? [''];
  return { method: method ?? '', path, outcome: {} };
}

/** Of an error that becomes the answer; what is not coded is ours. */
export function noteError(error: unknown, entry: LogEntry): void {
  entry.outcome.code = error instanceof GatewayError ? error.code : 'internal';
  entry.cause = error instanceof GatewayError ? error.cause : error;
}

/** Of an error that breaks off an answer that has begun: its status and code stay as they are. */
export function noteBreak(error: unknown, entry: LogEntry): void {
  entry.brokeOff = true;
  entry.cause = error instanceof GatewayError ? error.cause : error;
}
