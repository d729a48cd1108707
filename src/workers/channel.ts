// The channel between primary and worker, as three conversations: orders and reports, the lock, and signs of life.
import type { ChildProcess } from 'node:child_process';
import { isMapping } from '../config/settings.ts';
import type { Port } from '../lock/port.ts';

export interface Channel {
  readonly orders: Port;
  readonly lock: Port;
}

/** This end of a channel of Node's: `process` in the worker, the child in the primary. */
type End = Pick<ChildProcess, 'connected'> & {
  send?(message: object, sent: (error: Error | null) => void): boolean;
  on(event: 'message', take: (message: unknown) => void): unknown;
  once(event: 'disconnect' | 'close', run: () => void): unknown;
};

export function channelOf(end: End): Channel {
  return { orders: conversation(end, 'orders'), lock: conversation(end, 'lock') };
}

/** The conversation about whether the other side still does anything. */
export function pulseOf(end: End): Port {
  return conversation(end, 'pulse');
}

function conversation(end: End, about: keyof Channel | 'pulse'): Port {
  return {
    // with a callback a message that cannot be sent is no error: `onGone` says that the other side is gone
    send: (message) => void end.send?.({ [about]: message }, () => {}),
    onMessage(take) {
      end.on('message', (message) => {
        if (isMapping(message) && about in message) take(message[about]);
      });
    },
    onGone(run) {
      if (!end.connected) {
        queueMicrotask(run);
        return;
      }
      let gone = false;
      // a process that dies with a connection on its way to it does not disconnect: Node waits for it to accept that
      for (const event of ['disconnect', 'close'] as const)
        end.once(event, () => {
          if (!gone) run();
          gone = true;
        });
    },
  };
}
