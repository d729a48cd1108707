// The requests that are being answered, by connection: one at a time, in order, and a last one when the listener closes.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Node hands out pipelined requests all at once (traps B20). Here each one waits for the answer to the one before it, so
 * that a read behind a write sees it done, and a connection never has more than one request at work (attacks 32, 33).
 */
export class Connections {
  /** The response that the connection's next request has to wait for. */
  readonly #last = new WeakMap<Socket, ServerResponse>();
  readonly #open = new Set<ServerResponse>();
  #closing = false;

  /** Calls `start` when it is this request's turn; never, when the client has gone before. */
  take(message: IncomingMessage, response: ServerResponse, start: () => void): void {
    const { socket } = message;
    const before = this.pending(socket);
    this.#last.set(socket, response);
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
    const begin = () => {
      if (socket.destroyed) {
        response.destroy();
        this.#open.delete(response);
        return;
      }
      if (this.#closing) response.shouldKeepAlive = false;
      start();
    };
    if (before === undefined) begin();
    else before.once('close', begin);
  }

  /** The last response of the connection that is not over yet. */
  pending(socket: Socket): ServerResponse | undefined {
    const response = this.#last.get(socket);
    return response === undefined || response.closed ? undefined : response;
  }

  /** From now on every answer is the last of its connection. */
  close(): void {
    this.#closing = true;
    for (const response of this.#open) response.shouldKeepAlive = false;
  }
}
