// Path patterns: what is refused and which pattern includes which.

import t from 'tap';
import { includes, patternFault, readPattern } from '../../src/route/pattern.ts';
import type { Route } from '../../src/route/route.ts';
import { aRoute } from '../fixtures/routes.ts';

t.test('accepts', (t) => {
  const good = [
    '/',
    '/*',
    '/wiki/:page',
    '/public/*',
    '/a%20b/:x/*',
    '/%C3%A9',
    '/a:b',
    '/...',
    '/.well-known/x',
  ];
  for (const pattern of [...good, '/(a+)+$', '/:a/:_b/:C9', '/%2525'])
    t.equal(patternFault(pattern), undefined, pattern);
  t.end();
});

const faults: { name: string; patterns: string[]; says: RegExp }[] = [
  { name: 'no leading slash', patterns: ['', 'a', '*', ':a', 'http://x/a'], says: /starts with "\/"/ },
  {
    name: 'an empty segment',
    patterns: ['//', '/a//b', '/a/', '//a', '/*/'],
    says: /empty segment|stands alone/,
  },
  { name: 'a dot segment', patterns: ['/.', '/a/../b', '/%2e%2E', '/.%2e/a'], says: /dot segments/ },
  { name: 'a semicolon', patterns: ['/a;b'], says: /segment parameters/ },
  { name: 'a backslash', patterns: ['/a\\b'], says: /backslash/ },
  { name: 'a query or fragment', patterns: ['/a?b', '/a#b', '/?'], says: /query/ },
  { name: 'a star elsewhere', patterns: ['/*/a', '/a*', '/**', '/a/*b'], says: /stands alone/ },
  { name: 'a parameter twice', patterns: ['/:a/:a', '/:a/b/:a/*'], says: /twice/ },
  {
    name: 'a parameter without a proper name',
    patterns: ['/:', '/:1', '/:a-b', '/:id.json', '/:*'],
    says: /is not a parameter/,
  },
  { name: 'a parameter in another notation', patterns: ['/{id}', '/a{b'], says: /":name"/ },
  { name: 'a malformed percent', patterns: ['/%', '/%zz', '/a%4'], says: /hexadecimal/ },
  {
    name: 'an encoding that no target may have',
    patterns: ['/%00', '/a%2Fb', '/a%5c', '/a%3b'],
    says: /never matches/,
  },
  { name: 'text that is not on the wire', patterns: ['/a b', '/é', '/\x01', '/日'], says: /percent-encoded/ },
];

for (const row of faults) {
  t.test(`refuses ${row.name}`, (t) => {
    for (const pattern of row.patterns) t.match(patternFault(pattern), row.says, JSON.stringify(pattern));
    t.end();
  });
}

t.test('a faulty pattern is never read', (t) => {
  t.throws(() => readPattern(aRoute('/a//b')), /route \/a\/\/b: an empty segment/);
  t.end();
});

const insensitive: Partial<Route> = { case: 'insensitive' };
const inclusions: { outer: Route; inner: Route; included: boolean }[] = [
  { outer: aRoute('/a'), inner: aRoute('/a'), included: true },
  { outer: aRoute('/a'), inner: aRoute('/%61'), included: true },
  { outer: aRoute('/a'), inner: aRoute('/b'), included: false },
  { outer: aRoute('/:x'), inner: aRoute('/a'), included: true },
  { outer: aRoute('/:x'), inner: aRoute('/:y'), included: true },
  { outer: aRoute('/a'), inner: aRoute('/:y'), included: false },
  { outer: aRoute('/:x'), inner: aRoute('/a/b'), included: false },
  { outer: aRoute('/:x'), inner: aRoute('/'), included: false },
  { outer: aRoute('/a/*'), inner: aRoute('/a'), included: true },
  { outer: aRoute('/a/*'), inner: aRoute('/a/:b/c/*'), included: true },
  { outer: aRoute('/a/:b/*'), inner: aRoute('/a/*'), included: false },
  { outer: aRoute('/a'), inner: aRoute('/a/*'), included: false },
  { outer: aRoute('/*'), inner: aRoute('/'), included: true },
  { outer: aRoute('/a', insensitive), inner: aRoute('/A'), included: true },
  { outer: aRoute('/A'), inner: aRoute('/A', insensitive), included: false },
  { outer: aRoute('/1'), inner: aRoute('/1', insensitive), included: true },
  { outer: aRoute('/a', insensitive), inner: aRoute('/A', insensitive), included: true },
  { outer: aRoute('/%C3', insensitive), inner: aRoute('/%E3'), included: false },
];

for (const { outer, inner, included } of inclusions) {
  const name = (route: Route) => `${route.path} (${route.case})`;
  t.test(`${name(outer)} ${included ? 'includes' : 'does not include'} ${name(inner)}`, (t) => {
    t.equal(includes(readPattern(outer), readPattern(inner)), included);
    t.end();
  });
}
