// The connections to the one origin: verified TLS, bounded pools, kept after a HEAD as long as the origin deserves it.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import type { Config } from '../config/config.ts';
import { type ExchangeOptions, OriginExchange, type OriginRequest } from './exchange.ts';
import { errorCode } from './failure.ts';
import { Slots } from './slots.ts';

/**
 * Connections and slots of their own: what hangs in one lane starves no other, and bytes that an origin sends behind its
 * answer to a probe cannot become the answer to a write. `open` is for reads and unguarded traffic.
 */
export type Lane = 'probe' | 'write' | 'open';

export interface SendOptions extends ExchangeOptions {
  readonly lane: Lane;
}

/** An exchange that holds one of its lane's slots until it has ended, or `freeSlot` is called. */
export interface Sent {
  readonly exchange: OriginExchange;
  freeSlot(): void;
}

export interface OriginClient {
  /** The Host that the origin sees, given the client's; empty when there was none. */
  host(received: string): string;
  send(request: OriginRequest, options: SendOptions): Sent;
  close(): Promise<void>;
  /** Ends every connection, whatever is under way. */
  destroy(): Promise<void>;
}

/** Bytes of an answer's head; Node's own limit for requests. */
const MAX_HEAD = 16_384;

/**
 * Opens the pools of one origin. Certificates are verified unless the configuration says `verify: false`.
 * Throws when a file of the TLS settings cannot be read.
 */
export function openOrigin(origin: Config['origin'], warn: (message: string) => void): OriginClient {
  const url = new URL(origin.url);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  // undici would verify the name in the client's Host; what counts is who was configured
  const servername = isIP(hostname) === 0 ? hostname : '';
  const connector = buildConnector({
    allowH2: false,
    timeout: origin.timeouts.connect,
    rejectUnauthorized: origin.verify,
    checkServerIdentity: (_name, certificate) => checkServerIdentity(hostname, certificate),
    ...(origin.socket === undefined ? {} : { socketPath: origin.socket }),
    ...(origin.ca === undefined ? {} : { ca: readFileSync(origin.ca) }),
    ...(origin.cert === undefined ? {} : { cert: readFileSync(origin.cert) }),
    ...(origin.key === undefined ? {} : { key: readFileSync(origin.key) }),
  });
  let breaking = false;
  const noteBreak = () => {
    breaking = true;
    queueMicrotask(() => {
      breaking = false;
    });
  };
  const connect: buildConnector.connector = (options, callback) =>
    connector({ ...options, servername, host: url.host }, (...result) => {
      // undici has its say on the error in the same tick, and after us
      result[1]?.on('error', noteBreak);
      callback(...result);
    });
  const open = () =>
    new Pool(url.origin, {
      connections: null, // the slots bound them
      pipelining: 1,
      allowH2: false, // one request at a time per connection is what the guard's deadlines are made for
      headersTimeout: 0, // every exchange brings its own deadlines
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEAD,
      connect,
    });
  const pools: Record<Lane, Pool> = { probe: open(), write: open(), open: open() };
  const slot = () => new Slots(origin.connections);
  const slots: Record<Lane, Slots> = { probe: slot(), write: slot(), open: slot() };

  // undici closes a connection after every HEAD because some servers answer one with content (undici issue 258), which
  // would be read as the next answer. Kept open here until an origin is caught at it: bytes that belong to no exchange,
  // or that begin an answer and are none.
  let keepAfterHead = true;
  const told = new WeakSet<Error>();
  const onDisconnect = (_url: URL, _targets: unknown, error: Error) => {
    // an exchange that failed by the error says so first, but in a microtask
    queueMicrotask(() => {
      if (!keepAfterHead || !isStrayContent(error, told.has(error))) return;
      keepAfterHead = false;
      warn('the origin sent bytes that answer no request; its connections are no longer reused after a HEAD');
    });
  };
  for (const pool of Object.values(pools)) pool.on('disconnect', onDisconnect);

  const dispatch = (request: OriginRequest, lane: Lane, exchange: OriginExchange): void => {
    const options = {
      method: request.method,
      path: request.target,
      headers: [...request.fields],
      body: request.content ?? null,
      idempotent: false, // undici repeats nothing by itself
      servername: url.hostname, // the same for all: another one would cost the connection
      ...(request.method === 'HEAD' ? { reset: !keepAfterHead } : {}),
      ...(request.upgrade === undefined ? {} : { upgrade: request.upgrade }),
    };
    pools[lane].dispatch(options, exchange);
  };

  return {
    host: (received) => (origin.host === 'origin' || received === '' ? url.host : received),
    send(request, options) {
      const { content } = request;
      const streamed = content !== undefined && !Buffer.isBuffer(content);
      const exchange = new OriginExchange({ ...options, isBreaking: () => breaking }, streamed);
      const freeSlot = slots[options.lane].enter(() => dispatch(request, options.lane, exchange));
      exchange.ended.then((ending) => {
        freeSlot();
        if (ending !== 'complete' && ending.cause instanceof Error) told.add(ending.cause);
        // what the origin did not take would wait for a reader for ever
        if (streamed) content.destroy();
      });
      return { exchange, freeSlot };
    },
    async close() {
      await Promise.all(Object.values(pools).map((pool) => pool.close()));
    },
    async destroy() {
      await Promise.all(Object.values(pools).map((pool) => pool.destroy()));
    },
  };
}

/** `told`: an exchange has failed by this error, so it is no news that the bytes were unexpected. */
function isStrayContent(error: Error, told: boolean): boolean {
  const code = errorCode(error);
  if (told) return code === 'HPE_INVALID_CONSTANT';
  return code.startsWith('HPE_') || (code === 'UND_ERR_SOCKET' && error.message === 'bad response');
}
