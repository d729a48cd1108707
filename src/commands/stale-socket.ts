// A Unix socket whose process was killed: its file stays, and would keep the next process from listening there.
import { lstatSync, type Stats, unlinkSync } from 'node:fs';
import net from 'node:net';
import type { Listen } from '../config/config.ts';

/**
 * Removes the socket at the place of a listener that is about to be opened, if nobody listens there any more. Whatever else
 * is there stays: a socket that somebody answers on, a file, what this user may not remove. Then the listener says so.
 */
export async function clearStaleSocket(where: Listen | 'off'): Promise<void> {
  if (where === 'off' || !('socket' in where)) return;
  const path = where.socket;
  const found = socketAt(path);
  if (found === undefined || !(await refuses(path))) return;
  // somebody else may have taken the place meanwhile
  if (socketAt(path)?.ino !== found.ino) return;
  try {
    unlinkSync(path);
  } catch {
    // listening fails, and says why
  }
}

/** A file refuses connections just as a socket does that nobody listens on. */
function socketAt(path: string): Stats | undefined {
  try {
    const found = lstatSync(path);
    return found.isSocket() ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Not so for a listener that is too busy: that is EAGAIN (connect(2)). */
function refuses(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
