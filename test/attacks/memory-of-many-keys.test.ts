// Writes of very many resources: nothing is kept of any key. IFMATCH_KEYS=200000 for the long run.

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { openLog } from '../../src/app/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type Running, start } from '../../src/start.ts';
import { bytesOf } from '../fixtures/raw-client.ts';
import { watchRejections } from '../fixtures/thrown.ts';
import { until } from '../fixtures/until.ts';

const { IFMATCH_KEYS = '20000' } = process.env;
const KEYS = Number(IFMATCH_KEYS);
const CONNECTIONS = 16;
/** What a run leaves in pools and caches, whatever its length. Bytes. */
const NOISE = 4 * 1024 ** 2;
/** Less than the entry of one key would take: a map entry, its key of about 30 characters, a lease. Bytes. */
const BYTES_A_KEY = 100;

t.setTimeout(300_000 + KEYS * 3);

/** Neither the origin nor the log keeps anything, so that what is left is ifmatch's. */
async function forgetfulOrigin(t: Test): Promise<string> {
  const answer = Buffer.from('HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n');
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (let at = data.indexOf('\r\n\r\n'); at >= 0; at = data.indexOf('\r\n\r\n', at + 4))
        socket.write(answer);
    });
    t.teardown(() => socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startQuietly(t: Test, origin: string): Promise<Running> {
  const loaded = loadConfig({
    text: `listen: 127.0.0.1:8080\nadmin: off\norigin: ${origin}`,
    env: {},
    flags: {},
  });
  if ('faults' in loaded) throw new Error(loaded.faults[0]?.message);
  const config = {
    ...loaded.config,
    listen: { host: '127.0.0.1', port: 0 },
    drain: { delay: 0, timeout: 5000 },
  };
  const running = await start(config, openLog('silent', { write: () => {} }));
  t.teardown(() => running.stop());
  return running;
}

/** One write for each key: unconditional, current, unconditional, stale, and so on. */
async function writeKeys(t: Test, port: number, from: number, to: number): Promise<void> {
  const statuses: Record<number, number> = {};
  let next = from;
  const writer = async (): Promise<void> => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    for (let n = next++; n < to; n = next++) {
      const fields = n % 2 === 0 ? [] : [`If-Match: ${n % 4 === 1 ? '"v1"' : '"stale"'}`];
      socket.write(bytesOf('PUT', `/resource/number/${n}`, fields, ''));
      const status = await statusOf(socket);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, writer));
  const stale = Math.floor((to - from) / 4);
  t.same(statuses, { 200: to - from - stale, 412: stale });
}

/** The status of the next answer, all of it read; a client that keeps nothing, not even a timer. */
async function statusOf(socket: net.Socket): Promise<number> {
  let received = '';
  for (;;) {
    const [data] = (await once(socket, 'data')) as [Buffer];
    received += data.toString('latin1');
    const cut = received.indexOf('\r\n\r\n') + 4;
    const length = Number(/^content-length: *(\d+)/im.exec(received)?.[1] ?? 0);
    if (cut > 3 && received.length >= cut + length) return Number(received.split(' ', 2)[1]);
  }
}

t.test(
  `row 113: after ${KEYS} writes of as many keys the lock is empty and the heap as before`,
  async (t) => {
    const rejections = watchRejections(t);
    const running = await startQuietly(t, await forgetfulOrigin(t));
    const port = Number(new URL(running.data).port);
    const idle = (): Promise<void> =>
      until(() => Object.values(running.lock()).every((size) => size === 0), 'the lock is empty');
    await writeKeys(t, port, 0, 2000);
    await idle();
    const before = heap();
    await writeKeys(t, port, 2000, 2000 + KEYS);
    await idle();
    t.same(running.lock(), { held: 0, waiting: 0, quarantined: 0 });
    const after = heap();
    if (before === undefined || after === undefined) t.comment('heap not measured: run with --expose-gc');
    else t.ok(after - before < NOISE + KEYS * BYTES_A_KEY, `the heap grew by ${after - before} bytes`);
    t.same(rejections, []);
  },
);

/** Bytes in use after a collection; undefined without --expose-gc. */
function heap(): number | undefined {
  if (globalThis.gc === undefined) return undefined;
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
