// The way to the one origin: lanes of connections, bounded by slots, kept after a HEAD as long as the origin deserves it.
import { Readable } from 'node:stream';
import type { Config } from '../config/config.ts';
import { OriginConnections } from './connections.ts';
import { connectorFor } from './connector.ts';
import { type ExchangeOptions, OriginExchange, type OriginRequest } from './exchange.ts';
import { enterBoth, Slots } from './slots.ts';
import { StrayContent } from './stray-content.ts';

/**
 * Connections and slots of their own: what hangs in one lane starves no other, and bytes that an origin sends behind its
 * answer to a probe cannot become the answer to a write. `open` is for reads and unguarded traffic.
 */
export const LANES = ['probe', 'write', 'open'] as const;

export type Lane = (typeof LANES)[number];

export interface SendOptions extends ExchangeOptions {
  readonly lane: Lane;
}

/**
 * The part of a lane that content may take while its client is still sending it: what came whole finds a slot even when
 * many dawdle.
 */
const STREAMED = 3 / 4;

/** An exchange that holds one of its lane's slots until it has ended, or `freeSlot` is called. */
export interface Sent {
  readonly exchange: OriginExchange;
  freeSlot(): void;
}

export interface OriginClient {
  /** The Host that the origin sees, given the client's; empty when there was none. */
  host(received: string): string;
  /** What the origin's own URLs begin with, where it sees its own Host whatever the client's is. */
  readonly self: string | undefined;
  send(request: OriginRequest, options: SendOptions): Sent;
  close(): Promise<void>;
  /** Ends every connection, whatever is under way. */
  destroy(): Promise<void>;
}

const ALL_IN_USE = 'as many exchanges are under way as origin.connections allows';

/**
 * Opens the lanes of one origin. Certificates are verified unless the configuration says `verify: false`.
 * Throws when a file of the TLS settings cannot be read.
 */
export function openOrigin(origin: Config['origin'], warn: (message: string) => void): OriginClient {
  const url = new URL(origin.url);
  const connect = connectorFor(origin, url);
  const stray = new StrayContent(warn);
  const newLane = () => ({
    connections: new OriginConnections(connect, (behindHead) => stray.found(behindHead), closeFree),
    slots: new Slots(origin.connections),
    streams: new Slots(Math.ceil(origin.connections * STREAMED)),
  });
  const lanes = { probe: newLane(), write: newLane(), open: newLane() };
  const connections = Object.values(lanes).map((lane) => lane.connections);
  /** Where one is silent the machine may be gone that they all lead to, and a write on one of them would be of unknown fate. */
  function closeFree(since: number): void {
    for (const lane of connections) lane.closeFree(since);
  }
  return {
    host: (received) => (origin.host === 'origin' || received === '' ? url.host : received),
    self: origin.host === 'origin' ? url.origin : undefined,
    send(request, options) {
      const { content } = request;
      const streamed = content instanceof Readable;
      const exchange = new OriginExchange(options, streamed);
      const lane = lanes[options.lane];
      const last = stray.endsAfter(request.method);
      if (!lane.slots.hasFree || (streamed && !lane.streams.hasFree)) exchange.waits(ALL_IN_USE);
      const start = () => lane.connections.carry(request, exchange, last);
      const freeSlot = streamed ? enterBoth(lane.streams, lane.slots, start) : lane.slots.enter(start);
      exchange.whenEnded((ending) => {
        // before the slot: who waits for it would take one of them
        const { sentAt } = exchange;
        if (ending !== 'complete' && ending.kind === 'timeout' && sentAt !== undefined) closeFree(sentAt);
        freeSlot();
        // what the origin did not take would wait for a reader for ever
        if (streamed) content.destroy();
      });
      return { exchange, freeSlot };
    },
    async close() {
      await Promise.all(connections.map((lane) => lane.close()));
    },
    async destroy() {
      await Promise.all(connections.map((lane) => lane.destroy()));
    },
  };
}
