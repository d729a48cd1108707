// An origin that stops reading amid a streamed upload, when the client has sent all of it: the lock is not held for ever.

import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { settle, until } from '../fixtures/until.ts';

// Each waits for deadlines.
t.jobs = 5;

/** Accepts connections and reads nothing. */
async function startDeafOrigin(t: Test): Promise<number> {
  const sockets: Socket[] = [];
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** How many octets the kernel takes for somebody who reads nothing. */
async function capacity(port: number): Promise<number> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  for (let before = -1; ; ) {
    while (!socket.writableNeedDrain) socket.write(Buffer.alloc(65_536));
    await settle();
    const taken = socket.bytesWritten - socket.writableLength;
    if (taken === before) {
      socket.destroy();
      return taken;
    }
    before = taken;
  }
}

/** Writes of these sizes at once, each to a resource of its own: all are answered, and none keeps its lock. */
async function allAreAnswered(t: Test, port: number, sizes: readonly number[], framing = 'announced') {
  const ifmatch = await startIfmatch(t, {
    origin: `http://127.0.0.1:${port}`,
    yaml: 'buffer: 64KiB\nlimits: { idle: 4s, upload: 4s }',
    timeouts: { write: 300, uncertainty: 6000 },
  });
  const answers = sizes.map(async (size, i) => {
    const client = await connect(ifmatch.port);
    t.teardown(() => client.close());
    const announced = framing === 'announced';
    const length = announced ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked';
    client.send(bytesOf('PUT', `/doc${i}`, [length]) + (announced ? '' : `${size.toString(16)}\r\n`));
    client.send(Buffer.alloc(size));
    if (!announced) client.send('\r\n0\r\n\r\n');
    return client.response();
  });
  const answered = await Promise.all(answers);
  await until(() => ifmatch.lock().held === 0, 'no lock is held any more');
  t.equal(ifmatch.lock().quarantined, sizes.length, 'the origin may act on what it has');
  for (const answer of answered) t.match(problem(t, answer, 504).detail, /unknown/);
  await ifmatch.idle();
}

for (const mebibytes of [1, 3, 6, 10]) {
  for (const framing of ['announced', 'chunked']) {
    t.test(`${mebibytes} MiB, ${framing}: 504 and a quarantine`, async (t) => {
      await allAreAnswered(t, await startDeafOrigin(t), [mebibytes * 2 ** 20], framing);
    });
  }
}

t.test('a little more than the kernel takes, so that all has come in and a tail is not taken', async (t) => {
  const port = await startDeafOrigin(t);
  const taken = await capacity(port);
  const sizes = Array.from({ length: 24 }, (_, i) => taken + i * 16_384);
  await allAreAnswered(t, port, sizes);
});
