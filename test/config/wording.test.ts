// The words of messages.
import t from 'tap';
import { alternatives, didYouMean, kindOf, masked, printable, quote } from '../../src/config/wording.ts';

const KEYS = ['path', 'mode', 'methods', 'probe', 'undecided', 'case'];

const guesses: readonly (readonly [string, string])[] = [
  ['moed', 'mode'],
  ['Mode', 'mode'],
  ['MODE', 'mode'],
  ['modes', 'mode'],
  ['undxxxded', 'undecided'],
  ['mod', 'mode'],
  ['method', 'methods'],
  ['undecide', 'undecided'],
  ['pats', 'path'],
  ['undesidet', 'undecided'],
  ['xaph', ''],
  ['tpxh', ''],
  ['ptxh', ''],
  ['xpth', ''],
  ['probing', ''],
  ['validator', ''],
  ['', ''],
  ['mode'.repeat(100), ''],
];
for (const [written, meant] of guesses) {
  t.test(`"${written.slice(0, 12)}" ${meant === '' ? 'is near nothing' : `is near ${meant}`}`, (t) => {
    t.equal(didYouMean(written, KEYS), meant === '' ? '' : ` (did you mean "${meant}"?)`);
    t.end();
  });
}

t.test('the nearest word is meant, in capitals or not, and of short ones one that is off by one', (t) => {
  t.match(didYouMean('abcdef', ['abcxyf', 'abcdex']), /"abcdex"/);
  t.match(didYouMean('put', ['PUT']), /"PUT"/);
  t.match(didYouMean('cs', ['ca']), /"ca"/);
  t.end();
});

t.test('a quoted value is short, escaped, and without what a terminal obeys or a password', (t) => {
  t.equal(quote('a"b\\c'), '"a\\"b\\\\c"');
  t.equal(quote('a\n\t\u001b[2J\u202e'), '"a\\n\\t\\u001b[2J\\u202e"');
  t.equal(quote('a\u2028b\u2029c\ud800d\u00a0e f'), '"a\\u2028b\\u2029c\\ud800d\\u00a0e f"');
  t.equal(quote('x'.repeat(60)), `"${'x'.repeat(60)}"`);
  t.equal(quote('x'.repeat(100)), `"${'x'.repeat(60)}..."`);
  t.equal(quote('http://me:secret@host'), '"http://*********@host"');
  t.end();
});

t.test('masking keeps the width and leaves other text alone', (t) => {
  t.equal(masked('origin: http://a:b@c # mail@example.com'), 'origin: http://***@c # mail@example.com');
  t.equal(masked('http://a@b:p@c'), 'http://*****@c', 'up to the last @');
  t.equal(masked('{ url: "redis://:a b #c@d", x: 1 }'), '{ url: "redis://*******@d", x: 1 }', 'with spaces');
  t.equal(
    masked("{ url: 'redis://:a b #c@d', x: 1 }"),
    "{ url: 'redis://*******@d', x: 1 }",
    'in either quotes',
  );
  t.equal(masked('http://a:b\nc@d'), 'http://*****@d', 'over lines');
  t.equal(masked('"http://a:b #\nc@d"'), '"http://*******@d"');
  t.equal(masked('url: redis://u:a b@c # d@e'), 'url: redis://*****@c # d@e');
  t.equal(masked('http://a@b https://c http://d@e'), 'http://*@b https://c http://*@e');
  for (const same of ['http://host', 'a@b', 'http://@host', 'x@y http://host']) t.equal(masked(same), same);
  t.end();
});

t.test('a shown line keeps its width and its tabs', (t) => {
  t.equal(printable('\ta\u0000b\u001bc'), '\ta\u00b7b\u00b7c');
  t.end();
});

t.test('values are named in the words of YAML', (t) => {
  t.same([null, [], {}, 'a', 5, true].map(kindOf), ['empty', 'a list', 'a mapping', '"a"', '5', 'true']);
  t.end();
});

t.test('alternatives are joined by commas and or', (t) => {
  t.same([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(alternatives), ['', 'a', 'a or b', 'a, b or c']);
  t.end();
});
