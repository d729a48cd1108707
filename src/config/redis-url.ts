// The URL of a Redis or Valkey server: redis, rediss (TLS) or redis+unix, with user, password and database.
import { parseSocketPath } from './listen.ts';
import { bareHost } from './origin-url.ts';
import type { Parsed } from './parsed.ts';

/** Where the engine is, and as whom to log in. */
export type RedisAddress = (
  | { readonly host: string; readonly port: number }
  | { readonly socket: string }
) & {
  readonly tls: boolean;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
};

export const REDIS_PATTERN = 'rediss?://[^/\\s]+(/[0-9]*)?|redis\\+unix:/.+';

const WANTED =
  'must be a URL such as redis://redis:6379, rediss://user:password@redis:6380/0 or redis+unix:/run/redis.sock';
const ENCODED = `${WANTED}; write other characters of user and password percent-encoded`;
const DEFAULT_PORT = 6379;

/** What ends a URL's user and password before their "@", and is in every other password that a machine has made. */
const BEHIND_LOGIN = /^rediss?:\/\/[^@]*[/?#\\\s][^@]*@/;

/** No fault repeats the URL: there may be a password in it. */
export function parseRedisUrl(text: string): Parsed<RedisAddress> {
  if (text.startsWith('redis+unix:')) {
    const rest = text.slice('redis+unix:'.length);
    return parseSocketPath(rest, (socket) => ({ socket, tls: false, db: 0 }));
  }
  if (BEHIND_LOGIN.test(text)) return { fault: ENCODED };
  if (!/^rediss?:\/\/[^/\s\\]+(?:\/[0-9]{0,5})?$/.test(text)) return { fault: WANTED };
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || url.search !== '' || url.hash !== '') return { fault: WANTED };
  if (url.port === '0') return { fault: 'must not have port 0' };
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === undefined || password === undefined) return { fault: ENCODED };
  return {
    value: {
      host: bareHost(url),
      port: url.port === '' ? DEFAULT_PORT : Number(url.port),
      tls: url.protocol === 'rediss:',
      db: Number(url.pathname.slice(1)),
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
    },
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
