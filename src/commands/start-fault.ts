// Why a listener did not open, in words for whoever started it.
import { lstatSync, type Stats, statSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { dirname } from 'node:path';

interface Reason {
  /** Follows the place in a sentence. */
  readonly why: string;
  /** What would help besides another address. */
  readonly remedy?: string;
}

const IN_USE: Reason = { why: 'is in use by another program' };
const NOT_ALLOWED: Reason = { why: 'may not be opened by this user' };

const REASONS: Readonly<Record<string, Reason>> = {
  EADDRINUSE: IN_USE,
  EACCES: NOT_ALLOWED,
  EADDRNOTAVAIL: { why: 'is not an address of this machine' },
  ENOTFOUND: { why: 'cannot be resolved to an address' },
  EAI_AGAIN: { why: 'cannot be resolved to an address: no name server answers' },
  EINVAL: { why: 'cannot be opened' },
  EROFS: { why: 'is on a file system that is read-only' },
};

/**
 * One line for an error of start(). `elsewhere`: the flags that choose another address. What is at the path of a socket is
 * looked at now: the error does not say, and libuv makes EACCES of ENOENT.
 */
export function startFault(error: unknown, elsewhere = '--listen or --admin'): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  const path = socketPath(error);
  const reason = (path === undefined ? undefined : reasonAt(path, code)) ?? REASONS[code];
  if (reason === undefined) return error.message;
  const { why, remedy } = reason;
  return `${placeOf(error)} ${why}; ${remedy === undefined ? '' : `${remedy}, or `}choose another with ${elsewhere}`;
}

function placeOf(error: Error): string {
  if ('hostname' in error) return String(error.hostname);
  if (!('address' in error)) return 'the address';
  const address = String(error.address);
  if (socketPath(error) !== undefined || !('port' in error)) return address;
  return `${isIPv6(address) ? `[${address}]` : address}:${String(error.port)}`;
}

/** Undefined unless it was a Unix socket: of one, Node gives the path as the address, and the port -1 or none. */
function socketPath(error: Error): string | undefined {
  if (!('address' in error) || ('port' in error && Number(error.port) >= 0)) return undefined;
  const path = String(error.address);
  return path.startsWith('/') ? path : undefined;
}

function reasonAt(path: string, code: string): Reason | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return whatIsThere(path);
    case 'EACCES':
    case 'ENOENT':
    case 'ENOTDIR':
      return whatIsAround(dirname(path));
    default:
      return undefined;
  }
}

function whatIsThere(path: string): Reason {
  const found = lookAt(path, lstatSync);
  if (typeof found === 'string') return IN_USE;
  if (found.isDirectory()) return { why: 'is a directory', remedy: 'name a socket in it' };
  if (found.isSymbolicLink()) {
    return {
      why: 'is a symbolic link, which is not followed',
      remedy: 'remove it, name what it leads to',
    };
  }
  if (!found.isSocket()) return { why: 'is a file, not a socket', remedy: 'remove it' };
  const user = process.getuid?.() ?? 0;
  if (user === 0 || found.uid === user) return IN_USE;
  // who may not connect to it cannot tell whether anybody listens
  return {
    why: `is a socket of another user (${found.uid})`,
    remedy: 'remove it if nobody listens there any more',
  };
}

function whatIsAround(folder: string): Reason | undefined {
  const found = lookAt(folder, statSync);
  if (found === 'ENOENT') {
    return { why: `is in the folder ${folder}, which does not exist`, remedy: 'create the folder' };
  }
  if (found === 'ENOTDIR' || (typeof found !== 'string' && !found.isDirectory()))
    return { why: `cannot be created: ${folder} is not a directory` };
  return { why: `may not be created by this user in ${folder}` };
}

/** What is at a path, or the code of the error. */
function lookAt(path: string, look: (path: string) => Stats): Stats | string {
  try {
    return look(path);
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : '';
  }
}
