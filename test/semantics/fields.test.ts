// Lines of a field section by name, and optional whitespace.

import t from 'tap';
import {
  fieldValue,
  fieldValues,
  isNamed,
  skipOws,
  skipOwsBack,
  trimmedBetween,
  trimOws,
} from '../../src/semantics/fields.ts';

const FIELDS = ['Host', 'a', 'If-Match', '"1"', 'IF-MATCH', '', 'x-if-match', 'no', 'if-match', '"2"'];

t.test('all lines of a name, in any case, in order', async (t) => {
  t.strictSame(fieldValues(FIELDS, 'if-match'), ['"1"', '', '"2"']);
  t.strictSame(fieldValues(FIELDS, 'etag'), []);
  t.strictSame(fieldValues([], 'etag'), []);
});

t.test('the first line of a name; an empty value is a value', async (t) => {
  t.equal(fieldValue(FIELDS, 'if-match'), '"1"');
  t.equal(fieldValue(['ETag', '', 'ETag', '"1"'], 'etag'), '');
  t.equal(fieldValue(FIELDS, 'etag'), undefined);
});

t.test('a value is never taken for a name', async (t) => {
  t.equal(fieldValue(['host', 'etag', 'x', 'y'], 'etag'), undefined);
  t.strictSame(fieldValues(['host', 'etag', 'x', 'y'], 'etag'), []);
});

t.test('optional whitespace is SP and HTAB, and nothing else', async (t) => {
  t.equal(trimOws(' \t a b\t '), 'a b');
  t.equal(trimOws(' \t '), '');
  t.equal(trimOws(''), '');
  t.equal(trimOws('\u00a0a\u00a0'), '\u00a0a\u00a0');
  t.equal(trimOws('\va\f'), '\va\f');
  t.equal(skipOws('  \tx', 0), 3);
  t.equal(skipOws('x  ', 1), 3);
  t.equal(skipOwsBack('x \t:', 3), 1);
  t.equal(skipOwsBack('x\u00a0:', 2), 2);
  t.equal(skipOwsBack('  ', 2), 0);
  t.equal(skipOwsBack('   ', 3, 2), 2);
});

const parts: readonly { readonly name: string; readonly text: string; readonly wanted: string }[] = [
  { name: 'a value', text: '[a b]', wanted: 'a b' },
  { name: 'whitespace around it', text: '[ \ta\t ]', wanted: 'a' },
  { name: 'whitespace outside is not its', text: ' [a] ', wanted: 'a' },
  { name: 'nothing', text: '[]', wanted: '' },
  { name: 'nothing but whitespace, and more behind it', text: '[ \t] x', wanted: '' },
];
for (const { name, text, wanted } of parts) {
  t.test(`a part of a text without the whitespace around it: ${name}`, async (t) => {
    t.equal(trimmedBetween(text, text.indexOf('[') + 1, text.indexOf(']')), wanted);
  });
}

t.test('a name is compared in any case, and as a whole', async (t) => {
  t.ok(isNamed('eTAG', 'etag'));
  for (const other of ['etags', 'eta', 'etaf', '', undefined]) t.notOk(isNamed(other, 'etag'), `${other}`);
});
