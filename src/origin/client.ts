// The connections to the one origin: verified TLS, bounded pools, kept after a HEAD as long as the origin deserves it.
import { Pool } from 'undici';
import type { Config } from '../config/config.ts';
import { connectorFor } from './connector.ts';
import { type ExchangeOptions, OriginExchange, type OriginRequest } from './exchange.ts';
import { Slots } from './slots.ts';
import { StrayContent } from './stray-content.ts';

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
  const { connect, isBreaking } = connectorFor(origin, url);
  const options: Pool.Options = {
    connections: null, // the slots bound what is under way
    pipelining: 1,
    allowH2: false, // one request at a time per connection is what the guard's deadlines are made for
    headersTimeout: 0, // every exchange brings its own deadlines
    bodyTimeout: 0,
    maxHeaderSize: MAX_HEAD,
    connect,
  };
  const open = () => new Pool(url.origin, options);
  const pools: Record<Lane, Pool> = { probe: open(), write: open(), open: open() };
  const slot = () => new Slots(origin.connections);
  const slots: Record<Lane, Slots> = { probe: slot(), write: slot(), open: slot() };
  const stray = new StrayContent(warn);
  for (const pool of Object.values(pools))
    pool.on('disconnect', (_url, _targets, error) => stray.look(error));

  const dispatch = (request: OriginRequest, lane: Lane, exchange: OriginExchange): void => {
    const dispatched = {
      method: request.method,
      path: request.target,
      headers: [...request.fields],
      body: request.content ?? null,
      idempotent: false, // undici repeats nothing by itself
      servername: url.hostname, // the same for all: another one would cost the connection
      ...(request.method === 'HEAD' ? { reset: stray.seen } : {}),
      ...(request.upgrade === undefined ? {} : { upgrade: request.upgrade }),
    };
    pools[lane].dispatch(dispatched, exchange);
  };

  return {
    host: (received) => (origin.host === 'origin' || received === '' ? url.host : received),
    send(request, options) {
      const { content } = request;
      const streamed = content !== undefined && !Buffer.isBuffer(content);
      const exchange = new OriginExchange({ ...options, isBreaking }, streamed);
      const freeSlot = slots[options.lane].enter(() => dispatch(request, options.lane, exchange));
      exchange.ended.then((ending) => {
        freeSlot();
        if (ending !== 'complete') stray.told(ending.cause);
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
