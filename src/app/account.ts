// What the log will say of one request; filled in on its way.
import { GatewayError } from '../errors.ts';
import type { Outcome } from '../guard/outcome.ts';
import type { Fate } from '../lock/lock.ts';

export interface Account {
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

export function openAccount(method: string | undefined, requestTarget: string): Account {
  const [path] = /^\/[^?#]*/.exec(requestTarget) ?? [''];
  return { method: method ?? '', path, outcome: {} };
}

export function noteError(error: unknown, account: Account): void {
  account.outcome.code = error instanceof GatewayError ? error.code : 'internal';
  account.cause = error instanceof GatewayError ? error.cause : error;
}

/** Of an answer that has begun; what was answered stays as it is. */
export function noteBreak(error: unknown, account: Account): void {
  account.brokeOff = true;
  account.cause = error instanceof GatewayError ? error.cause : error;
}
