// Who takes nothing of an answer is told from who is slow, and from who has taken all there is while the origin works on.

import { Duplex } from 'node:stream';
import t from 'tap';
import { Progress } from '../../src/app/progress.ts';

/** A connection whose client takes pieces of ten bytes when the test says so. */
function slowConnection() {
  const untaken: (() => void)[] = [];
  const duplex = new Duplex({
    read: () => {},
    write: (_piece, _encoding, taken) => void untaken.push(taken),
  });
  const socket = Object.assign(duplex, { bytesWritten: 0 });
  return {
    socket,
    write(pieces: number) {
      for (let piece = 0; piece < pieces; piece += 1) socket.write('x'.repeat(10));
      socket.bytesWritten += 10 * pieces;
    },
    take: () => untaken.shift()?.(),
  };
}

t.test('a client that takes nothing stands still from the first look on', (t) => {
  const { socket, write } = slowConnection();
  const progress = new Progress();
  write(3);
  t.same(
    [1_000, 1_500, 61_000].map((now) => progress.stalledMs(socket, now)),
    [0, 500, 60_000],
  );
  write(3);
  t.equal(progress.stalledMs(socket, 61_500), 60_500, 'more to take is not more taken');
  t.end();
});

t.test('a client that takes a little now and then is slow, however long its answer takes', (t) => {
  const { socket, write, take } = slowConnection();
  const progress = new Progress();
  write(20);
  for (let minute = 0; minute < 15; minute += 1) {
    t.equal(progress.stalledMs(socket, minute * 60_000), 0);
    t.equal(progress.stalledMs(socket, minute * 60_000 + 59_500), 59_500);
    take();
  }
  t.end();
});

t.test('a client that has taken all there is waits for the origin, which may say nothing for long', (t) => {
  const { socket, write, take } = slowConnection();
  const progress = new Progress();
  write(1);
  t.equal(progress.stalledMs(socket, 1_000), 0);
  take();
  for (const now of [1_500, 61_500, 3_600_000]) t.equal(progress.stalledMs(socket, now), 0);
  write(1);
  t.equal(progress.stalledMs(socket, 3_600_500), 500, 'counted from when there was nothing to take');
  t.end();
});

t.test('the next answer on a connection begins anew', (t) => {
  const { socket, write, take } = slowConnection();
  const progress = new Progress();
  write(1);
  take();
  t.equal(progress.stalledMs(socket, 1_000), 0);
  progress.restart();
  write(1);
  t.equal(progress.stalledMs(socket, 70_000), 0, 'nobody has looked at this one yet');
  t.end();
});
