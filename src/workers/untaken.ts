// Connections that a worker does not take, as it dies or has no file descriptor left: Node gives them to nobody else and keeps
// them open, so they are closed here.
import type { ChildProcess } from 'node:child_process';
import { isMapping } from '../config/settings.ts';

interface Closable {
  close(): void;
}

/**
 * The primary accepts, and hands each connection to a worker, which says when it has it (`newconn` and its `ack` in Node's
 * lib/internal/cluster/round_robin_handle.js). Without that answer nothing was read from it: its client can repeat. A worker
 * that had no descriptor for it says so (`NODE_HANDLE_NACK` in lib/internal/child_process.js), and Node goes on waiting for
 * the answer, and gives that worker no connection any more: so the answer is given in its place.
 */
export function closeUntaken(child: ChildProcess): void {
  const untaken = new Map<unknown, Closable>();
  const { send } = child;
  // one that could not be started has no channel
  if (typeof send !== 'function') return;
  const sendNoting = (...args: readonly unknown[]): unknown => {
    const [message, handle] = args;
    if (isMapping(message) && message['act'] === 'newconn' && isClosable(handle))
      untaken.set(message['seq'], handle);
    return Reflect.apply(send, child, args);
  };
  Object.assign(child, { send: sendNoting });
  child.on('internalMessage', (message: unknown) => {
    if (!isMapping(message)) return;
    untaken.delete(message['ack']);
    if (message['cmd'] !== 'NODE_HANDLE_NACK') return;
    const [oldest] = untaken.keys();
    if (oldest !== undefined)
      child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: oldest, accepted: true });
  });
  child.once('close', () => {
    for (const connection of untaken.values()) connection.close();
  });
}

function isClosable(handle: unknown): handle is Closable {
  return (
    typeof handle === 'object' && handle !== null && 'close' in handle && typeof handle.close === 'function'
  );
}
