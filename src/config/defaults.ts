// Every default of the configuration, in the notation of the file. There are no others.

export const DEFAULTS = {
  /** All interfaces: in a container the port must be reachable from outside it. */
  listen: '0.0.0.0:8080',
  /** This machine only: health and status are not for clients. */
  admin: '127.0.0.1:9900',
  origin: {
    /** Most origins build links and redirects from the Host that the client used. */
    host: 'preserve',
    /** Turning verification off is always spelt out. */
    verify: true,
    timeouts: { connect: '3s', probe: '5s', read: '60s', write: '30s', uncertainty: '15s' },
    connections: 128,
  },
  lock: {
    engine: 'memory',
    /** Shorter than what most clients wait for an answer. */
    wait: '10s',
    queue: 100,
    waiting: 10_000,
    /** Computed from the timeouts: as long as a write from before can be under way. */
    guard: 'auto',
    /** What cannot be locked is not written. */
    down: 'closed',
    replicas: 0,
    /** Only the end of the answer shows that the origin is done. */
    release: 'end',
  },
  /** One process per container, and replicas. */
  workers: 1,
  /** Nearly every edit fits, so that a slow client holds no lock while it sends. */
  buffer: '1MiB',
  limits: {
    connections: 4096,
    /** Node's own limit. */
    head: '16KiB',
    /** Below 1000, from where older releases of Node dropped lines. */
    fields: 200,
    target: '8KiB',
    content: '1GiB',
    arrival: '10s',
    idle: '10s',
    upload: '5m',
    send: '60s',
    /** Longer than most load balancers keep theirs, so that they close first. */
    keepalive: '72s',
  },
  /** The delay lets a load balancer see that this instance is going. */
  drain: { delay: '3s', timeout: '60s' },
  /** Nobody's Forwarded fields are believed. */
  trust: [],
  /** What matches no route gets these too, so that no path is unguarded by omission. */
  route: {
    mode: 'enforce',
    methods: ['PUT', 'PATCH', 'DELETE'],
    probe: 'auto',
    /** RFC 9110 13.1.1: If-Match uses strong comparison. */
    weak: 'reject',
    undecided: 'refuse',
    case: 'sensitive',
    cors: 'pass',
    /** A method that the origin obeys and the guard does not see is a way around the guard. */
    override: 'strip',
  },
} as const;
