// What may happen on a client's connection: one request at a time, in order, nothing behind the last answer, no standstill.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { sendOff } from './send-off.ts';

/** Emitted on a request whose content turns out to be malformed on its way; to who listens later, later. */
export const MALFORMED = Symbol('malformed content');

/** How often answers are looked at that their client does not take, milliseconds. */
const LOOK = 500;

/** No number of bytes: nobody has looked yet how far the client is. */
const NOT_LOOKED = -1;

/** How long a stop waits for the rest of a request's head, milliseconds: Node itself looks no more after close(). */
const GRACE = 1_000;

/** What is known of one connection. */
interface Connection {
  readonly socket: Duplex;
  /** The response that the next request has to wait for. */
  last: ServerResponse | undefined;
  /** The response of the request that is at work. */
  active: ServerResponse | undefined;
  /** Nothing more can be read from it. */
  broken: boolean;
  /** Has become a tunnel, or waits for what the origin says to that. */
  tunnel: boolean;
  /** Its last answer has been given: a request behind it must not be processed (RFC 9112 9.6). */
  finished: boolean;
  /** How far the client has taken the answer at work, bytes; and since when, on the monotonic clock. */
  taken: number;
  since: number;
}

/**
 * Node hands out pipelined requests all at once. Here each one waits for the answer to the one before it, so that a read
 * behind a write sees it done, a connection never has more than one request at work, and nothing that is written around an
 * answer can be taken for it.
 */
export class Connections {
  readonly #known = new WeakMap<Duplex, Connection>();
  /**
   * One entry for each connection, not for each request: what V8 discards of a Map or Set that is always being filled keeps
   * the latest entries, here whole requests, alive until the next full collection.
   */
  readonly #open = new Set<Connection>();
  /** Requests that broke off before their turn. */
  readonly #dropped = new WeakSet<ServerResponse>();
  readonly #patience: number;
  readonly #look: NodeJS.Timeout;
  #grace: NodeJS.Timeout | undefined;
  #closing = false;

  /** `patience`: a client that takes nothing of its answer for so many milliseconds is cut off. */
  constructor(patience: number) {
    this.#patience = patience;
    this.#look = setInterval(() => this.#cutStalled(), Math.min(LOOK, patience)).unref();
  }

  /** Told of each connection as it comes: a stop has to find those without a request, too. */
  accept(socket: Duplex): void {
    this.#connection(socket);
  }

  /** Calls `start` when it is this request's turn; never, when the client has gone or was told of the end before. */
  take(message: IncomingMessage, response: ServerResponse, start: () => void): void {
    const { socket } = message;
    const connection = this.#connection(socket);
    const before = owed(connection.last);
    connection.last = response;
    // the rest of a head that was too late: its client has been told that nothing was done
    if (connection.broken) this.#dropped.add(response);
    response.on('close', () => {
      if (connection.last === response) connection.last = undefined;
      if (connection.active === response) connection.active = undefined;
      if (!response.shouldKeepAlive) connection.finished = true;
      // an answer whose head had gone before could not say that it is the last; one that waits behind it can
      else if (this.#closing && connection.last === undefined) {
        connection.finished = true;
        sendOff(socket);
      }
    });
    const begin = () => {
      if (socket.destroyed) {
        response.destroy();
        return;
      }
      if (connection.finished || this.#dropped.has(response)) {
        sendOff(socket);
        return;
      }
      if (this.#closing) response.shouldKeepAlive = false;
      if (connection.last === response) socket.resume();
      connection.active = response;
      connection.taken = NOT_LOOKED;
      start();
    };
    if (before === undefined) {
      begin();
      return;
    }
    // a flood of pipelined requests waits in the kernel, not here
    socket.pause();
    before.once('close', begin);
  }

  /** Whether a request on this connection cannot be answered now: another answer is still owed, or the last has been given. */
  isBusy(socket: Duplex): boolean {
    const connection = this.#known.get(socket);
    return (
      connection !== undefined &&
      (connection.broken || connection.finished || owed(connection.last) !== undefined)
    );
  }

  /** Whether every answer is the last of its connection. */
  get closing(): boolean {
    return this.#closing;
  }

  /**
   * Takes over a connection that Node has taken its own listeners off (CONNECT, Upgrade): an error that nobody listens to
   * would end the process, and an answer that is owed would not go on when its client has taken what there is of it.
   * `last`: the only answer there will be, of a connection that is to become a tunnel.
   */
  adopt(socket: Duplex, last?: ServerResponse): void {
    const connection = this.#connection(socket);
    if (last !== undefined) {
      connection.tunnel = true;
      connection.last = last;
      connection.active = last;
      connection.taken = NOT_LOOKED;
    }
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => connection.active?.emit('drain'));
  }

  /**
   * Nothing more can be read from this connection. Calls `answer` when no answer is owed on it; otherwise that one is the
   * last: a 400 would be taken for the answer to a write that was performed.
   */
  breakOff(socket: Duplex, clientLeft: boolean, answer: () => void): void {
    const connection = this.#connection(socket);
    if (connection.broken) return;
    connection.broken = true;
    const last = owed(connection.last);
    if (last === undefined) {
      answer();
      return;
    }
    // what still comes is read and dropped: on a paused connection nobody would see that the client leaves
    socket.resume();
    if (!clientLeft) socket.once('end', () => socket.destroy());
    last.shouldKeepAlive = false;
    last.once('close', () => sendOff(socket));
    const { req: message } = last;
    // the answer to a complete request is still owed; one whose content broke off ends here
    if (message.complete) return;
    if (connection.active !== last) this.#dropped.add(last);
    else if (clientLeft) message.destroy();
    else if (!message.emit(MALFORMED) && !last.headersSent) message.destroy();
    // who comes to listen later is told as well
    else message.on('newListener', (event, told) => event === MALFORMED && setImmediate(told));
  }

  /**
   * From now on every answer is the last of its connection, and tunnels, which have no end to wait for, are cut. After a
   * while `dismiss` is called for each connection that owes no answer: its request, if there is one, has not come whole,
   * and nothing of it is processed.
   */
  close(dismiss: (socket: Duplex) => void): void {
    this.#closing = true;
    for (const { active, socket, tunnel } of this.#open) {
      if (tunnel) socket.destroy();
      else if (active !== undefined && !active.headersSent) active.shouldKeepAlive = false;
    }
    this.#grace = setTimeout(() => this.#dismissIdle(dismiss), GRACE);
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const { socket } of this.#open) socket.destroy();
  }

  /** Nothing is open any more. */
  stop(): void {
    clearInterval(this.#look);
    clearTimeout(this.#grace);
  }

  #connection(socket: Duplex): Connection {
    const known = this.#known.get(socket);
    if (known !== undefined) return known;
    const nothing = {
      last: undefined,
      active: undefined,
      broken: false,
      tunnel: false,
      finished: false,
      taken: NOT_LOOKED,
      since: 0,
    };
    const connection: Connection = { socket, ...nothing };
    this.#known.set(socket, connection);
    this.#open.add(connection);
    socket.once('close', () => this.#open.delete(connection));
    return connection;
  }

  #dismissIdle(dismiss: (socket: Duplex) => void): void {
    for (const connection of this.#open) {
      const { last, socket } = connection;
      if (owed(last) !== undefined || socket.writableEnded) continue;
      connection.broken = true;
      dismiss(socket);
    }
  }

  /** One look at all answers is cheaper than a timer for each. */
  #cutStalled(): void {
    const now = performance.now();
    for (const connection of this.#open) {
      const socket = owed(connection.active)?.socket;
      if (socket === undefined || socket === null) continue;
      const taken = socket.bytesWritten - socket.writableLength;
      if (socket.writableLength === 0 || taken !== connection.taken) {
        connection.taken = taken;
        connection.since = now;
      } else if (now - connection.since >= this.#patience) {
        socket.destroy();
      }
    }
  }
}

/** The response, as long as it is not over. */
function owed(response: ServerResponse | undefined): ServerResponse | undefined {
  return response === undefined || response.closed ? undefined : response;
}
