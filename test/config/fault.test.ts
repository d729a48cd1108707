// Faults: paths, places, and the printed form.
import t from 'tap';
import { formatFault, formatPath, placesIn, wholeOf } from '../../src/config/fault.ts';

t.test('paths are written as in code', (t) => {
  t.equal(formatPath(['routes', 2, 'mode']), 'routes[2].mode');
  t.equal(formatPath(['limits', 'a b']), 'limits["a b"]');
  t.equal(formatPath([]), '');
  t.end();
});

t.test('offsets become lines and columns that count from 1', (t) => {
  const place = placesIn('f', 'ab\r\nc\n\nd');
  const rows: readonly (readonly [number, number, number, string])[] = [
    [0, 1, 1, 'ab'],
    [1, 1, 2, 'ab'],
    [3, 1, 4, 'ab'],
    [4, 2, 1, 'c'],
    [6, 3, 1, ''],
    [7, 4, 1, 'd'],
    [8, 4, 2, 'd'],
  ];
  for (const [offset, line, column, source] of rows) {
    t.same(place(offset), { file: 'f', line, column, source }, `offset ${offset}`);
  }
  t.end();
});

t.test('the caret stands below the column, also after tabs and in long lines', (t) => {
  const place = { file: 'f', line: 3, path: '', message: 'wrong' };
  t.equal(formatFault({ ...place, column: 3, source: '\ta: b' }), 'f:3:3: wrong\n  \ta: b\n  \t ^');
  const source = `${'x'.repeat(300)}HERE${'y'.repeat(300)}`;
  const [, shown = '', caret = ''] = formatFault({ ...place, column: 301, source }).split('\n');
  t.equal(shown.slice(caret.indexOf('^')).slice(0, 4), 'HERE');
  t.ok(shown.length <= 112);
  t.end();
});

t.test('a fault without a line has neither place nor caret', (t) => {
  t.equal(formatFault({ ...wholeOf('--origin'), path: 'origin', message: 'wrong' }), '--origin: wrong');
  t.end();
});
