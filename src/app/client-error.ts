// What the HTTP parser refuses: one clear answer, unless the answer to an earlier request is still to come.
import type { Socket } from 'node:net';
import { type ErrorCode, GatewayError } from '../errors.ts';
import { refuse } from '../guard/refuse.ts';
import { formatHttpDate } from '../semantics/http-date.ts';
import type { Connections } from './connections.ts';

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['fields-too-large', 'Send a shorter target and fewer or shorter fields.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not arrive in time; send it again.'],
};

/**
 * Answers a parse error and closes. While a request of this connection is being answered nothing is written: a 400
 * would be taken for the answer to a write that was performed (traps B19, attacks 34 and 35).
 */
export function answerClientError(
  error: Error & { code?: string },
  socket: Socket,
  connections: Connections,
  now: () => number,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) {
    socket.destroy();
    return;
  }
  const pending = connections.pending(socket);
  if (pending !== undefined) {
    // content that breaks off ends its request; the answer to a complete one is still owed
    if (!pending.req.complete) pending.req.destroy();
    pending.shouldKeepAlive = false;
    pending.once('close', () => socket.destroySoon());
    return;
  }
  const [code, detail] = CODES[error.code ?? ''] ?? ['request-invalid', 'The request is no valid HTTP/1.1.'];
  closeWith(socket, new GatewayError(code, detail), now());
}

/** Writes a refusal on a bare connection and closes it. */
export function closeWith(socket: Socket, error: GatewayError, now: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, fields, content } = refuse(error);
  const lines = [`HTTP/1.1 ${status} ${error.code}`, `Date: ${formatHttpDate(now)}`, 'Connection: close'];
  for (let i = 0; i + 1 < fields.length; i += 2) lines.push(`${fields[i]}: ${fields[i + 1]}`);
  socket.end(`${lines.join('\r\n')}\r\n\r\n${content.toString()}`);
  // a peer that goes on sending and never closes is not waited for
  socket.setTimeout(1_000, () => socket.destroy());
}
