// Listen addresses: their notation, and whether two of them are the same place.
import { isIP } from 'node:net';
import type { Listen } from './config.ts';
import type { Parsed } from './parsed.ts';
import { quote } from './wording.ts';

export const LISTEN_PATTERN = '(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9.-]*):[0-9]{1,5}|unix:/.+';

const ADDRESS = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):([0-9]{1,5})$/;
const ALL_INTERFACES = '0.0.0.0';
const WANTED = 'must be an address such as 0.0.0.0:8080, [::1]:8080, :8080 or unix:/run/ifmatch.sock';

/** The longest path of a Unix socket that every system takes (sun_path of unix(7) and the BSDs), in octets. */
const LONGEST_SOCKET = 103;

/** '0.0.0.0:8080', '[::1]:80', ':8080' (every IPv4 interface) or 'unix:/run/x.sock'. */
export function parseListen(text: string): Parsed<Listen> {
  if (text.startsWith('unix:')) return parseSocketPath(text.slice('unix:'.length), (socket) => ({ socket }));
  if (/^[0-9]+$/.test(text) && Number(text) <= 65535)
    return { fault: `${WANTED}; ${quote(text)} is only a port: write :${Number(text)}` };
  const [, address, name, digits] = ADDRESS.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined) return { fault: `${WANTED}, not ${quote(text)}` };
  if (port > 65535) return { fault: `${WANTED}; a port is at most 65535` };
  if (address !== undefined && isIP(address) !== 6)
    return { fault: `${WANTED}; ${quote(address)} is not an IPv6 address` };
  const host = (address ?? (name || ALL_INTERFACES)).toLowerCase();
  if (/^[0-9.]+$/.test(host) && isIP(host) !== 4)
    return { fault: `${WANTED}; ${quote(host)} is not an IPv4 address` };
  return { value: { host, port } };
}

/** The path of a Unix socket, what follows its scheme: /run/x.sock or ///run/x.sock; wrapped by `make`. */
export function parseSocketPath<T>(rest: string, make: (path: string) => T): Parsed<T> {
  const path = rest.replace(/^\/\/(?=\/)/, '');
  if (!path.startsWith('/'))
    return { fault: 'must name its socket by an absolute path, such as /run/ifmatch.sock' };
  // what is meant as a host or a login would be taken for folders
  if (path.startsWith('//')) {
    return { fault: 'must have the path of its socket alone: no host, user or password comes before it' };
  }
  const octets = Buffer.byteLength(path);
  if (octets > LONGEST_SOCKET) {
    return { fault: `names a socket by a path of ${octets} octets; systems take at most ${LONGEST_SOCKET}` };
  }
  return { value: make(path) };
}

/** In the notation of the file. */
export function formatListen(listen: Listen): string {
  if ('socket' in listen) return `unix:${listen.socket}`;
  return `${isIP(listen.host) === 6 ? `[${listen.host}]` : listen.host}:${listen.port}`;
}

/** Whether the second of two listeners could not bind. Never so for port 0. */
export function sameListener(a: Listen, b: Listen): boolean {
  if ('socket' in a || 'socket' in b) return 'socket' in a && 'socket' in b && a.socket === b.socket;
  return a.port !== 0 && a.port === b.port && (a.host === b.host || isWildcard(a.host) || isWildcard(b.host));
}

/** Whether requests to `host` and `port` arrive at `listen`, as far as names alone can tell. */
export function reaches(listen: Listen, host: string, port: number): boolean {
  if ('socket' in listen || listen.port !== port) return false;
  if (isWildcard(listen.host)) return isLoopback(host) || isWildcard(host);
  if (listen.host === host) return true;
  if (!isLoopback(listen.host)) return false;
  return isWildcard(host) || (isLoopback(host) && (host === 'localhost' || listen.host === 'localhost'));
}

/** Whether it can be reached at a loopback address alone: by this machine. */
export function isLoopbackOnly(listen: Listen): boolean {
  return !('socket' in listen) && isLoopback(listen.host);
}

function isWildcard(host: string): boolean {
  return host === ALL_INTERFACES || /^[0:]+$/.test(host);
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host === '::1' ||
    host.startsWith('::ffff:7f') ||
    (isIP(host) === 4 && host.startsWith('127.'))
  );
}
