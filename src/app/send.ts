// Sends an answer: made here, or the origin's as it flows, with back-pressure and an end that is true.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Answer } from '../guard/exchange.ts';
import { readError } from '../origin/forward.ts';
import { giveBack } from '../origin/give-back.ts';
import { AS_TEXT } from '../origin/send-content.ts';
import { type FieldLines, fieldValue } from '../semantics/fields.ts';
import { MALFORMED } from './connections.ts';

/** How long content that nobody wants is read so that its sender gets to see the answer (RFC 9112 9.6). Milliseconds. */
const LINGER = 2_000;

/**
 * Sends `answer` once; to a client that has gone it sends nothing, and the origin's content is let go. `failed`: told of an
 * answer that cannot be sent, or that the origin has broken off, whenever that is; nothing else would catch it then.
 */
export function send(
  message: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  failed: (error: unknown) => void,
): void {
  const attempt = (): void => {
    try {
      sendNow(message, response, answer, failed);
    } catch (error) {
      if (!answer.made) answer.abandon();
      failed(error);
    }
  };
  // Node hands out a request before it parses the content that came with its head; after this turn it has. Not for chunked
  // content, which that may show to be malformed, nor for the last answer of a connection, which gains nothing by it.
  const mayBeComplete = hasUnreadContent(message) && message.headers['transfer-encoding'] === undefined;
  if (mayBeComplete && response.shouldKeepAlive) setImmediate(attempt);
  else attempt();
}

function sendNow(
  message: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  failed: (error: unknown) => void,
): void {
  if (response.destroyed || response.headersSent) {
    if (!answer.made) answer.abandon();
    return;
  }
  // content that was not read would be taken for the next request
  if (hasUnreadContent(message)) response.shouldKeepAlive = false;
  const fields = [...answer.fields];
  if (endsWithConnection(message, fields)) response.shouldKeepAlive = false;
  if (answer.made) {
    response.writeHead(answer.status, STATUS_CODES[answer.status] ?? '', fields);
    end(message, response, message.method === 'HEAD' ? undefined : answer.content);
    return;
  }
  const { content } = answer;
  response.writeHead(answer.status, answer.statusText, fields);
  const whole = content.takeWhole();
  if (whole !== undefined) {
    end(message, response, whole);
    return;
  }
  response.on('drain', () => content.drained());
  response.on('close', () => {
    if (!response.writableEnded) answer.abandon();
  });
  content.attach({
    write: (chunk) => response.write(chunk, giveBack(chunk, true)),
    end: () => end(message, response),
    cut: (failure) => {
      if (response.destroyed) return; // the client has gone
      cut(message, response);
      failed(readError(failure));
    },
  });
  if (!content.hasStarted) sendHead(response);
}

/**
 * Sends the head before there is content: a stream of events is open before its first event. Not by flushHeaders(), which
 * encodes the fields as UTF-8.
 */
function sendHead(response: ServerResponse): void {
  if (!response.writableEnded) response.write(Buffer.alloc(0));
}

/**
 * The same for the last answer of a connection, which may be one that has no content, as to a HEAD: of such a one Node writes
 * nothing before its end but by flushHeaders(), in the encoding that the connection takes for granted.
 */
function sendLastHead(response: ServerResponse): void {
  if (response.writableEnded) return;
  response.socket?.setDefaultEncoding('latin1');
  response.flushHeaders();
}

/**
 * To an HTTP/1.0 client only the end of the connection ends an answer without a length. Node ends the connection then, too,
 * but says so to the client alone: what was pipelined behind would still be processed.
 */
function endsWithConnection({ httpVersion }: IncomingMessage, fields: FieldLines): boolean {
  return httpVersion === '1.0' && fieldValue(fields, 'content-length') === undefined;
}

/**
 * An HTTP/1.0 client takes the end of the connection for the end of the answer: only a reset says that there is more. A Unix
 * socket, which has no address, cannot be reset.
 */
function cut({ httpVersion, socket }: IncomingMessage, response: ServerResponse): void {
  if (httpVersion === '1.0' && socket.remoteAddress !== undefined) socket.resetAndDestroy();
  else response.destroy();
}

function end(message: IncomingMessage, response: ServerResponse, content?: Buffer): void {
  if (!hasUnreadContent(message) || response.destroyed) {
    endWith(response, content);
    return;
  }
  // not only behind the rest: who waits for a 100 (Continue) sends none (RFC 9110 10.1.1)
  if (content !== undefined && content.length > 0) response.write(content);
  else sendLastHead(response);
  const timer = setTimeout(() => response.end(), LINGER);
  const done = () => {
    clearTimeout(timer);
    response.end();
  };
  message.once('end', done);
  message.once('close', done);
  message.once(MALFORMED, done);
  message.resume();
}

/** Latin-1 is every byte as it is; with the head it makes one write, which is 10 % of a 412. */
function endWith(response: ServerResponse, content: Buffer | undefined): void {
  if (content === undefined || content.length === 0) response.end();
  else if (content.length <= AS_TEXT) response.end(content.toString('latin1'), 'latin1');
  else response.end(content);
}

/** `complete` alone does not tell: it is false for a moment for a request without content too. */
function hasUnreadContent({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
