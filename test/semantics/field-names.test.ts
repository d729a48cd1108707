// Sets of field names: any case, whole names only.
import t from 'tap';
import { FieldNames } from '../../src/semantics/field-names.ts';

const NAMES = new FieldNames(['te', 'host', 'etag', 'if-match', 'trailer']);

for (const name of ['te', 'TE', 'Host', 'ETag', 'etag', 'IF-MATCH', 'trailer']) {
  t.test(`${name} is one of them`, async (t) => t.ok(NAMES.has(name)));
}

for (const name of ['', 't', 'tea', 'hosts', 'hos', 'upgrade', 'if_match', 'toString', 'constructor', '0']) {
  t.test(`"${name}" is none of them`, async (t) => t.notOk(NAMES.has(name)));
}

t.test('none is in a set without names', async (t) => {
  for (const name of ['', 'host']) t.notOk(new FieldNames([]).has(name));
});

t.test('it agrees with a Set of lower-case names, whatever the names', async (t) => {
  const letters = ['a', 'B', '-', 'c'];
  const words = [''];
  for (const word of words) if (word.length < 4) for (const letter of letters) words.push(word + letter);
  const every = words.map((word) => word.toLowerCase());
  const some = every.filter((_, at) => at % 3 === 0);
  const [names, set] = [new FieldNames(some), new Set(some)];
  t.same(
    words.filter((word) => names.has(word)),
    words.filter((word) => set.has(word.toLowerCase())),
  );
});
