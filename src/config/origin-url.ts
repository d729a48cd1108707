// The origin's URL: http, https or unix+http, and nothing but scheme, host and port.
import { BlockList, isIP } from 'node:net';
import { parseSocketPath } from './listen.ts';
import type { Parsed } from './parsed.ts';

export interface OriginUrl {
  /** scheme://host:port without a path; the port is left out when it is the scheme's own. */
  readonly url: string;
  /** The socket of unix+http:/path. */
  readonly socket?: string;
}

export const ORIGIN_PATTERN = 'https?://[^/?#@\\s\\\\]+/?|unix\\+http:/.+';

const WANTED = 'must be a URL such as http://legacy:3000, https://legacy:8443 or unix+http:/run/legacy.sock';

const NOT_ASCII =
  'must not have spaces, backslashes or anything but ASCII, such as quotes from a word processor';

/** Where machines in clouds reach their own metadata service: a mistake or an attack, never an origin. */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** No fault repeats the URL: there may be a password in it. */
export function parseOriginUrl(text: string): Parsed<OriginUrl> {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase();
  const rest = text.slice((scheme ?? '').length + 1);
  if (scheme === 'unix+http') {
    return parseSocketPath(rest, (socket) => ({ url: 'http://localhost', socket }));
  }
  if (scheme === 'unix') return { fault: `${WANTED}; for a Unix socket the scheme is unix+http` };
  if (/[^\u0021-\u007e]/.test(text)) return { fault: NOT_ASCII };
  if (scheme !== 'http' && scheme !== 'https') return { fault: WANTED };
  const shape = shapeFault(rest);
  if (shape !== undefined) return { fault: shape };
  const url = URL.parse(text);
  if (url === null) return { fault: `${WANTED}; its host or port is invalid` };
  if (url.port === '0') return { fault: 'must not have port 0' };
  const host = bareHost(url);
  const family = isIP(host);
  if (family !== 0 && LINK_LOCAL.check(host, family === 6 ? 'ipv6' : 'ipv4')) {
    return { fault: 'must not be a link-local address: machine metadata is served there, no origin' };
  }
  return { value: { url: url.origin } };
}

// new URL() repairs what it reads (backslashes, tabs, http:host), so the shape is checked before it.
function shapeFault(rest: string): string | undefined {
  if (!/^\/\/[^/]/.test(rest)) return `${WANTED}: two slashes and a host come after the scheme`;
  if (rest.includes('\\')) return NOT_ASCII;
  if (rest.includes('@')) return 'must not have a user name or password; nothing would use it';
  if (/[?#]/.test(rest)) return 'must not have a query or fragment: the target comes from the request';
  if (/^\/\/[^/]+\/./.test(rest)) return 'must not have a path: the target comes from the request';
  return undefined;
}

/** Host without the brackets of IPv6. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** The port, also where it is the scheme's own. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}
