// URLs of the lock's engine that are taken, and what is left of them; a fault never repeats one.
import t from 'tap';
import { parseRedisUrl, REDIS_PATTERN } from '../../src/config/redis-url.ts';

const plain = { tls: false, db: 0 };

const taken: Readonly<Record<string, object>> = {
  'redis://redis': { host: 'redis', port: 6379, ...plain },
  'redis://redis:6380': { host: 'redis', port: 6380, ...plain },
  'redis://redis/': { host: 'redis', port: 6379, ...plain },
  'redis://redis:6379/3': { host: 'redis', port: 6379, tls: false, db: 3 },
  'rediss://redis.example:6380/15': { host: 'redis.example', port: 6380, tls: true, db: 15 },
  'redis://redis/98765': { host: 'redis', port: 6379, tls: false, db: 98_765 },
  'redis://127.0.0.1': { host: '127.0.0.1', port: 6379, ...plain },
  'redis://[::1]:7000': { host: '::1', port: 7000, ...plain },
  'redis://user:pass@redis': { host: 'redis', port: 6379, ...plain, username: 'user', password: 'pass' },
  'redis://:pass@redis': { host: 'redis', port: 6379, ...plain, password: 'pass' },
  'redis://user@redis': { host: 'redis', port: 6379, ...plain, username: 'user' },
  'redis://u%40x:p%2F%3A%23%25%20%C3%A9@redis': {
    ...{ host: 'redis', port: 6379, ...plain },
    ...{ username: 'u@x', password: 'p/:#% \u00e9' },
  },
  'redis+unix:/run/redis.sock': { socket: '/run/redis.sock', ...plain },
  'redis+unix:///run/redis.sock': { socket: '/run/redis.sock', ...plain },
};
for (const [text, value] of Object.entries(taken)) {
  t.test(`${text} is taken`, (t) => {
    t.same(parseRedisUrl(text), { value });
    t.match(text, new RegExp(`^(?:${REDIS_PATTERN})$`), 'and by editors');
    t.end();
  });
}

const refused = [
  ...[
    '',
    'redis',
    'redis:6379',
    'redis:/redis',
    'http://secret@redis',
    'REDIS://secret@redis',
    ' redis://secret',
  ],
  ...[
    'redis://',
    'redis://secret@',
    'redis://:secret@/',
    'redis:///0',
    'redis://:6379',
    'redis://secret@redis:0',
  ],
  ...[
    'redis://secret@redis:65536',
    'redis://secret@redis:x',
    'redis://secret@redis/x',
    'redis://secret@redis/-1',
  ],
  ...[
    'redis://secret@redis/1/2',
    'redis://secret@redis/123456',
    'redis://secret@redis?db=1',
    'redis://redis#secret',
  ],
  ...['redis://secret@re dis', 'redis://secret@redis\n', 'redis://secret\\@redis', 'redis://se%ZZcret@redis'],
  ...[
    'redis://u:secret%FF@redis',
    'redis://u:se/cret@redis',
    'redis://u:se#cret@redis',
    'redis://u:se?cret@redis',
  ],
  ...['redis+unix:', 'redis+unix:secret.sock', 'rediss+unix:/run/secret.sock'],
  ...['redis+unix://user:secret@/run/redis.sock', 'redis+unix:////secret@redis/0'],
];
for (const text of refused) {
  t.test(`${JSON.stringify(text)} is refused, and not repeated`, (t) => {
    const parsed = parseRedisUrl(text);
    if (!('fault' in parsed)) t.fail(JSON.stringify(parsed));
    t.notMatch(JSON.stringify(parsed), /secret|cret@/);
    t.end();
  });
}

for (const password of ['a/b', 'a/b+c=', 'a#b', 'a?b', 'a b', 'a\\b', 'a%zzb']) {
  t.test(`the password ${password} as it is: how to write it is said`, (t) => {
    for (const login of [`:${password}`, `ifmatch:${password}`])
      t.match(parseRedisUrl(`redis://${login}@redis:6379/0`), {
        fault: /user and password percent-encoded$/,
      });
    t.match(parseRedisUrl(`redis://:${encodeURIComponent(password)}@redis`), { value: { password } });
    t.end();
  });
}
