// Memory of content that has been written is free at once, and never before.

import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { giveBack } from '../../src/origin/give-back.ts';
import { sendContent, sendWhole } from '../../src/origin/send-content.ts';
import { settle, until } from '../fixtures/until.ts';

const LARGE = 65_536;

async function connection(t: Test): Promise<{ socket: Socket; origin: Socket }> {
  const accepted = Promise.withResolvers<Socket>();
  const server = net.createServer({ pauseOnConnect: true }, accepted.resolve);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const origin = await accepted.promise;
  t.teardown(() => {
    socket.destroy();
    origin.destroy();
    server.close();
  });
  return { socket, origin };
}

/** Different bytes in each piece. */
function pieces(count: number): Buffer[] {
  return Array.from({ length: count }, (_, at) => Buffer.alloc(LARGE, at + 1));
}

const isFree = ({ buffer: memory }: Buffer): boolean => memory instanceof ArrayBuffer && memory.detached;

t.test('what is given back', async (t) => {
  const chunk = Buffer.alloc(LARGE);
  giveBack(chunk)?.();
  t.ok(isFree(chunk));
  const other = Buffer.alloc(LARGE);
  giveBack(other)?.(null);
  t.ok(isFree(other));
});

t.test('a write that failed may still be at work: it keeps its memory', async (t) => {
  const chunk = Buffer.alloc(LARGE);
  giveBack(chunk)?.(new Error('cancelled'));
  t.notOk(isFree(chunk));
});

const SHARED: readonly (readonly [string, Buffer])[] = [
  ['the beginning of a buffer', Buffer.alloc(LARGE).subarray(0, LARGE - 1)],
  ['the end of a buffer', Buffer.alloc(LARGE).subarray(1)],
  ['shared memory', Buffer.from(new SharedArrayBuffer(LARGE))],
  ['a small one', Buffer.alloc(1_024)],
];

for (const [name, chunk] of SHARED) {
  t.test(`not ${name}`, async (t) => t.equal(giveBack(chunk), undefined));
}

t.test('content that was there as a whole: all of it arrives, and is free then', async (t) => {
  const { socket, origin } = await connection(t);
  const content = pieces(64); // more than the two kernels hold
  const expected = Buffer.concat([Buffer.from('head'), ...content]);
  sendWhole(content, 'head', socket);
  await settle();
  t.notOk(isFree(content.at(-1) ?? Buffer.alloc(0)), 'as long as it waits it is kept');
  const arrived = buffer(origin);
  await until(() => content.every(isFree), 'all is free');
  socket.end();
  t.ok(expected.equals(await arrived));
});

t.test('content of a connection that ends amid it is not touched', async (t) => {
  const { socket, origin } = await connection(t);
  socket.on('error', () => {});
  const content = pieces(64);
  sendWhole(content, 'head', socket);
  await settle();
  origin.destroy();
  socket.destroy();
  await once(socket, 'close');
  t.same(content.filter(isFree), []);
});

for (const framing of ['counted', 'chunked'] as const) {
  t.test(`a stream, ${framing}: all of it arrives, and is free then`, async (t) => {
    const { socket, origin } = await connection(t);
    const content = pieces(64);
    const expected = Buffer.concat(content);
    const length = framing === 'counted' ? expected.length : undefined;
    const ended = Promise.withResolvers<void>();
    const stream = new PassThrough();
    Readable.from(content).pipe(stream);
    sendContent(stream, socket, length, { sent: () => {}, ended: ended.resolve, broke: ended.reject });
    const arrived = buffer(origin);
    await ended.promise;
    await until(() => content.every(isFree), 'all is free');
    socket.end();
    const bytes = await arrived;
    t.ok(expected.equals(framing === 'counted' ? bytes : withoutChunks(bytes)));
  });
}

function withoutChunks(bytes: Buffer): Buffer {
  const contents: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (!(length > 0)) return Buffer.concat(contents);
    contents.push(bytes.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}
