// The file as users write it: every key, what it takes, what it means. Editors get it from here.
import { z } from 'zod';
import { parseCidr } from './cidr.ts';
import type { Listen } from './config.ts';
import { DEFAULTS } from './defaults.ts';
import { LISTEN_PATTERN, parseListen } from './listen.ts';
import { lockSchema } from './lock-schema.ts';
import { ORIGIN_PATTERN, parseOriginUrl } from './origin-url.ts';
import type { Parsed } from './parsed.ts';
import { MOST_ROUTES, routeSchema } from './route-schema.ts';
import { choice, count, duration, fileName, flag, size, text } from './scalar.ts';

const ADDRESS = 'an address such as 0.0.0.0:8080';
const ORIGIN = 'a URL such as http://legacy:3000';

const listen = text(ADDRESS, LISTEN_PATTERN, parseListen);
const admin = text(`${ADDRESS}, or off`, `off|${LISTEN_PATTERN}`, (written): Parsed<Listen | 'off'> => {
  if (written === 'off') return { value: 'off' };
  const parsed = parseListen(written);
  // false, none, OFF: words that were meant to say so
  return 'fault' in parsed && /^[A-Za-z]+$/.test(written)
    ? { fault: `${parsed.fault}; to open none, write off` }
    : parsed;
});

const timeouts = z.strictObject({
  connect: duration()
    .prefault(DEFAULTS.origin.timeouts.connect)
    .describe('Longest time to open a connection.'),
  probe: duration()
    .prefault(DEFAULTS.origin.timeouts.probe)
    .describe('Longest time for the answer to a probe.'),
  read: duration()
    .prefault(DEFAULTS.origin.timeouts.read)
    .describe(
      'Longest time for the fields of the answer to a read; its content may take as long as the client waits.',
    ),
  write: duration()
    .prefault(DEFAULTS.origin.timeouts.write)
    .describe(
      'Longest time for the fields of the answer to a forwarded request; a write that takes longer has an unknown fate.',
    ),
  uncertainty: duration(0)
    .prefault(DEFAULTS.origin.timeouts.uncertainty)
    .describe(
      'How long a resource stays locked after a write of unknown fate: the time within which the origin surely ends it.',
    ),
});

const originOptions = z.strictObject({
  host: choice(['preserve', 'origin'])
    .prefault(DEFAULTS.origin.host)
    .describe("Which Host the origin sees: the client's (preserve) or the one of url (origin)."),
  ca: fileName()
    .exactOptional()
    .describe(
      "PEM file of the authorities trusted for the origin's certificate, instead of those that come with Node.",
    ),
  cert: fileName()
    .exactOptional()
    .describe('PEM file of the certificate shown to the origin (mTLS); needs key.'),
  key: fileName().exactOptional().describe('PEM file of the private key of cert.'),
  verify: flag()
    .prefault(DEFAULTS.origin.verify)
    .describe(
      "Whether the origin's certificate is verified. false leaves the connection open to anyone in between.",
    ),
  timeouts: timeouts.prefault({}).describe('Time limits towards the origin.'),
  connections: count(1, 65535)
    .prefault(DEFAULTS.origin.connections)
    .describe('Most exchanges with the origin under way at once: probes, writes and everything else each.'),
});

const originText = text(`${ORIGIN} or a mapping with url`, ORIGIN_PATTERN, parseOriginUrl).transform(
  (url) => ({
    ...originOptions.parse({}),
    url,
  }),
);

const originMapping = z.strictObject({
  url: text(ORIGIN, ORIGIN_PATTERN, parseOriginUrl).describe(
    'Scheme, host and port: http, https, or unix+http:/path of a socket.',
  ),
  ...originOptions.shape,
});

const { limits: LIMITS } = DEFAULTS;

const limits = z.strictObject({
  connections: count(1, 1_000_000)
    .prefault(LIMITS.connections)
    .describe('Most connections of clients at once; a further one is closed as it comes.'),
  // Node takes 0 for its default
  head: size(1)
    .prefault(LIMITS.head)
    .describe('Largest head of a request, target and fields; more gets 431.'),
  fields: count(10, 1000).prefault(LIMITS.fields).describe('Most field lines of a request; more get 431.'),
  target: size().prefault(LIMITS.target).describe('Longest target of a request; more gets 414.'),
  content: size().prefault(LIMITS.content).describe('Largest request content; more gets 413.'),
  arrival: duration().prefault(LIMITS.arrival).describe('Longest time for the head of a request; then 408.'),
  idle: duration().prefault(LIMITS.idle).describe('Longest pause within request content; then 408.'),
  upload: duration()
    .prefault(LIMITS.upload)
    .describe('Longest time for the whole of request content; then 408.'),
  send: duration()
    .prefault(LIMITS.send)
    .describe('Longest time for which a client takes nothing of an answer; then its connection is closed.'),
  keepalive: duration()
    .prefault(LIMITS.keepalive)
    .describe('How long a connection without a request is kept open.'),
});

const drain = z.strictObject({
  delay: duration(0)
    .prefault(DEFAULTS.drain.delay)
    .describe('After SIGTERM: how long to go on accepting while /readyz already says no.'),
  timeout: duration()
    .prefault(DEFAULTS.drain.timeout)
    .describe('How long requests in flight may then take to end.'),
});

export const settingsSchema = z.strictObject({
  listen: listen
    .prefault(DEFAULTS.listen)
    .describe('Where clients connect: host:port, [ipv6]:port, :port, or unix:/path of a socket.'),
  admin: admin
    .prefault(DEFAULTS.admin)
    .describe('Where health and status are served, in the notation of listen; or off.'),
  origin: z
    .union([originText, originMapping], { error: `must be ${ORIGIN} or a mapping with url` })
    .exactOptional()
    .describe(
      'The server behind ifmatch, as a URL or as a mapping. Also given by --origin or IFMATCH_ORIGIN.',
    ),
  lock: lockSchema,
  workers: count(1, 64)
    .prefault(DEFAULTS.workers)
    .describe(
      'Processes that share the listener, for several cores; the lock is kept in the one above them.',
    ),
  buffer: size()
    .prefault(DEFAULTS.buffer)
    .describe(
      'Request content read before the lock is taken; larger content is streamed while the lock is held.',
    ),
  limits: limits
    .prefault({})
    .describe('What a client may take up; the answer to more is an error, never growth.'),
  drain: drain.prefault({}).describe('The end of the program.'),
  trust: z
    .array(text('an address block such as 10.0.0.0/8, or unix', '[0-9A-Fa-f:.]+(/[0-9]+)?|unix', parseCidr))
    .prefault([...DEFAULTS.trust])
    .describe(
      'Address blocks (CIDR) of proxies in front of ifmatch whose Forwarded and X-Forwarded-* fields are believed; unix for those that come by a Unix socket.',
    ),
  routes: z
    .array(routeSchema)
    .max(MOST_ROUTES)
    .prefault([])
    .describe('Rules per path. The first match wins; what matches none gets the defaults.'),
});

export type Settings = z.output<typeof settingsSchema>;

/** JSON schema (draft 2020-12) of the file before ${NAME} is filled in, for editors. */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(settingsSchema, { io: 'input', target: 'draft-2020-12' });
  return { ...schema, title: 'ifmatch configuration' };
}
