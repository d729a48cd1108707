// Resource and key: every spelling of one resource has one key, and templates name other URLs byte for byte.

import assert from 'node:assert/strict';

import fc from 'fast-check';
import t from 'tap';
import { buildResources, keysOf, type Resource, type Resources } from '../../src/route/resource.ts';
import type { Route } from '../../src/route/route.ts';
import { buildRouteTable } from '../../src/route/route-table.ts';
import { parseTarget } from '../../src/route/target.ts';
import { aRoute, aTarget } from '../fixtures/routes.ts';
import { aHarmlessPath, encodeOneUnreserved } from '../fixtures/targets.ts';

const defaults = aRoute('*');

function resolve(requestTarget: string, routes: readonly Route[] = []): ReturnType<Resources['of']> {
  const target = aTarget(requestTarget);
  const table = buildRouteTable(routes, defaults);
  const match = table.match(target);
  if (match === 'ambiguous') throw new Error(`${requestTarget} is ambiguous`);
  return buildResources(routes, table).of(match, target);
}

function resourceIn(requestTarget: string, routes: readonly Route[] = []): Resource {
  const resource = resolve(requestTarget, routes);
  if ('code' in resource) throw new Error(resource.detail);
  return resource;
}

/** The one key of what has one. */
function keyIn(requestTarget: string, routes: readonly Route[] = []): string {
  const { keys } = resourceIn(requestTarget, routes);
  if (keys.length !== 1) throw new Error(`${requestTarget} has the keys ${keys.join(', ')}`);
  return String(keys[0]);
}

const sameKey: { name: string; targets: string[]; key: string }[] = [
  { name: 'encoded unreserved characters', targets: ['/d/x', '/d/%78', '/%64/x'], key: '["d","x"]' },
  {
    name: 'triplets in any case',
    targets: ['/d/%C3%A9', '/d/%c3%a9', '/d/\xc3\xa9'],
    key: '["d","\xc3\xa9"]',
  },
  { name: 'any query', targets: ['/d/x', '/d/x?', '/d/x?a=1&b=2', '/d/x?b=2&a=1'], key: '["d","x"]' },
  { name: 'a tilde', targets: ['/d/~', '/d/%7E', '/d/%7e'], key: '["d","~"]' },
  { name: 'trailing and doubled slashes', targets: ['/d/x/', '//d/x', '/d///x//'], key: '["d","x"]' },
  {
    name: 'encoded separators',
    targets: ['/d/x', '/d%2Fx', '/d%2fx', '/d%5cx', '/d%2F%5c/x'],
    key: '["d","x"]',
  },
  {
    name: 'segment parameters',
    targets: ['/d/x', '/d;v=1/x', '/d/x;jsessionid=1', '/;a/d/x', '/d/x%3Ba'],
    key: '["d","x"]',
  },
  { name: 'the root', targets: ['/', '//', '/?a', '/;x', 'http://x'], key: '[]' },
  { name: 'absolute-form', targets: ['http://x/d/x', '/d/x'], key: '["d","x"]' },
];

for (const row of sameKey) {
  t.test(`one key for ${row.name}`, (t) => {
    for (const target of row.targets) t.equal(resourceIn(target).keys[0], row.key, target);
    t.end();
  });
}

t.test('different resources have different keys', (t) => {
  const targets = [
    '/d/x',
    '/d/X',
    '/d',
    '/d/x/y',
    '/dx',
    '/d/%252fx',
    '/d/x%2C',
    '/d/"x"',
    '/d,x',
    '/d","x',
    '/..a',
  ];
  t.equal(new Set(targets.map((target) => keyIn(target))).size, targets.length);
  t.end();
});

t.test('case: insensitive folds ASCII letters of the key', (t) => {
  const routes = [aRoute('/d/*', { case: 'insensitive' })];
  t.equal(keyIn('/D/X%41', routes), keyIn('/d/xa', routes));
  t.not(keyIn('/d/%C9', routes), keyIn('/d/%E9', routes));
  t.end();
});

t.test('without a template the probe goes to what was received', (t) => {
  const raw = '/d/%78//"y";v=1?b=%zz&a';
  t.equal(resourceIn(raw).target, raw);
  t.end();
});

t.test('a path that servers take for two resources has no key', (t) => {
  for (const target of ['/a;b%2Fc', '/a;x=%5cb', '/a;%2fx/b%2fc']) {
    t.match(resolve(target), { code: 'resource-ambiguous', detail: /segment parameters/ }, target);
  }
  t.end();
});

t.test(
  'a path of which servers take different parts for a parameter has no key, where that parameter counts',
  (t) => {
    const routes = [
      aRoute('/orders/:id/*', { resource: '/orders/:id' }),
      aRoute('/a/:x/:y/*', { resource: '/r/:y' }),
      aRoute('/all/:x/*', { resource: '/all' }),
      aRoute('/none/:x/*'),
    ];
    for (const target of ['/orders/5%2Fitems/1', '/orders/5%5Citems/1', '/a/1%2F2/3/z', '/a/1/2%2f3/z'])
      t.match(resolve(target, routes), { code: 'resource-ambiguous', detail: /encoded separators/ }, target);
    const rest = [aRoute('/*', { resource: '/state/*' })];
    t.match(resolve('//a/b', rest), { code: 'resource-ambiguous', detail: /encoded separators/ });
    t.equal(keyIn('/all/5%2Fitems/1', routes), '["all"]');
    t.equal(keyIn('/none/5%2Fitems/1', routes), '["none","5","items","1"]');
    for (const target of ['/orders/5/a%2Fb', '/orders/5;v/a', '/orders/5/a//b', '/orders/%35/a/'])
      t.equal(keyIn(target, routes), '["orders","5"]', target);
    t.end();
  },
);

t.test('what may be an authority and a path has the keys of both readings', (t) => {
  const keys = (target: string) => resourceIn(target).keys;
  t.strictSame(keys('//a/b%2Fc'), ['["a","b","c"]', '["b","c"]']);
  t.strictSame(keys('///a;v//b/'), ['["a","b"]', '["b"]']);
  t.strictSame(keys('//a'), ['["a"]', '[]']);
  for (const target of ['/a//b', '/%2Fa/b', '/a']) t.equal(keys(target).length, 1, target);
  t.end();
});

const orders = [
  aRoute('/orders/:id/approve', { resource: '/orders/:id' }),
  aRoute('/edit/*', { resource: '/docs/*' }),
  aRoute('/save.php', { resource: '/api.php?id={query.id}' }),
  aRoute('/api.php', { resource: '/api.php?id={query.id}' }),
  aRoute('/home/save', { resource: '/page?name=home' }),
  aRoute('/page', { resource: '/page?name={query.name}' }),
  aRoute('/two', { resource: '/t/?b={query.b}&a=x-{query.a}-{query.c}' }),
];

const filled: { name: string; from: string; target: string; like?: string }[] = [
  { name: 'a parameter', from: '/orders/7/approve', target: '/orders/7', like: '/orders/7' },
  {
    name: 'a raw parameter',
    from: '/orders/%37%C3%a9/approve?x=1',
    target: '/orders/%37%C3%a9',
    like: '/orders/7%c3%a9',
  },
  {
    name: 'a parameter with parameters',
    from: '/orders/7;v/approve',
    target: '/orders/7;v',
    like: '/orders/7',
  },
  { name: 'the rest', from: '/edit/a/b%2Fc/', target: '/docs/a/b%2Fc/', like: '/docs/a/b/c' },
  { name: 'an empty rest', from: '/edit', target: '/docs/', like: '/docs' },
  {
    name: 'a query parameter',
    from: '/save.php?x=1&id=7',
    target: '/api.php?id=7',
    like: '/api.php?id=7&y=2',
  },
  {
    name: 'a raw query parameter',
    from: '/save.php?id=%37%zz',
    target: '/api.php?id=%37%zz',
    like: '/api.php?id=7%zz',
  },
  { name: 'an absent query parameter', from: '/save.php', target: '/api.php?id=', like: '/api.php' },
  { name: 'a literal query', from: '/home/save', target: '/page?name=home', like: '/page?a=b&name=home' },
  { name: 'several', from: '/two?a=1&b=2&c=$%26', target: '/t/?b=2&a=x-1-$%26' },
];

for (const row of filled) {
  t.test(`a template is filled with ${row.name}`, (t) => {
    const resource = resourceIn(row.from, orders);
    t.equal(resource.target, row.target);
    if (row.like !== undefined) t.strictSame(resource.keys, [keyIn(row.like, orders)], row.like);
    t.end();
  });
}

t.test('the named query pairs are in the key, decoded, in the order of their names', (t) => {
  t.equal(keyIn('/two?a=1&b=%32&c=3', orders), '["t",["a","x-1-3"],["b","2"]]');
  t.not(keyIn('/api.php?id=7', orders), keyIn('/api.php?id=8', orders));
  t.not(keyIn('/api.php?id=7', orders), keyIn('/api.php/id/7', orders));
  t.end();
});

t.test('plus, space and encoded plus in a query value have one key', (t) => {
  const keys = ['a+b', 'a%20b', 'a%2Bb'].map((value) => keyIn(`/api.php?id=${value}`, orders));
  t.equal(new Set(keys).size, 1);
  t.end();
});

t.test('two values of a named query parameter are ambiguous, of another one not', (t) => {
  t.match(resolve('/api.php?id=7&id=8', orders), { code: 'resource-ambiguous', detail: /"id" once/ });
  t.equal(resourceIn('/api.php?id=7&x=1&x=2', orders).target, '/api.php?id=7');
  t.end();
});

t.test('case: insensitive takes query names and values in any case', (t) => {
  const routes = [aRoute('/api', { resource: '/api?id={query.id}', case: 'insensitive' })];
  t.equal(keyIn('/API?ID=Ab', routes), keyIn('/api?id=aB', routes));
  t.end();
});

t.test('what a write to two resources holds has one order, whichever way round, and none twice', (t) => {
  const [one, other] = [resourceIn('//b/a'), resourceIn('/a')];
  t.strictSame(keysOf(one, other), ['["a"]', '["b","a"]']);
  t.strictSame(keysOf(other, one), keysOf(one, other));
  t.strictSame(keysOf(one), keysOf(one, one));
  t.strictSame(keysOf(other), ['["a"]']);
  t.end();
});

const alone = buildResources([], buildRouteTable([], defaults));

function keysOfPath(path: string): readonly string[] {
  const target = parseTarget(path, 'x');
  if ('code' in target) return [target.code];
  const resource = alone.of({ route: defaults, params: {} }, target);
  return 'code' in resource ? [resource.code] : resource.keys;
}

function haveOneInCommon(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.includes(one));
}

t.test('percent-encoding an unreserved character never changes the keys', (t) => {
  fc.assert(
    fc.property(aHarmlessPath, fc.nat(), (path, pick) => {
      assert.deepEqual(keysOfPath(path), keysOfPath(encodeOneUnreserved(path, pick)));
    }),
    { numRuns: 3000 },
  );
  t.end();
});

t.test('the case of triplets never changes the keys', (t) => {
  const upper = (path: string) => path.replace(/%../g, (triplet) => triplet.toUpperCase());
  fc.assert(
    fc.property(aHarmlessPath, (path) => {
      assert.deepEqual(keysOfPath(path), keysOfPath(upper(path)));
    }),
    { numRuns: 3000 },
  );
  t.end();
});

/** Servers as they are, each reading a path in its own way, written without the code under test. */
const servers: ((path: string) => string[])[] = [
  (path) => path.split('/').map(decodeURIComponent),
  (path) => decodeURIComponent(path).split('/'),
  (path) => decodeURIComponent(path).split(/[/\\]+/),
  (path) => path.split('/').map((segment) => decodeURIComponent(segment.replace(/;.*/, ''))),
  (path) => decodeURIComponent(path.replace(/;[^/]*/g, '')).split(/[/\\]+/),
  (path) =>
    decodeURIComponent(path)
      .replace(/;[^/\\]*/g, '')
      .split(/\/+/),
];

t.test('two targets that some server reads alike have a key in common', (t) => {
  const near = fc.array(fc.constantFrom('/', '%2f', '%5c', ';', '%3b', 'a', 'b'), { maxLength: 6 });
  const aPath = near.map((pieces) => `/${pieces.join('')}`);
  fc.assert(
    fc.property(aPath, aPath, (one, other) => {
      const [first, second] = [keysOfPath(one), keysOfPath(other)];
      if ([...first, ...second].includes('resource-ambiguous') || haveOneInCommon(first, second)) return true;
      return servers.every((read) => JSON.stringify(read(one)) !== JSON.stringify(read(other)));
    }),
    { numRuns: 20_000 },
  );
  t.end();
});
