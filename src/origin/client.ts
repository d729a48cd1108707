// The connections to the one origin: verified TLS, bounded pools, kept after a HEAD as long as the origin deserves it.
import { readFileSync } from 'node:fs';
import { type Dispatcher, Pool } from 'undici';
import type { Config } from '../config/config.ts';
import { type Deadlines, OriginExchange, type OriginRequest } from './exchange.ts';

/** `guarded`: probes and writes, which share warm connections; `open`: reads and unguarded traffic, which may hang. */
export type Lane = 'guarded' | 'open';

export interface SendOptions {
  readonly lane: Lane;
  readonly deadlines: Deadlines;
  readonly lead: number;
  readonly mayStart?: () => boolean;
}

export interface OriginClient {
  /** The Host that the origin sees, given the client's. */
  host(received: string): string;
  send(request: OriginRequest, options: SendOptions): OriginExchange;
  /** Scheme and authority. */
  readonly base: string;
  /** The connections of the open lane, for reply-from. */
  readonly open: Dispatcher;
  /** Whether a connection may be used again after a HEAD. */
  keepsAfterHead(): boolean;
  close(): Promise<void>;
}

/** Bytes of an answer's head; Node's own limit for requests. */
const MAX_HEAD = 16_384;

/**
 * Opens the pools of one origin. Certificates are verified unless the configuration says `verify: false`.
 * Throws when a file of the TLS settings cannot be read.
 */
export function openOrigin(origin: Config['origin'], warn: (message: string) => void): OriginClient {
  const url = new URL(origin.url);
  const connect = {
    timeout: origin.timeouts.connect,
    rejectUnauthorized: origin.verify,
    ...(origin.socket === undefined ? {} : { socketPath: origin.socket }),
    ...(origin.ca === undefined ? {} : { ca: readFileSync(origin.ca) }),
    ...(origin.cert === undefined ? {} : { cert: readFileSync(origin.cert) }),
    ...(origin.key === undefined ? {} : { key: readFileSync(origin.key) }),
  };
  const open = () =>
    new Pool(url.origin, {
      connections: origin.connections,
      pipelining: 1,
      allowH2: false, // traps B32
      headersTimeout: 0, // every exchange brings its own deadlines
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEAD,
      connect,
    });
  const pools: Record<Lane, Pool> = { guarded: open(), open: open() };

  // undici closes a connection after every HEAD because some servers answer one with content (undici issue 258), which
  // would be read as the next answer. Kept open here until an origin is caught at it: bytes that belong to no request.
  let keepAfterHead = true;
  const onDisconnect = (_url: URL, _targets: unknown, error: Error) => {
    if (!keepAfterHead || !isStrayContent(error)) return;
    keepAfterHead = false;
    warn('the origin sent bytes that answer no request; its connections are no longer reused after a HEAD');
  };
  for (const pool of Object.values(pools)) pool.on('disconnect', onDisconnect);

  return {
    base: url.origin,
    open: pools.open,
    keepsAfterHead: () => keepAfterHead,
    host: (received) => (origin.host === 'origin' ? url.host : received),
    send(request, options) {
      const content = request.content;
      const streamed = content !== undefined && !Buffer.isBuffer(content);
      const exchange = new OriginExchange({ ...options, streamed });
      pools[options.lane].dispatch(
        {
          method: request.method,
          path: request.target,
          headers: [...request.fields],
          body: content ?? null,
          idempotent: false, // undici repeats nothing by itself
          ...(request.method === 'HEAD' ? { reset: !keepAfterHead } : {}),
          ...(request.upgrade === undefined ? {} : { upgrade: request.upgrade }),
        },
        exchange,
      );
      return exchange;
    },
    async close() {
      await Promise.all(Object.values(pools).map((pool) => pool.close()));
    },
  };
}

function isStrayContent(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : '';
  return code.startsWith('HPE_') || (code === 'UND_ERR_SOCKET' && error.message === 'bad response');
}
