// Query parameters: one value, or ambiguous where servers could take another.

import t from 'tap';
import { queryParameter } from '../../src/route/query.ts';

const rows: { name: string; query: string; value: string | undefined; parameter?: string }[] = [
  { name: 'absent is empty', query: '?a=1', value: '' },
  { name: 'no query at all is empty', query: '', value: '' },
  { name: 'the value is raw text', query: '?a=1&id=%37+x%zz', value: '%37+x%zz' },
  { name: 'a name without "=" is empty', query: '?id', value: '' },
  { name: 'the value goes on after a second "="', query: '?id=a=b', value: 'a=b' },
  { name: 'a name is compared decoded', query: '?%69%64=7', value: '7' },
  { name: 'a plus in a name is a space', query: '?a+b=7', value: '7', parameter: 'a b' },
  { name: 'another case is another name', query: '?ID=7', value: '' },
  { name: 'a longer name is another name', query: '?xid=1&id2=2', value: '' },
  { name: 'the same value twice is one value', query: '?id=7&id=7', value: '7' },
  { name: 'two values are ambiguous', query: '?id=7&id=8', value: undefined },
  {
    name: 'two values under two spellings of the name are ambiguous',
    query: '?id=7&%69d=8',
    value: undefined,
  },
  { name: 'an empty and another value are ambiguous', query: '?id&id=8', value: undefined },
  { name: 'a semicolon in the value is ambiguous', query: '?id=7;x', value: undefined },
  { name: 'a value behind a semicolon is ambiguous', query: '?a=1;id=8&id=7', value: undefined },
  { name: 'a semicolon elsewhere does not matter', query: '?a=1;b=2&id=7', value: '7' },
  { name: 'a name with a leading space is ambiguous', query: '?id=7&%20id=8', value: undefined },
  { name: 'an array of that name is ambiguous', query: '?id=7&id[]=8', value: undefined },
  { name: 'a name cut by NUL is ambiguous', query: '?id%00x=8', value: undefined },
  {
    name: 'a dot for an underscore is ambiguous',
    query: '?page.id=8',
    value: undefined,
    parameter: 'page_id',
  },
];

for (const row of rows) {
  t.test(row.name, (t) => {
    t.equal(queryParameter(row.query, row.parameter ?? 'id', false), row.value);
    t.end();
  });
}

t.test('insensitive takes names in any case', (t) => {
  t.equal(queryParameter('?ID=7', 'id', true), '7');
  t.equal(queryParameter('?ID=7&id=8', 'id', true), undefined);
  t.end();
});
