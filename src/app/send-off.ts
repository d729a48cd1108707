// The end of a connection whose peer may still be sending: what it was sent arrives, and what it sends is dropped.
import type { Duplex } from 'node:stream';

/** How long a peer that was told to go may stay, milliseconds. */
const GRACE = 1_000;

/** Ends a connection on which more may come than anybody will read. */
export function sendOff(socket: Duplex): void {
  if (socket.writableEnded || socket.destroyed) return;
  socket.resume();
  socket.end();
  const grace = setTimeout(() => socket.destroy(), GRACE);
  socket.once('close', () => clearTimeout(grace));
}
