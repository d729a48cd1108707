// The part of the file about the lock: which engine, how long to wait, and what to do when the engine is not there.
import { z } from 'zod';
import { DEFAULTS } from './defaults.ts';
import type { Parsed } from './parsed.ts';
import { parseRedisUrl, REDIS_PATTERN } from './redis-url.ts';
import { choice, count, duration, fileName, text } from './scalar.ts';
import { DURATION_PATTERN, parseDuration } from './units.ts';
import { quote } from './wording.ts';

const ENGINES = ['memory', 'redis'] as const;
const { lock: LOCK } = DEFAULTS;

const guard = text(
  'auto, off or a duration such as 51s',
  `auto|off|${DURATION_PATTERN}`,
  (written): Parsed<'auto' | 'off' | number> => {
    if (written === 'auto' || written === 'off') return { value: written };
    const parsed = parseDuration(written, 1);
    if ('value' in parsed || /^[0-9]/.test(written)) return parsed;
    return { fault: `must be auto, off or a duration such as 51s, not ${quote(written)}` };
  },
);

const namespace = text(
  'a name such as legacy',
  '[!-~]{1,200}',
  (written): Parsed<string> =>
    /^[!-~]{1,200}$/.test(written)
      ? { value: written }
      : { fault: `must be up to 200 ASCII characters without spaces, not ${quote(written)}` },
);

const fence = text(
  'a field name such as X-Lock-Fence',
  '[A-Za-z][A-Za-z0-9-]{0,99}',
  (written): Parsed<string> =>
    /^[A-Za-z][A-Za-z0-9-]{0,99}$/.test(written)
      ? { value: written }
      : { fault: `must be a field name such as X-Lock-Fence, not ${quote(written)}` },
);

const lockMapping = z.strictObject({
  engine: choice(ENGINES)
    .prefault(LOCK.engine)
    .describe(
      'Where locks are kept. memory: in this process, so that one instance alone may write to the origin. redis: in Redis or Valkey, for any number of instances.',
    ),
  url: text('a URL such as redis://redis:6379', REDIS_PATTERN, parseRedisUrl)
    .exactOptional()
    .describe(
      'Of engine redis: redis://, rediss:// (TLS) or redis+unix:/path, with user, password, database.',
    ),
  ca: fileName()
    .exactOptional()
    .describe(
      "PEM file of the authorities trusted for the engine's certificate, instead of those that come with Node.",
    ),
  cert: fileName()
    .exactOptional()
    .describe('PEM file of the certificate shown to the engine (mTLS); needs key.'),
  key: fileName().exactOptional().describe('PEM file of the private key of cert.'),
  namespace: namespace
    .exactOptional()
    .describe('Instances in front of one origin share it; by default the URL of the origin.'),
  wait: duration(0).prefault(LOCK.wait).describe('Longest wait for the lock of a resource; then 503.'),
  queue: count(0, 100_000)
    .prefault(LOCK.queue)
    .describe('Most waiters per resource and process; one more gets 503 at once.'),
  waiting: count(0, 1_000_000)
    .prefault(LOCK.waiting)
    .describe('Most waiters over all resources; one more gets 503 at once.'),
  guard: guard
    .prefault(LOCK.guard)
    .describe(
      'After the engine lost its memory (restart, failover): no grants for so long. auto: until no write from before can still be under way.',
    ),
  down: choice(['closed', 'local', 'open'])
    .prefault(LOCK.down)
    .describe(
      'When the engine cannot be reached: closed: 503; local: one writer per process; open: no lock. Both others lose updates with several instances.',
    ),
  replicas: count(0, 10)
    .prefault(LOCK.replicas)
    .describe('Replicas of the engine that must have a lock before its write is sent (WAIT); otherwise 503.'),
  fence: fence
    .exactOptional()
    .describe('Field that tells the origin a number which grows with every lock of the engine.'),
  release: choice(['end', 'headers'])
    .prefault(LOCK.release)
    .describe(
      "When the lock ends: with the end of the origin's answer, or with its fields, for origins that answer when they are done.",
    ),
});

const lockText = choice(ENGINES, ', or a mapping with engine, url and more').transform((engine) =>
  lockMapping.parse({ engine }),
);

export const lockSchema = z
  .union([lockText, lockMapping])
  .prefault(LOCK.engine)
  .describe('One writer per resource: the engine alone, or a mapping.');
