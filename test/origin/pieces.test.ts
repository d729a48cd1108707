// Content kept in pieces: the same bytes in the same order, and not many pieces.

import fc from 'fast-check';
import t from 'tap';
import { giveBack } from '../../src/origin/give-back.ts';
import { Pieces } from '../../src/origin/pieces.ts';

function gathered(pieces: readonly Buffer[]): Buffer[] {
  const kept = new Pieces();
  for (const piece of pieces) kept.add(piece);
  return kept.take();
}

t.test('a few pieces are kept as they are', async (t) => {
  const pieces = ['a', 'bc', 'd'].map((text) => Buffer.from(text));
  const kept = gathered(pieces);
  t.equal(kept.length, 3);
  for (const [at, piece] of pieces.entries()) t.equal(kept[at], piece);
});

t.test('very many small pieces become few', async (t) => {
  const kept = gathered(Array.from({ length: 100_000 }, (_, at) => Buffer.of(at & 0xff)));
  t.ok(kept.length < 50, `${kept.length} pieces`);
  t.equal(Buffer.concat(kept).length, 100_000);
});

t.test('small pieces between long ones take no block each', async (t) => {
  const long = Buffer.alloc(2000);
  const kept = gathered(Array.from({ length: 2000 }, (_, at) => (at % 2 === 0 ? Buffer.of(at) : long)));
  const blocks = new Set(kept.filter(({ length }) => length < 2000).map(({ buffer }) => buffer));
  t.ok(blocks.size < 50, `${blocks.size} blocks`);
});

t.test('none that shares its memory with others is long enough to be given back alone', async (t) => {
  const kept = gathered(Array.from({ length: 100_000 }, () => Buffer.of(1)));
  t.same(
    kept.filter((piece) => giveBack(piece, true) !== undefined),
    [],
  );
});

t.test('they are taken one by one, too, and counted', async (t) => {
  const kept = new Pieces();
  t.same([kept.count, kept.shift()], [0, undefined]);
  for (let at = 0; at < 40; at++) kept.add(Buffer.of(at));
  t.equal(kept.count, 17);
  const taken: number[] = [];
  for (let piece = kept.shift(); piece !== undefined; piece = kept.shift()) taken.push(...piece);
  t.same(
    taken,
    Array.from({ length: 40 }, (_, at) => at),
  );
  t.equal(kept.count, 0);
});

t.test('the bytes are those that came, in their order; taken once', async () => {
  const aPiece = fc.oneof(
    fc.uint8Array({ maxLength: 3 }),
    fc.uint8Array({ minLength: 1000, maxLength: 1100 }),
    fc.nat(20_000).map((length) => new Uint8Array(length).fill(length)),
  );
  fc.assert(
    fc.property(fc.array(aPiece, { maxLength: 60 }), fc.nat(60), (pieces, cut) => {
      const buffers = pieces.map((piece) => Buffer.from(piece));
      const kept = new Pieces();
      for (const piece of buffers.slice(0, cut)) kept.add(piece);
      const first = kept.take();
      for (const piece of buffers.slice(cut)) kept.add(piece);
      const all = [...first, ...kept.take()];
      return Buffer.concat(all).equals(Buffer.concat(buffers)) && kept.take().length === 0;
    }),
  );
});
