// A write that was given up before the origin had all of it: what the kernel still holds of it is not delivered any more,
// minutes later and behind the next writer's back.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { makeCertificates } from '../fixtures/certificates.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { startServed } from '../fixtures/served.ts';
import { settle, until } from '../fixtures/until.ts';

/** More than the origin's kernel takes for somebody who does not read, and less than both kernels do. */
const SIZE = 256 * 1024;

const certificates = makeCertificates(t.testdir(), 'origin');
const secret = { cert: readFileSync(certificates.cert), key: readFileSync(certificates.key) };

const OPENED = { http: 'connection', https: 'secureConnection' };

/** Accepts a connection and reads nothing. The result reads whatever is left to be read, and counts it. */
async function startSleeper(t: Test, protocol: keyof typeof OPENED) {
  const server = protocol === 'https' ? tls.createServer(secret) : net.createServer({ pauseOnConnect: true });
  const sockets: Socket[] = [];
  server.on(OPENED[protocol], (socket: Socket) => {
    socket.pause();
    socket.on('error', () => {}); // it is reset
    sockets.push(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const wake = async (): Promise<number> => {
    let count = 0;
    const closed = sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve)));
    for (const socket of sockets) socket.on('data', (data) => (count += data.length)).resume();
    await Promise.all(closed);
    return count;
  };
  const { port } = server.address() as AddressInfo;
  const trust = protocol === 'https' ? `, ca: ${certificates.ca}` : '';
  const url = `${protocol}://127.0.0.1:${port}`;
  return { url, config: `{ url: '${url}'${trust} }`, opened: () => sockets.length, wake };
}

for (const protocol of ['http', 'https'] as const) {
  for (const [how, buffer] of [
    ['whole', '1MiB'],
    ['streamed', '64KiB'],
  ] as const) {
    t.test(`${protocol}, ${how}`, async (t) => {
      const origin = await startSleeper(t, protocol);
      const ifmatch = await startIfmatch(t, {
        origin: origin.config,
        yaml: `buffer: ${buffer}`,
        timeouts: { write: 300, uncertainty: 300 },
      });
      const client = await connect(ifmatch.port);
      t.teardown(() => client.close());
      client.send(bytesOf('PUT', '/doc', [`Content-Length: ${SIZE}`]));
      client.send(Buffer.alloc(SIZE));
      t.match(problem(t, await client.response(), 504).detail, /unknown/);
      await until(() => ifmatch.lock().quarantined === 0, 'the next writer may have his turn');
      const delivered = await origin.wake();
      t.ok(delivered < SIZE, `${delivered} octets`);
    });
  }
}

t.test('the second signal, which does not wait for the write', async (t) => {
  const origin = await startSleeper(t, 'http');
  const served = await startServed(t, { workers: 1, origin: origin.url });
  const client = await connect(served.port);
  t.teardown(() => client.close());
  client.send(bytesOf('PUT', '/doc', [`Content-Length: ${SIZE}`]));
  client.send(Buffer.alloc(SIZE));
  await until(() => origin.opened() === 1, 'it is sent');
  await settle();
  served.process.kill('SIGTERM');
  await until(() => served.lines().some(({ msg }) => msg === 'stopping'), 'it waits for the write');
  served.process.kill('SIGTERM');
  t.equal((await served.finished).code, 1);
  const delivered = await origin.wake();
  t.ok(delivered < SIZE, `${delivered} octets`);
});
