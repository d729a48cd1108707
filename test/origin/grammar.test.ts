// What can stand in a head: each octet, and what is no octet, against the patterns of RFC 9110 5.5 and 5.6.2.
import t from 'tap';
import { isText, isToken, TEXT, TOKEN } from '../../src/origin/grammar.ts';

const CHARACTERS = Array.from({ length: 0x300 }, (_, code) => String.fromCharCode(code));

const grammars = [
  { name: 'a token', says: isToken, pattern: new RegExp(`^${TOKEN}$`) },
  { name: 'a field value', says: isText, pattern: new RegExp(`^${TEXT}$`) },
];
for (const { name, says, pattern } of grammars) {
  t.test(`${name}: the same as its pattern, wherever a character stands`, async (t) => {
    const texts = CHARACTERS.flatMap((one) => [one, `${one}b`, `a${one}`, `a${one}b`]);
    t.same(
      ['', ...texts].filter(says),
      ['', ...texts].filter((text) => pattern.test(text)),
    );
  });
}

t.test('what would end a line, or begin another, is in neither', async (t) => {
  for (const text of ['\r', '\n', '\0', 'a\r\nb', 'a\n', '\u010a', '\u{1f600}']) {
    t.notOk(isToken(text) || isText(text), JSON.stringify(text));
  }
});
