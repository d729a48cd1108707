// What may happen on a client's connection: one request at a time, in order, nothing behind the last answer, no standstill.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Emitted on a request whose content turns out to be malformed on its way. */
export const MALFORMED = Symbol('malformed content');

/** How often answers are looked at that their client does not take, milliseconds. */
const LOOK = 500;

/** How long a peer that was told to go may stay, milliseconds. */
const FAREWELL = 1_000;

/** How far the client has taken its answer. */
interface Progress {
  taken: number;
  /** On the monotonic clock. */
  since: number;
}

/**
 * Node hands out pipelined requests all at once. Here each one waits for the answer to the one before it, so that a read
 * behind a write sees it done, a connection never has more than one request at work, and nothing that is written around an
 * answer can be taken for it.
 */
export class Connections {
  /** The response that the connection's next request has to wait for. */
  readonly #last = new WeakMap<Duplex, ServerResponse>();
  /** The response of the request that is at work. */
  readonly #active = new WeakMap<Duplex, ServerResponse>();
  readonly #broken = new WeakSet<Duplex>();
  /** Their last answer has been given: a request behind it must not be processed (RFC 9112 9.6). */
  readonly #finished = new WeakSet<Duplex>();
  /** Requests that broke off before their turn. */
  readonly #dropped = new WeakSet<ServerResponse>();
  readonly #open = new Map<ServerResponse, Progress>();
  readonly #patience: number;
  readonly #look: NodeJS.Timeout;
  #closing = false;

  /** `patience`: a client that takes nothing of its answer for so many milliseconds is cut off. */
  constructor(patience: number) {
    this.#patience = patience;
    this.#look = setInterval(() => this.#cutStalled(), Math.min(LOOK, patience)).unref();
  }

  /** Calls `start` when it is this request's turn; never, when the client has gone or was told of the end before. */
  take(message: IncomingMessage, response: ServerResponse, start: () => void): void {
    const { socket } = message;
    const before = owed(this.#last.get(socket));
    this.#last.set(socket, response);
    this.#open.set(response, { taken: 0, since: performance.now() });
    response.once('close', () => {
      this.#open.delete(response);
      if (!response.shouldKeepAlive) this.#finished.add(socket);
      // an answer whose head had gone before could not say that it is the last
      else if (this.#closing) socket.end();
    });
    const begin = () => {
      if (socket.destroyed) {
        response.destroy();
        return;
      }
      if (this.#finished.has(socket) || this.#dropped.has(response)) {
        sendOff(socket);
        return;
      }
      if (this.#closing) response.shouldKeepAlive = false;
      if (this.#last.get(socket) === response) socket.resume();
      this.#active.set(socket, response);
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

  /** Whether an answer is still owed on this connection. */
  isBusy(socket: Duplex): boolean {
    return owed(this.#last.get(socket)) !== undefined;
  }

  /**
   * Nothing more can be read from this connection. Calls `answer` when no answer is owed on it; otherwise that one is the
   * last: a 400 would be taken for the answer to a write that was performed.
   */
  breakOff(socket: Duplex, clientLeft: boolean, answer: () => void): void {
    if (this.#broken.has(socket)) return;
    this.#broken.add(socket);
    const last = owed(this.#last.get(socket));
    if (last === undefined) {
      answer();
      return;
    }
    socket.pause();
    last.shouldKeepAlive = false;
    last.once('close', () => sendOff(socket));
    const { req: message } = last;
    // the answer to a complete request is still owed; one whose content broke off ends here
    if (message.complete) return;
    if (this.#active.get(socket) !== last) this.#dropped.add(last);
    else if (clientLeft) message.destroy();
    else if (!message.emit(MALFORMED) && !last.headersSent) message.destroy();
  }

  /** From now on every answer is the last of its connection. */
  close(): void {
    this.#closing = true;
    for (const response of this.#open.keys()) response.shouldKeepAlive = false;
  }

  /** Nothing is open any more. */
  stop(): void {
    clearInterval(this.#look);
  }

  /** One look at all answers is cheaper than a timer for each. */
  #cutStalled(): void {
    const now = performance.now();
    for (const [response, progress] of this.#open) {
      const { socket } = response;
      if (socket === null) continue;
      const taken = socket.bytesWritten - socket.writableLength;
      if (socket.writableLength === 0 || taken !== progress.taken) {
        progress.taken = taken;
        progress.since = now;
      } else if (now - progress.since >= this.#patience) {
        socket.destroy();
      }
    }
  }
}

/** The response, as long as it is not over. */
function owed(response: ServerResponse | undefined): ServerResponse | undefined {
  return response === undefined || response.closed ? undefined : response;
}

/** Ends a connection on which more may come than anybody will read. */
export function sendOff(socket: Duplex): void {
  if (socket.writableEnded) return;
  socket.resume();
  socket.end();
  const farewell = setTimeout(() => socket.destroy(), FAREWELL);
  socket.once('close', () => clearTimeout(farewell));
}
