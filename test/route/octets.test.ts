// Percent-decoding to octets and ASCII case folding.

import t from 'tap';
import { decodeOctets, foldCase } from '../../src/route/octets.ts';

t.test('decodes each triplet once, to an octet', (t) => {
  t.equal(decodeOctets('a%20b%C3%a9%ff'), 'a b\xc3\xa9\xff');
  t.equal(decodeOctets('%252e'), '%2e');
  t.equal(decodeOctets('plain'), 'plain');
  t.end();
});

t.test('leaves a stray percent alone', (t) => {
  t.equal(decodeOctets('%zz%4'), '%zz%4');
  t.end();
});

t.test('folds ASCII letters only', (t) => {
  t.equal(foldCase('AbZ@[\xc9'), 'abz@[\xc9');
  t.end();
});
