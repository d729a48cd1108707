// Streamed content on its way to a connection: when its pieces leave.

import { once } from 'node:events';
import { Duplex, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { sendContent } from '../../src/origin/send-content.ts';

const SIZE = 64 * 1024;
/** Its memory is given back once it was written. */
const piece = (): Buffer => Buffer.alloc(SIZE, 'x');

function scene(length: number | undefined) {
  const content = new Readable({ read: () => {} });
  const written: number[] = [];
  const socket = new Duplex({
    read: () => {},
    writev(chunks, done) {
      written.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
      done();
    },
    writableHighWaterMark: 16 * 1024 * 1024,
  });
  const said: string[] = [];
  const stop = sendContent(content, socket, length, {
    sent: () => said.push('sent'),
    ended: () => said.push('ended'),
    broke: ({ message }) => said.push(message),
  });
  return { content, socket, written, said, stop };
}

t.test(
  'a piece waits until what the origin has said is read; those that come meanwhile go with it',
  async (t) => {
    const { content, written, said } = scene(10 * SIZE);
    content.push(piece());
    await turn();
    content.push(piece());
    t.same(written, []);
    await turn();
    await turn();
    t.same(written, [2 * SIZE]);
    t.same(said, ['sent']);
  },
);

t.test('no more than some wait: the rest is left to its sender', async (t) => {
  const { content, written } = scene(100 * SIZE);
  await turn();
  for (let pieces = 0; pieces < 50; pieces += 1) content.push(piece());
  t.equal(content.isPaused(), true);
  while (written.length === 0) await turn();
  t.same(written, [512 * 1024]);
  while (content.readableLength > 0) await turn();
  t.equal(content.isPaused(), false);
});

t.test('the last piece leaves at once, and takes along what waits', async (t) => {
  const { content, written, said } = scene(2 * SIZE);
  content.on('data', () => written.push(0));
  content.push(piece());
  content.push(piece());
  content.push(null);
  await once(content, 'end');
  t.same(written, [0, 2 * SIZE, 0]);
  t.same(said, ['sent', 'ended']);
});

t.test('in chunks no piece is known to be the last one: each leaves at once', async (t) => {
  const { content, written } = scene(undefined);
  content.on('data', () => written.push(0));
  content.push(piece());
  content.push(piece());
  await turn();
  const chunk = SIZE + '10000\r\n\r\n'.length;
  t.same(written, [chunk, 0, chunk, 0]);
});

t.test('what waits when it is stopped, or breaks off, does not leave any more', async (t) => {
  for (const end of ['stop', 'break']) {
    const { content, written, said, stop } = scene(10 * SIZE);
    content.push(piece());
    await turn();
    if (end === 'stop') stop();
    else content.destroy(new Error('gone'));
    for (let turns = 0; turns < 5; turns += 1) await turn();
    t.same(written, [], end);
    t.same(said, end === 'stop' ? [] : ['gone']);
  }
});
