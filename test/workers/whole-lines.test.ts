// Pieces become whole lines, wherever they were cut.

import t from 'tap';
import { wholeLines } from '../../src/workers/whole-lines.ts';

t.test('a text cut anywhere comes out in whole lines, nothing lost, nothing split', async (t) => {
  const text = 'one\ntwö €\n\nthree 🙂 four\n';
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size += 1) {
    const written: string[] = [];
    const take = wholeLines((lines) => void written.push(lines));
    for (let at = 0; at < bytes.length; at += size) take(bytes.subarray(at, at + size));
    t.equal(written.join(''), text);
    t.ok(
      written.every((lines) => lines.endsWith('\n')),
      `pieces of ${size}`,
    );
  }
});

t.test('a line that never ends is not passed on', async (t) => {
  const written: string[] = [];
  const take = wholeLines((lines) => void written.push(lines));
  take(Buffer.from('whole\n{"half'));
  t.same(written, ['whole\n']);
});
