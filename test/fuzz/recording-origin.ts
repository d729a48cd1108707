// An origin that reads as strictly as the reference, records what it executes, and numbers its answers.

import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Test } from 'tap';
import { readRequests, type StrictRequest } from './strict-reader.ts';
import { CURRENT } from './words.ts';

export interface RecordingOrigin {
  readonly port: number;
  /** What it executed since `forget`, in order. */
  readonly executed: StrictRequest[];
  /** Bytes that it got since then and that are no request. */
  readonly faults: string[];
  forget(): void;
}

/** Starts it on a free port of 127.0.0.1. Every resource exists, with the current entity-tag. */
export async function startRecordingOrigin(t: Test): Promise<RecordingOrigin> {
  const executed: StrictRequest[] = [];
  const faults: string[] = [];
  const sockets = new Set<Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    let pending = '';
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (data) => {
      pending += data.toString('latin1');
      const { requests, used, stop } = readRequests(pending);
      if (stop === 'malformed') faults.push(pending.slice(used));
      pending = pending.slice(used);
      executed.push(...requests);
      for (const { method } of requests) socket.write(answerTo(method));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  const forget = (): void => {
    executed.length = 0;
    faults.length = 0;
  };
  return { port, executed, faults, forget };
}

function answerTo(method: string): string {
  const head =
    'HTTP/1.1 200 OK\r\nX-Executed: yes\r\nLast-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\n' +
    `ETag: ${CURRENT}\r\nContent-Length: 4\r\n\r\n`;
  return method === 'HEAD' ? head : `${head}done`;
}
