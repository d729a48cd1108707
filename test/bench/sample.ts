// One real request of a kind: that it gets the status it must get, and how many bytes its answer has.

import { Agent, type IncomingMessage, request } from 'node:http';
import type { Kind } from './cases.ts';

/** Milliseconds. */
const TIMEOUT = 10_000;

export interface Sample {
  readonly status: number;
  readonly etag: string | undefined;
  /** Of the whole answer, head included. */
  readonly bytes: number;
}

/** Asks the first path of the kind over a connection of its own. */
export function ask(port: number, kind: Kind): Promise<Sample> {
  const { method, prefix, bytes, fields } = kind;
  const agent = new Agent({ keepAlive: true });
  const headers = [
    ...['Host', `127.0.0.1:${port}`],
    ...fields.flatMap((field) => {
      const colon = field.indexOf(': ');
      return [field.slice(0, colon), field.slice(colon + 2)];
    }),
    ...(bytes > 0 ? ['Content-Length', String(bytes)] : []),
  ];
  return new Promise<Sample>((resolve, reject) => {
    const options = { port, host: '127.0.0.1', method, path: `${prefix}0`, headers, agent, timeout: TIMEOUT };
    const sent = request(options, (answer: IncomingMessage) => {
      const { socket } = answer;
      answer.resume();
      answer.once('end', () => {
        const { statusCode: status = 0, headers: received } = answer;
        resolve({ status, etag: received.etag, bytes: socket.bytesRead });
      });
      answer.once('error', reject);
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.once('error', reject);
    sent.end(bytes > 0 ? Buffer.alloc(bytes, 'x') : undefined);
  }).finally(() => agent.destroy());
}
