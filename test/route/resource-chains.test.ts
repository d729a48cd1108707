// Several routes, one resource: whoever writes to what a write is judged by, by whichever route, holds a key of its.

import fc from 'fast-check';
import t from 'tap';
import { buildResources, type Resources } from '../../src/route/resource.ts';
import type { Route } from '../../src/route/route.ts';
import { buildRouteTable } from '../../src/route/route-table.ts';
import { parseTarget } from '../../src/route/target.ts';
import { aRoute } from '../fixtures/routes.ts';

type Found = ReturnType<Resources['of']> | 'ambiguous';

function resolver(routes: readonly Route[]): (requestTarget: string) => Found {
  const table = buildRouteTable(routes, aRoute('*'));
  const resources = buildResources(routes, table);
  return (requestTarget) => {
    const target = parseTarget(requestTarget, 'x');
    if ('code' in target) throw new Error(`${requestTarget}: ${target.detail}`);
    const match = table.match(target);
    return match === 'ambiguous' ? match : resources.of(match, target);
  };
}

function keysIn(found: Found): readonly string[] {
  if (found === 'ambiguous' || 'code' in found) throw new Error('it has no key');
  return found.keys;
}

function shareKey(one: Found, other: Found): boolean {
  const others = keysIn(other);
  return keysIn(one).some((key) => others.includes(key));
}

const approve = aRoute('/orders/:id/approve', { resource: '/orders/:id' });
const insensitive = { case: 'insensitive' } as const;
const full = aRoute('/orders/:id', { resource: '/orders/:id?view=full' });
const save = aRoute('/save.php', { resource: '/view.php?id={query.id}' });
const rename = aRoute('/rename.php', { resource: '/view.php?id={query.id}&lang={query.lang}' });
const named = ['home', 'about'].map((name) => aRoute(`/${name}/save`, { resource: `/page?name=${name}` }));

const rows: {
  name: string;
  routes: readonly Route[];
  /** Each of a line has a key in common with each. */
  together?: string[][];
  /** None of a line has a key in common with another. */
  apart?: string[][];
}[] = [
  {
    name: 'a template of what has a template',
    routes: [approve, full],
    together: [['/orders/5/approve', '/orders/5', '/orders/5?view=full', '/orders/5?view=brief']],
    apart: [
      ['/orders/5/approve', '/orders/6/approve'],
      ['/orders/5/approve', '/orders/6'],
    ],
  },
  {
    name: 'a template with a query, of what has none',
    routes: [aRoute('/orders/:id/approve', { resource: '/orders/:id?view=full' })],
    together: [
      ['/orders/5/approve', '/orders/5'],
      ['/orders/5/approve', '/orders/5?view=full&a'],
    ],
    apart: [['/orders/5/approve', '/orders/6', '/orders/7/approve?view=full']],
  },
  {
    name: 'a template by a query of what has none',
    routes: [save, rename],
    together: [
      ['/save.php?id=5', '/view.php?id=5', '/rename.php?id=5'],
      ['/save.php?id=5', '/view.php?lang=en&id=%35', '/rename.php?lang=en&id=5'],
      ['/view.php', '/view.php?id=5', '/view.php?id=6'],
    ],
    apart: [['/save.php?id=5', '/save.php?id=6', '/view.php?id=7', '/rename.php?id=8&lang=en']],
  },
  {
    name: 'a query written out, of what has none',
    routes: named,
    together: [
      ['/home/save', '/page?name=home', '/page'],
      ['/about/save', '/page?name=%61bout', '/page?'],
    ],
    apart: [
      ['/home/save', '/about/save'],
      ['/home/save', '/page?name=about'],
    ],
  },
  {
    name: 'a template that ends in a slash, or is nothing else',
    routes: [
      aRoute('/save.php', { resource: '/view/?id={query.id}' }),
      aRoute('/start.php', { resource: '/?page={query.page}' }),
    ],
    together: [
      ['/save.php?id=5', '/view/?id=5', '/view?id=5'],
      ['/start.php?page=a', '/?page=a'],
    ],
    apart: [
      ['/save.php?id=5', '/view?id=6'],
      ['/start.php?page=a', '/?page=b'],
    ],
  },
  {
    name: 'a name in the query of a template that is written with triplets',
    routes: [aRoute('/save.php', { resource: '/view.php?%69d={query.id}' })],
    together: [['/save.php?id=5', '/view.php?id=5', '/view.php?i%64=5']],
    apart: [['/save.php?id=5', '/view.php?id=6']],
  },
  {
    name: 'an address that only one of two routes takes in any case',
    routes: [{ ...approve, ...insensitive }, aRoute('/orders/:id')],
    together: [
      ['/Orders/AB/Approve', '/orders/ab/approve'],
      ['/orders/AB/approve', '/orders/AB'],
    ],
  },
  {
    name: 'an address that only the other one takes in any case',
    routes: [approve, aRoute('/orders/:id', insensitive)],
    together: [
      ['/orders/AB/approve', '/ORDERS/ab', '/orders/AB'],
      ['/orders/ab/approve', '/ORDERS/AB'],
    ],
  },
  {
    name: 'a query that only one of two routes takes in any case',
    routes: [save, aRoute('/view.php', insensitive)],
    together: [['/save.php?id=AB', '/View.php?ID=ab']],
  },
  {
    name: 'two templates of one URL, one in any case',
    routes: [approve, aRoute('/orders/:id/cancel', { resource: '/orders/:id', ...insensitive })],
    together: [['/orders/AB/approve', '/orders/AB/cancel', '/orders/AB']],
  },
  {
    name: 'two that name each other',
    routes: [aRoute('/a/:x', { resource: '/b/:x' }), aRoute('/b/:x', { resource: '/a/:x' })],
    together: [['/a/1', '/b/1']],
    apart: [['/a/1', '/b/2']],
  },
  {
    name: 'a template that makes what its own route covers, without end',
    routes: [aRoute('/*', { resource: '/state/*' })],
    together: [['/a', '/state/a']],
    apart: [['/a', '/b', '/state/c']],
  },
  {
    name: 'a chain of three, each by another route',
    routes: [
      aRoute('/a/:x', { resource: '/b/:x' }),
      aRoute('/b/:x', { resource: '/c.php?x=1' }),
      aRoute('/c.php', { resource: '/d?of={query.x}' }),
    ],
    together: [['/a/1', '/b/2', '/c.php?x=1', '/d?of=1']],
    apart: [['/a/1', '/d?of=2', '/c.php?x=3']],
  },
  {
    name: 'separators that servers read differently',
    routes: [approve, full, aRoute('/edit/*', { resource: '/docs/*?raw=1' })],
    together: [
      ['/orders/5;v=1/approve', '/orders/5', '/orders/5/'],
      ['/edit/a%2Fb', '/docs/a/b', '/docs/a%5cb', '/docs%2Fa/b'],
    ],
  },
];

for (const row of rows) {
  t.test(row.name, (t) => {
    const find = resolver(row.routes);
    const pairs = (line: string[]) => line.flatMap((one) => line.map((other) => [one, other] as const));
    for (const [one, other] of (row.together ?? []).flatMap(pairs))
      t.ok(shareKey(find(one), find(other)), `${one} and ${other} have a key in common`);
    for (const [one, other] of (row.apart ?? []).flatMap(pairs))
      if (one !== other) t.notOk(shareKey(find(one), find(other)), `${one} and ${other} have none`);
    t.end();
  });
}

t.test('what is judged by its own URL has one key', (t) => {
  for (const [routes, target] of [
    [[approve], '/orders/5'],
    [[approve], '/orders/5/approve'],
    [[approve, aRoute('/orders/:id')], '/orders/5/approve'],
    [[aRoute('/api.php', { resource: '/api.php?id={query.id}' })], '/api.php?id=5'],
    [[save], '/save.php?id=5'],
  ] as const)
    t.equal(keysIn(resolver(routes)(target)).length, 1, target);
  t.end();
});

t.test('what one of several templates cannot tell apart has no key', (t) => {
  const expected = { code: 'resource-ambiguous', detail: /"id" once/ };
  t.match(resolver([save])('/view.php?id=5&id=6'), expected);
  t.match(
    resolver([aRoute('/go', { resource: '/view.php?id={query.a}&id={query.b}' }), save])('/go?a=1&b=2'),
    expected,
  );
  t.end();
});

t.test('a URL that servers take for those of two routes has no key', (t) => {
  const find = resolver([aRoute('/edit/*', { resource: '/docs/*' }), aRoute('/docs/:x', insensitive)]);
  t.match(find('/edit/a%2Fb'), { code: 'resource-ambiguous', detail: /encoded separators/ });
  t.strictSame(keysIn(find('/edit/a')), ['["docs","a"]']);
  t.end();
});

const aName = fc.constantFrom('a', 'b', 'B');
const aPathTemplate = fc
  .array(fc.constantFrom('a', 'b', 'B', ':x', ':y'), { minLength: 1, maxLength: 2 })
  .map((segments) => `/${segments.join('/')}`);
const aQueryTemplate = fc.constantFrom(
  '',
  '?q={query.q}',
  '?q={query.p}',
  '?p=1&q={query.q}',
  '?q=1',
  '?q=A{query.q}',
);
const somePattern = fc.constantFrom('/:x/:y', '/a/:x/:y', '/a/:y/:x', '/b/:x/:y', '/:x/b/:y', '/:x/:y/a');
const someRoutes = fc.array(
  fc
    .record({
      path: somePattern,
      at: aPathTemplate,
      query: aQueryTemplate,
      any: fc.boolean(),
      own: fc.boolean(),
    })
    .map(({ path, at, query, any, own }) =>
      aRoute(path, { case: any ? 'insensitive' : 'sensitive', ...(own ? {} : { resource: at + query }) }),
    ),
  { minLength: 1, maxLength: 4 },
);
const aRequest = fc
  .tuple(fc.array(aName, { minLength: 2, maxLength: 3 }), fc.constantFrom('', '?q=1', '?q=a&p=1', '?p=A'))
  .map(([segments, query]) => `/${segments.join('/')}${query}`);

t.test('a write has a key in common with every write to the URL that it is judged by', (t) => {
  fc.assert(
    fc.property(someRoutes, aRequest, (routes, request) => {
      const find = resolver(routes);
      const found = find(request);
      if (found === 'ambiguous' || 'code' in found) return true;
      return shareKey(found, find(found.target));
    }),
    { numRuns: 20_000 },
  );
  t.end();
});

t.test('two writes that are judged by one URL have a key in common', (t) => {
  fc.assert(
    fc.property(someRoutes, aRequest, aRequest, (routes, one, other) => {
      const find = resolver(routes);
      const [first, second] = [find(one), find(other)];
      if (first === 'ambiguous' || 'code' in first || second === 'ambiguous' || 'code' in second) return true;
      return first.target !== second.target || shareKey(first, second);
    }),
    { numRuns: 20_000 },
  );
  t.end();
});
