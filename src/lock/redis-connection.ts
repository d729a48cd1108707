// How a connection to Redis or Valkey is made, and what went wrong with it, in words that are nobody's secret.

import { readFileSync } from 'node:fs';
import type { Redis, RedisOptions } from 'ioredis';
import type { RedisAddress } from '../config/redis-url.ts';
import { UnfitServer } from './redis-info.ts';

export interface ConnectionSettings {
  readonly address: RedisAddress;
  /** PEM files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Longest time for one command, milliseconds; then the connection is given up, for whatever ails it may not show on it. */
export const COMMAND = 1_000;
const CONNECT = 2_000;
const LONGEST_PAUSE = 1_000;
export const CLOSED = 'the connection is closed';

/** The server's own no to a command, as against silence or a lost connection: it was heard, and not granted. */
export class Refused extends Error {}

/** Throws when a file cannot be read. */
export function connectionOptions({ address, ca, cert, key }: ConnectionSettings) {
  const { tls, db, username, password } = address;
  return {
    ...('socket' in address ? { path: address.socket } : { host: address.host, port: address.port }),
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls
      ? {
          tls: {
            ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
            ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
            ...(key === undefined ? {} : { key: readFileSync(key) }),
          },
        }
      : {}),
    lazyConnect: true,
    protocol: 2 as const,
    enableOfflineQueue: false, // what cannot be asked now is refused now
    autoResubscribe: false, // it would reject where nobody listens; RedisServer does it
    autoResendUnfulfilledCommands: false, // a lock that was asked for on another connection is none
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND,
    connectTimeout: CONNECT,
    retryStrategy: (times: number) => Math.min(50 * times, LONGEST_PAUSE),
    // 6.2 wraps what a script was told
    reconnectOnError: (error: Error) => /\bREADONLY\b/.test(error.message),
    enableReadyCheck: false, // RedisServer looks at more
    disableClientInfo: true,
  } satisfies RedisOptions;
}

/**
 * Ends a connection that gives no answer, for another. What was asked on it and has not arrived ends with it: a mere close
 * leaves that to the kernel, which goes on delivering it, and a lock would be granted behind its withdrawal, to nobody. TLS
 * and Unix sockets know no such end.
 */
export function giveUp(connection: Redis, address: RedisAddress): void {
  if ('host' in address && !address.tls) connection.stream.resetAndDestroy();
  connection.disconnect(true);
}

/** What Node says has the address in it, what Redis says may have the user; what we say has neither. */
export function reasonOf(error: unknown, { username, password }: RedisAddress): string {
  if (error instanceof UnfitServer) return error.message;
  if (hasTimedOut(error)) return 'it gives no answer';
  if (!(error instanceof Error)) return CLOSED;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (!isReply(error)) return CLOSED;
  return without(password, without(username, error.message));
}

function without(secret: string | undefined, text: string): string {
  return secret === undefined || secret === '' ? text : text.replaceAll(secret, '...');
}

/** As reasonOf() says it. */
export function failureOf(error: unknown, address: RedisAddress): Error {
  const reason = reasonOf(error, address);
  return isReply(error) ? new Refused(reason) : new Error(reason);
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

export function hasTimedOut(error: unknown): boolean {
  return error instanceof Error && /^Command timed out/.test(error.message);
}

export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && /^NOSCRIPT/.test(error.message);
}
