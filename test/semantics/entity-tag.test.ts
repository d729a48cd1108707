// Entity-tags: what is one, lists of them, comparison.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import {
  type EntityTag,
  formatEntityTag,
  parseEntityTag,
  parseTagCondition,
  strongMatch,
  weakMatch,
} from '../../src/semantics/entity-tag.ts';

const strong = (opaqueTag: string): EntityTag => ({ weak: false, opaqueTag });
const weak = (opaqueTag: string): EntityTag => ({ weak: true, opaqueTag });

const tags: { name: string; value: string; tag: EntityTag | undefined }[] = [
  { name: 'strong', value: '"v1"', tag: strong('v1') },
  { name: 'weak', value: 'W/"v1"', tag: weak('v1') },
  { name: 'empty opaque-tag', value: '""', tag: strong('') },
  { name: 'weak with an empty opaque-tag', value: 'W/""', tag: weak('') },
  { name: 'W/ within the quotes belongs to the opaque-tag', value: '"W/x"', tag: strong('W/x') },
  { name: 'comma inside', value: '"a,b"', tag: strong('a,b') },
  { name: 'backslash is literal', value: '"a\\b"', tag: strong('a\\b') },
  { name: 'backslash does not escape the quote', value: '"a\\"', tag: strong('a\\') },
  { name: 'quoted star is a tag', value: '"*"', tag: strong('*') },
  { name: 'exclamation mark, hash, tilde', value: '"!#~"', tag: strong('!#~') },
  { name: 'obs-text', value: '"\x80\xe9\xff"', tag: strong('\x80\xe9\xff') },
  { name: 'whitespace around', value: ' \t"v1"\t ', tag: strong('v1') },
  { name: 'unquoted', value: 'v1', tag: undefined },
  { name: 'single quotes', value: "'v1'", tag: undefined },
  { name: 'unterminated', value: '"v1', tag: undefined },
  { name: 'only the closing quote', value: 'v1"', tag: undefined },
  { name: 'a lone quote', value: '"', tag: undefined },
  { name: 'a lone weak prefix', value: 'W/', tag: undefined },
  { name: 'weak prefix without quotes', value: 'W/v1', tag: undefined },
  { name: 'lower-case weak prefix', value: 'w/"v1"', tag: undefined },
  { name: 'weak prefix with a backslash', value: 'W\\"v1"', tag: undefined },
  { name: 'space after the weak prefix', value: 'W/ "v1"', tag: undefined },
  { name: 'doubled weak prefix', value: 'W/W/"v1"', tag: undefined },
  { name: 'space inside', value: '"a b"', tag: undefined },
  { name: 'tab inside', value: '"a\tb"', tag: undefined },
  { name: 'NUL inside', value: '"a\0b"', tag: undefined },
  { name: 'DEL inside', value: '"a\x7fb"', tag: undefined },
  { name: 'quote inside', value: '"a"b"', tag: undefined },
  { name: 'escaped quotes', value: '\\"v1\\"', tag: undefined },
  { name: 'more than an octet in a character', value: '"\u0100"', tag: undefined },
  { name: 'text after the tag', value: '"v1"x', tag: undefined },
  { name: 'NBSP around is no whitespace', value: '\xa0"v1"', tag: undefined },
  { name: 'a list', value: '"v1", "v2"', tag: undefined },
  { name: 'star', value: '*', tag: undefined },
  { name: 'empty', value: '', tag: undefined },
];

t.test('one entity-tag', async (t) => {
  for (const row of tags) t.strictSame(parseEntityTag(row.value), row.tag, row.name);
});

const v1v2 = [strong('v1'), strong('v2')];
const lists: { name: string; lines: string[]; condition: '*' | EntityTag[] | undefined }[] = [
  { name: 'star', lines: ['*'], condition: '*' },
  { name: 'star with whitespace around', lines: ['  *\t'], condition: '*' },
  { name: 'one tag', lines: ['"v1"'], condition: [strong('v1')] },
  { name: 'two tags', lines: ['"v1", W/"v2"'], condition: [strong('v1'), weak('v2')] },
  { name: 'no space after the comma', lines: ['"v1","v2"'], condition: v1v2 },
  { name: 'space before the comma', lines: ['"v1" ,"v2"'], condition: v1v2 },
  { name: 'tabs', lines: ['\t"v1"\t,\t"v2"\t'], condition: v1v2 },
  { name: 'empty members', lines: [',, "v1" ,,"v2",, '], condition: v1v2 },
  { name: 'two lines', lines: ['"v1"', '"v2"'], condition: v1v2 },
  { name: 'an empty line beside another', lines: ['', '"v1"', ' ', '"v2"', ','], condition: v1v2 },
  { name: 'commas inside tags', lines: ['"v1,v2"'], condition: [strong('v1,v2')] },
  { name: 'star inside a tag', lines: ['"a,*,b"'], condition: [strong('a,*,b')] },
  { name: 'no line', lines: [], condition: undefined },
  { name: 'empty value', lines: [''], condition: undefined },
  { name: 'only whitespace', lines: [' \t '], condition: undefined },
  { name: 'only commas', lines: [',,,'], condition: undefined },
  { name: 'several empty lines', lines: ['', ',', ''], condition: undefined },
  { name: 'star first in a list', lines: ['*, "v1"'], condition: undefined },
  { name: 'star last in a list', lines: ['"v1", *'], condition: undefined },
  { name: 'star with an empty member', lines: ['*,'], condition: undefined },
  { name: 'star twice', lines: ['*, *'], condition: undefined },
  { name: 'star on two lines', lines: ['*', '*'], condition: undefined },
  { name: 'star and a tag on two lines', lines: ['*', '"v1"'], condition: undefined },
  { name: 'star beside an empty line', lines: ['*', ''], condition: undefined },
  { name: 'star with text after it', lines: ['*v1'], condition: undefined },
  { name: 'no comma between', lines: ['"v1" "v2"'], condition: undefined },
  { name: 'nothing between', lines: ['"v1""v2"'], condition: undefined },
  { name: 'semicolon between', lines: ['"v1"; "v2"'], condition: undefined },
  { name: 'a tag torn over two lines', lines: ['"a', 'b"'], condition: undefined },
  { name: 'a tag torn at a comma over two lines', lines: ['"a,', ',b"'], condition: undefined },
  { name: 'junk after a good member', lines: ['"v1", junk'], condition: undefined },
  { name: 'junk on another line', lines: ['"v1"', 'junk'], condition: undefined },
  { name: 'unterminated last member', lines: ['"v1", "v2'], condition: undefined },
  { name: 'doubled quotes', lines: ['""v1""'], condition: undefined },
  { name: 'NBSP between members', lines: ['"v1",\xa0"v2"'], condition: undefined },
];

t.test('If-Match and If-None-Match values', async (t) => {
  for (const row of lists) t.strictSame(parseTagCondition(row.lines), row.condition, row.name);
});

// RFC 9110 8.8.3.2, table 3
const comparisons = [
  { a: weak('1'), b: weak('1'), strongly: false, weakly: true },
  { a: weak('1'), b: weak('2'), strongly: false, weakly: false },
  { a: weak('1'), b: strong('1'), strongly: false, weakly: true },
  { a: strong('1'), b: strong('1'), strongly: true, weakly: true },
  { a: strong('v'), b: strong('V'), strongly: false, weakly: false },
  { a: strong('v'), b: strong('v2'), strongly: false, weakly: false },
  { a: strong('A'), b: strong('%41'), strongly: false, weakly: false },
  { a: strong(''), b: strong(''), strongly: true, weakly: true },
  { a: weak('W'), b: strong('W'), strongly: false, weakly: true },
];

t.test('comparison', async (t) => {
  for (const { a, b, strongly, weakly } of comparisons) {
    const name = `${formatEntityTag(a)} and ${formatEntityTag(b)}`;
    t.equal(strongMatch(a, b), strongly, `${name}, strong`);
    t.equal(strongMatch(b, a), strongly, `${name}, strong, turned round`);
    t.equal(weakMatch(a, b), weakly, `${name}, weak`);
    t.equal(weakMatch(b, a), weakly, `${name}, weak, turned round`);
  }
});

// Megabytes, so that a scanner that looks twice at what it has seen runs into the runner's timeout.
const size = 3_000_000;
const hostile = [
  { name: 'spaces', line: ' '.repeat(size) },
  { name: 'spaces before junk', line: `${' '.repeat(size)}x` },
  { name: 'quotes', line: '"'.repeat(size) },
  { name: 'one long unterminated tag', line: `"${'a'.repeat(size)}` },
  { name: 'weak prefixes', line: 'W/'.repeat(size / 2) },
  { name: 'commas and spaces before junk', line: `${' ,'.repeat(size / 2)}x` },
  { name: 'tags before junk', line: `${'"a" , '.repeat(size / 6)}x` },
  { name: 'tags with much space, without commas', line: '"a"      '.repeat(size / 9) },
];

t.test('hostile input is refused in one pass', async (t) => {
  for (const row of hostile) t.equal(parseTagCondition([row.line]), undefined, row.name);
  t.equal(parseTagCondition([`${' ,'.repeat(size / 2)}"v1"`])?.length, 1, 'a tag after many empty members');
});

const latin1 = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));
// Mostly the characters that mean something, so that the scanner gets further than the first one.
const tagLike = fc.string({
  unit: fc.constantFrom('"', 'W/', ',', ' ', '\t', '*', 'a', '\\', '\xe9'),
  maxLength: 20,
});
const etagc = fc
  .integer({ min: 0x21, max: 0xff })
  .filter((code) => code !== 0x22 && code !== 0x7f)
  .map((code) => String.fromCharCode(code));
const entityTag = fc.record(
  { weak: fc.boolean(), opaqueTag: fc.string({ unit: etagc, maxLength: 8 }) },
  { noNullPrototype: true },
);
const entityTags = fc.array(entityTag, { minLength: 1, maxLength: 6 });
const gap = fc.string({ unit: fc.constantFrom(',', ' ', '\t'), maxLength: 5 });

t.test('every tag survives formatting and parsing', async () => {
  fc.assert(fc.property(entityTag, (tag) => assert.deepEqual(parseEntityTag(formatEntityTag(tag)), tag)));
});

t.test('what parses is formatted as it was, and is a list of one', async (t) => {
  const parsed = (text: string) => parseEntityTag(text) !== undefined;
  let accepted = 0;
  fc.assert(
    fc.property(fc.oneof(latin1, tagLike), (text) => {
      const tag = parseEntityTag(text);
      if (tag === undefined) return;
      accepted += 1;
      const plain = text.replace(/^[ \t]+|[ \t]+$/g, '');
      if (formatEntityTag(tag) !== plain) throw new Error(`${plain} became ${formatEntityTag(tag)}`);
      if (!Array.isArray(parseTagCondition([text]))) throw new Error('no list of one');
      if (parsed(`${plain}x`) || parsed(`x${plain}`)) throw new Error('garbage was accepted');
    }),
    { numRuns: 20_000 },
  );
  t.ok(accepted > 10, 'the property saw tags');
});

t.test('no Latin-1 string makes the scanner throw', async () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(latin1, tagLike), { maxLength: 4 }), (lines) => {
      parseTagCondition(lines);
      lines.forEach(parseEntityTag);
    }),
    { numRuns: 2000 },
  );
});

t.test('a list means the same on one line and on several, with and without empty members', async () => {
  const arbitrary = fc.tuple(entityTags, fc.array(gap, { minLength: 8, maxLength: 8 }), fc.nat(6));
  fc.assert(
    fc.property(arbitrary, ([tags, gaps, cut]) => {
      const members = tags.map((tag, at) => `${gaps[at]}${formatEntityTag(tag)}${gaps[at + 1]}`);
      const lines = [members.slice(0, cut).join(','), members.slice(cut).join(',')];
      assert.deepEqual(parseTagCondition([members.join(',')]), tags);
      assert.deepEqual(parseTagCondition(lines), tags);
      assert.deepEqual(parseTagCondition(members), tags);
    }),
  );
});

t.test('one bad member spoils the list, wherever it stands', async () => {
  const bad = fc.constantFrom('*', 'v1', '"v1', 'w/"v1"', '"a b"', '"v1"x', '\xa0');
  fc.assert(
    fc.property(entityTags, bad, fc.nat(6), (tags, member, place) => {
      const members = tags.map(formatEntityTag);
      members.splice(place, 0, member);
      assert.equal(parseTagCondition([members.join(', ')]), undefined);
      assert.equal(parseTagCondition(members), undefined);
    }),
  );
});

t.test('a strong match is a weak match, and both are symmetric', async () => {
  const small = fc.record({ weak: fc.boolean(), opaqueTag: fc.constantFrom('', 'a', 'b') });
  fc.assert(
    fc.property(
      small,
      small,
      (a, b) =>
        (!strongMatch(a, b) || weakMatch(a, b)) &&
        strongMatch(a, b) === strongMatch(b, a) &&
        weakMatch(a, b) === weakMatch(b, a),
    ),
  );
});
