// Content on its way to the origin: at once where it is all there; a stream is framed, counted, and no faster than it is taken.
import type { Duplex, Readable } from 'node:stream';
import { giveBack } from './give-back.ts';
import { bytesOf } from './request-head.ts';

/** Content up to so many bytes leaves as text, together with its head: one write is less work than a vector of them. */
export const AS_TEXT = 8_192;

/** Bytes that may wait for a turn of theirs; each piece by itself, with its sender paused meanwhile, makes large uploads slow. */
const MOST_WAITING = 512 * 1024;

/** Writes a head and the content that belongs to it, which is its caller's no more. */
export function sendWhole(content: readonly Buffer[], head: string, socket: Duplex): void {
  if (bytesOf(content) <= AS_TEXT) {
    socket.write(
      content.reduce((text, piece) => text + piece.toString('latin1'), head),
      'latin1',
    );
    return;
  }
  socket.cork();
  socket.write(head, 'latin1');
  for (const piece of content) socket.write(piece, giveBack(piece));
  socket.uncork();
}

export interface ContentProgress {
  /** Some of it has been given to the connection. */
  sent(): void;
  /** All of it has, its end too. */
  ended(): void;
  /** It broke off, or is of another length than announced: the connection must not go on as if it were whole. */
  broke(cause: Error): void;
}

/**
 * Writes `content` behind a head that is written already: `length` bytes, or chunked where that is undefined. Nothing is
 * called any more after `ended`, `broke` or a call of the function that it returns.
 *
 * Whoever refuses content answers and closes with the rest unread, which resets the connection: a write that fails then takes
 * along the answer that has come before. So what the origin has said is read before the next pieces leave: they wait until
 * the event loop has looked at its sockets once more.
 */
export function sendContent(
  content: Readable,
  socket: Duplex,
  length: number | undefined,
  progress: ContentProgress,
): () => void {
  let left = length ?? Number.POSITIVE_INFINITY;
  let waiting: Buffer[] = [];
  let soon: NodeJS.Immediate | undefined;
  const stop = () => {
    clearImmediate(soon);
    content.off('data', take).off('end', end).off('close', close);
    content.off('error', fail);
    socket.off('drain', resume);
  };
  const fail = (cause: Error) => {
    stop();
    progress.broke(cause);
  };
  const resume = () => void content.resume();
  const take = (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) {
      fail(new Error('there is more content than its length says'));
      return;
    }
    waiting.push(chunk);
    // in chunks no piece is known to be the last one, which must leave while the lock is known to be held
    if (length === undefined || left === 0) {
      leave();
      return;
    }
    if (bytesOf(waiting) >= MOST_WAITING) content.pause();
    soon ??= setImmediate(() => {
      soon = setImmediate(leave);
    });
  };
  const leave = () => {
    clearImmediate(soon);
    soon = undefined;
    const pieces = waiting;
    waiting = [];
    if (write(socket, pieces, length === undefined)) content.resume();
    else content.pause();
    progress.sent();
  };
  const end = () => {
    if (length !== undefined && left > 0) {
      fail(new Error('there is less content than its length says'));
      return;
    }
    stop();
    if (length === undefined) socket.write('0\r\n\r\n', 'latin1');
    progress.ended();
  };
  const close = () => fail(brokenOff(content));
  content.on('error', fail).on('close', close).on('end', end).on('data', take);
  socket.on('drain', resume);
  return stop;
}

/** Why a stream was destroyed before its end. */
export function brokenOff(content: Readable): Error {
  return content.errored ?? new Error('the content broke off');
}

/** False when the connection wants a pause. An empty chunk would be the last one. */
function write(socket: Duplex, pieces: readonly Buffer[], chunked: boolean): boolean {
  let wantsMore = true;
  socket.cork();
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    if (chunked) socket.write(`${piece.length.toString(16)}\r\n`, 'latin1');
    wantsMore = socket.write(piece, giveBack(piece));
    if (chunked) wantsMore = socket.write('\r\n', 'latin1');
  }
  socket.uncork();
  return wantsMore;
}
