// What may happen on a client's connection: one request at a time, in order, nothing behind the last answer.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Emitted on a request whose content turns out to be malformed on its way. */
export const MALFORMED = Symbol('malformed content');

/**
 * Node hands out pipelined requests all at once. Here each one waits for the answer to the one before it, so
 * that a read behind a write sees it done, a connection never has more than one request at work, and
 * nothing that is written around an answer can be taken for it.
 */
export class Connections {
  /** The response that the connection's next request has to wait for. */
  readonly #last = new WeakMap<Duplex, ServerResponse>();
  readonly #broken = new WeakSet<Duplex>();
  /** Their last answer has been given: a request behind it must not be processed (RFC 9112 9.6). */
  readonly #finished = new WeakSet<Duplex>();
  readonly #open = new Set<ServerResponse>();
  #closing = false;

  /** Calls `start` when it is this request's turn; never, when the client has gone or was told of the end before. */
  take(message: IncomingMessage, response: ServerResponse, start: () => void): void {
    const { socket } = message;
    const before = this.#pending(socket);
    this.#last.set(socket, response);
    this.#open.add(response);
    response.once('close', () => {
      this.#open.delete(response);
      if (!response.shouldKeepAlive) this.#finished.add(socket);
    });
    const begin = () => {
      if (socket.destroyed || this.#finished.has(socket)) {
        response.destroy();
        return;
      }
      if (this.#closing) response.shouldKeepAlive = false;
      if (this.#last.get(socket) === response) socket.resume();
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
    return this.#pending(socket) !== undefined;
  }

  /**
   * Nothing more can be read from this connection. Calls `answer` when no answer is owed on it; otherwise that one is the
   * last: a 400 would be taken for the answer to a write that was performed.
   */
  breakOff(socket: Duplex, clientLeft: boolean, answer: () => void): void {
    if (this.#broken.has(socket)) return;
    this.#broken.add(socket);
    const pending = this.#pending(socket);
    if (pending === undefined) {
      answer();
      return;
    }
    socket.pause();
    pending.shouldKeepAlive = false;
    pending.once('close', () => socket.destroy());
    const { req: message } = pending;
    // the answer to a complete request is still owed; one whose content broke off ends here
    if (message.complete) return;
    if (clientLeft) message.destroy();
    else if (!message.emit(MALFORMED) && !pending.headersSent) message.destroy();
  }

  /** From now on every answer is the last of its connection. */
  close(): void {
    this.#closing = true;
    for (const response of this.#open) response.shouldKeepAlive = false;
  }

  #pending(socket: Duplex): ServerResponse | undefined {
    const response = this.#last.get(socket);
    return response === undefined || response.closed ? undefined : response;
  }
}
