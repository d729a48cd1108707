// What may happen on a client's connection: one request at a time, in order, nothing behind the last answer, no standstill.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Connection, holdsBack, newConnection, owed } from './connection.ts';
import { sendOff } from './send-off.ts';

/** Emitted on a request whose content turns out to be malformed on its way; who listens only later is told then. */
export const MALFORMED = Symbol('malformed content');

/** How often clients are looked for that take nothing of their answer, milliseconds. */
const STALL_CHECK = 500;

/** How long a stop waits for a request, or the rest of its head, on a connection that owes no answer, milliseconds. */
const GRACE = 1_000;

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
  readonly #stallCheck: NodeJS.Timeout;
  /** Every answer is the last of its connection. */
  #retired = false;
  /** From close() on. */
  #dismiss: ((socket: Duplex) => void) | undefined;

  /** `patience`: a client that takes nothing of its answer for so many milliseconds is cut off. */
  constructor(patience: number) {
    this.#patience = patience;
    this.#stallCheck = setInterval(() => this.#cutStalled(), Math.min(STALL_CHECK, patience)).unref();
  }

  /** Told of each connection as it comes: a stop has to find those without a request, too. */
  accept(socket: Socket): void {
    this.#connection(socket);
    // what Node calls to end a connection behind its last answer: a close with bytes unread is a reset, and loses the answer
    socket.destroySoon = () => sendOff(socket);
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
      else if (connection.last === undefined) {
        connection.heard = socket.bytesRead;
        // its head had gone too early to say that it is the last, so another request may be on its way
        if (this.closing) this.#expect(connection);
      }
    });
    const begin = () => {
      const wasHeldBack = holdsBack(connection);
      if (before !== undefined) connection.waiting -= 1;
      if (socket.destroyed) {
        response.destroy();
        return;
      }
      if (connection.finished || this.#dropped.has(response)) {
        sendOff(socket);
        return;
      }
      if (this.#retired) response.shouldKeepAlive = false;
      if (connection.last === response || (wasHeldBack && !holdsBack(connection))) socket.resume();
      connection.active = response;
      connection.progress.restart();
      start();
    };
    if (before === undefined) {
      begin();
      return;
    }
    connection.waiting += 1;
    if (holdsBack(connection)) socket.pause();
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

  /** Whether a stop waits for what is in flight, and for nothing else. */
  get closing(): boolean {
    return this.#dismiss !== undefined;
  }

  /** Whether an answer is owed on any connection. */
  get inFlight(): boolean {
    for (const { last } of this.#open) if (owed(last) !== undefined) return true;
    return false;
  }

  /**
   * Takes over a connection that Node has taken its own listeners off (CONNECT, Upgrade): an error that nobody listens to
   * would end the process, and an answer that is owed would not go on when its client has taken what there is of it.
   * `last`: the only answer there will be, unless the connection becomes a tunnel.
   */
  adopt(socket: Duplex, last?: ServerResponse): void {
    const connection = this.#connection(socket);
    if (last !== undefined) {
      connection.last = last;
      connection.active = last;
      connection.progress.restart();
    }
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => connection.active?.emit('drain'));
  }

  /** The origin has agreed: from now on this connection has no end to wait for. */
  becomeTunnel(socket: Duplex): void {
    this.#connection(socket).tunnel = true;
  }

  /**
   * Nothing more can be read from this connection. Calls `answer` when no answer is owed on it; otherwise that one is the
   * last: a 400 would be taken for the answer to a write that was performed.
   */
  breakOff(socket: Duplex, clientLeft: boolean, answer: () => void): void {
    const connection = this.#connection(socket);
    if (connection.broken || connection.finished) return;
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

  /** From now on every answer is the last of its connection. */
  retire(): void {
    this.#retired = true;
    for (const { active } of this.#open) {
      if (active !== undefined && !active.headersSent) active.shouldKeepAlive = false;
    }
  }

  /**
   * No connection comes any more, every answer is the last of its own, and tunnels, which have no end to wait for, are cut.
   * A connection that owes no answer is ended after a while in which a request is still served; `dismiss` does so where one
   * has begun and not come whole: nothing of it is processed.
   */
  close(dismiss: (socket: Duplex) => void): void {
    this.#dismiss = dismiss;
    this.retire();
    for (const connection of this.#open) {
      if (connection.tunnel) connection.socket.destroy();
      else if (owed(connection.last) === undefined) this.#expect(connection);
    }
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const { socket } of this.#open) socket.destroy();
  }

  /** To be called when no connection is open any more. */
  stop(): void {
    clearInterval(this.#stallCheck);
  }

  #connection(socket: Duplex): Connection {
    const known = this.#known.get(socket);
    if (known !== undefined) return known;
    const connection = newConnection(socket);
    this.#known.set(socket, connection);
    this.#open.add(connection);
    socket.once('close', () => this.#open.delete(connection));
    // resume() takes effect a turn later, and Node's listener reads on then, whatever was paused meanwhile
    socket.on('resume', () => {
      if (!holdsBack(connection)) return;
      if (socket.isPaused()) socket.emit('pause');
      else socket.pause();
    });
    return connection;
  }

  /** A connection without a request, while it stops. */
  #expect(connection: Connection): void {
    const { socket } = connection;
    const end = (): void => {
      if (owed(connection.last) !== undefined || socket.writableEnded) return;
      connection.broken = true;
      if (socket instanceof Socket && socket.bytesRead === connection.heard) sendOff(socket);
      else this.#dismiss?.(socket);
    };
    const grace = setTimeout(end, GRACE);
    socket.once('close', () => clearTimeout(grace));
  }

  /** One look at all answers is cheaper than a timer for each. */
  #cutStalled(): void {
    const now = performance.now();
    for (const { active, progress } of this.#open) {
      const socket = owed(active)?.socket;
      if (socket === undefined || socket === null) continue;
      if (progress.stalledMs(socket, now) >= this.#patience) socket.destroy();
    }
  }
}
