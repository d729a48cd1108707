// What never becomes a request (parse errors, CONNECT): one clear answer on the bare connection, and its end.
import { METHODS, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorCode, GatewayError } from '../errors.ts';
import { refuse } from '../guard/refuse.ts';
import { formatHttpDate } from '../semantics/http-date.ts';
import type { Connections } from './connections.ts';
import type { Log } from './log.ts';
import { sendOff } from './send-off.ts';

/** Those that Node's parser knows and that are not refused with 405. */
const SUPPORTED = METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE').join(', ');

/** The detail for a method that is not among METHODS of node:http. It is as true for what is no HTTP at all. */
export const UNSUPPORTED_METHOD = `The request does not begin with a supported method. Methods are case-sensitive; these are supported: ${SUPPORTED}.`;

/** The detail for everything else that Node's parser refuses. */
export const INVALID_SYNTAX = 'The request is not valid HTTP/1.1.';

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['fields-too-large', 'Send a shorter target and fewer or shorter fields.'],
  HPE_INVALID_METHOD: ['request-invalid', UNSUPPORTED_METHOD],
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not arrive in time; send it again.'],
};

/** What a refusal on a bare connection needs. */
export interface Bare {
  readonly log: Log;
  readonly now: () => number;
}

/** Answers a parse error, unless an earlier request's answer is still owed; then that one is the last. */
export function answerClientError(
  error: Error & { code?: string },
  socket: Duplex,
  connections: Connections,
  bare: Bare,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) {
    socket.destroy();
    return;
  }
  connections.breakOff(socket, error.code === 'HPE_INVALID_EOF_STATE', () => {
    const [code, detail] = CODES[error.code ?? ''] ?? ['request-invalid', INVALID_SYNTAX];
    closeWith(socket, new GatewayError(code, detail), bare);
  });
}

/** Writes a refusal on a bare connection, logs it, and closes. */
export function closeWith(socket: Duplex, error: GatewayError, { log, now }: Bare): void {
  log.events.info({ code: error.code }, 'refused');
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, fields, content } = refuse(error);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Date: ${formatHttpDate(now())}`,
    'Connection: close',
  ];
  for (let i = 0; i + 1 < fields.length; i += 2) lines.push(`${fields[i]}: ${fields[i + 1]}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n${content.toString()}`);
  sendOff(socket);
}
