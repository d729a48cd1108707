// readPath: every way servers may read one path.

import t from 'tap';
import { mergeReading, readPath } from '../../src/route/readings.ts';

const rows: { name: string; path: string; readings: string[][] }[] = [
  { name: 'a plain path has one', path: '/a/b', readings: [['a', 'b']] },
  { name: 'the root has one, without segments', path: '/', readings: [[]] },
  { name: 'a trailing slash does not count', path: '/g/a/', readings: [['g', 'a']] },
  { name: 'triplets are decoded to octets', path: '/%67%C3%a9/%252e', readings: [['g\xc3\xa9', '%2e']] },
  { name: 'an encoded slash is data or a separator', path: '/a%2Fb', readings: [['a/b'], ['a', 'b']] },
  { name: 'an encoded backslash is data or a separator', path: '/a%5cb', readings: [['a\\b'], ['a', 'b']] },
  {
    name: 'doubled slashes are kept or merged',
    path: '//a///b',
    readings: [
      ['', 'a', '', '', 'b'],
      ['a', 'b'],
    ],
  },
  {
    name: 'segment parameters are kept or stripped',
    path: '/a;v=1/b',
    readings: [
      ['a;v=1', 'b'],
      ['a', 'b'],
    ],
  },
  { name: 'an encoded semicolon is data or starts parameters', path: '/a%3Bv', readings: [['a;v'], ['a']] },
  {
    name: 'a segment of nothing but parameters is empty when stripped',
    path: '/;x/a',
    readings: [[';x', 'a'], ['', 'a'], ['a']],
  },
  {
    name: 'an encoded slash at the end counts as one',
    path: '/a%2f',
    readings: [['a/'], ['a']],
  },
  {
    name: 'encoded slash and backslash are read independently',
    path: '/a%2fb%5cc',
    readings: [['a/b\\c'], ['a', 'b\\c'], ['a/b', 'c'], ['a', 'b', 'c']],
  },
  {
    name: 'an encoded semicolon is data to a server that strips before it decodes',
    path: '/a%3Bx;y',
    readings: [['a;x;y'], ['a;x'], ['a']],
  },
  {
    name: 'parameters are stripped before or after decoding',
    path: '/a;b%2fc',
    readings: [['a;b/c'], ['a'], ['a;b', 'c'], ['a', 'c']],
  },
];

for (const row of rows) {
  t.test(row.name, (t) => {
    t.strictSame(readPath(row.path), row.readings);
    t.end();
  });
}

t.test('has at most 40 readings, none of them twice', (t) => {
  const readings = readPath('/a%2fb%5cc//d;e%2f;f%3bg%5c/%3b//h;/'.repeat(3));
  t.ok(readings.length <= 40, `${readings.length}`);
  t.equal(new Set(readings.map((reading) => JSON.stringify(reading))).size, readings.length);
  t.end();
});

const among: { name: string; path: string; reading: string[] }[] = [
  { name: 'both separators, parameters kept', path: '/a%2fb%5cc;d', reading: ['a', 'b', 'c;d'] },
  { name: 'encoded parameters stripped from undecoded segments', path: '/g%3B%2Fx', reading: ['g'] },
  {
    name: 'raw parameters stripped from undecoded segments',
    path: '/x%3By%2fg;z%2fo',
    reading: ['x;y', 'g'],
  },
  { name: 'raw parameters stripped from decoded segments', path: '/g;x%2F%3By', reading: ['g', ';y'] },
  { name: 'parameters stripped, doubled slashes kept', path: '/g;x//y', reading: ['g', '', 'y'] },
  { name: 'doubled slashes merged, an encoded one kept', path: '/g//a%2fb', reading: ['g', 'a/b'] },
  { name: 'doubled slashes merged, parameters kept', path: '/g//a;x', reading: ['g', 'a;x'] },
];

for (const row of among) {
  t.test(`among the readings: ${row.name}`, (t) => {
    t.ok(readPath(row.path).some((reading) => JSON.stringify(reading) === JSON.stringify(row.reading)));
    t.end();
  });
}

t.test('a reading merges into the last one unless servers contradict each other', (t) => {
  const merged = (path: string) => new Set(readPath(path).map(mergeReading)).size;
  t.equal(merged('/a%2fb//c;d%5c/e%3bf'), 1);
  t.equal(merged('//'), 1);
  t.equal(merged('/a;b%2fc'), 2);
  t.end();
});
