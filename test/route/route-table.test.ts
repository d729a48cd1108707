// The route table: first match wins, readings must agree, nobody walks around a guard.

import fc from 'fast-check';
import t from 'tap';
import { patternFault } from '../../src/route/pattern.ts';
import type { Route } from '../../src/route/route.ts';
import { buildRouteTable, unreachableRoutes } from '../../src/route/route-table.ts';
import { parseTarget } from '../../src/route/target.ts';
import { aRoute, aTarget } from '../fixtures/routes.ts';
import { aHarmlessPath, anAcceptedTarget, encodeOneUnreserved } from '../fixtures/targets.ts';

const defaults = aRoute('*', { mode: 'off' });
const guarded = [aRoute('/guarded/*'), aRoute('/g/:id')];

/** The pattern of the route that a target takes, 'ambiguous', or the code of its fault. */
function routeOf(requestTarget: string, routes: readonly Route[] = guarded): string {
  const target = parseTarget(requestTarget, 'x');
  if ('code' in target) return target.code;
  const match = buildRouteTable(routes, defaults).match(target);
  return match === 'ambiguous' ? match : match.route.path;
}

const rows: { name: string; targets: string[]; route: string }[] = [
  {
    name: 'an encoded spelling',
    targets: ['/%67uarded/x', '/guarded/%78', '/%67%75arded'],
    route: '/guarded/*',
  },
  {
    name: 'the bare prefix',
    targets: ['/guarded', '/guarded/', '/guarded?', '/guarded?a=/open'],
    route: '/guarded/*',
  },
  { name: 'a trailing slash', targets: ['/g/a/', '/g/a', '/g/%61/'], route: '/g/:id' },
  {
    name: 'a parameter of any length',
    targets: [`/g/${'a'.repeat(101)}`, `/g/${'%61'.repeat(3000)}`],
    route: '/g/:id',
  },
  { name: 'absolute-form', targets: ['http://x/guarded/x', 'HTTP://X:80/guarded/x'], route: '/guarded/*' },
  {
    name: 'odd names below',
    targets: ['/guarded/..a', '/guarded/...', '/guarded/"<>{}|^', '/guarded/%ff'],
    route: '/guarded/*',
  },
  {
    name: 'readings that agree',
    targets: ['/guarded/a%2Fb', '/guarded//x', '/guarded/x;v=1', '/guarded/a%5cb'],
    route: '/guarded/*',
  },
  { name: 'parameters of its last segment', targets: ['/g/a;v=1', '/g/a%3Bv'], route: '/g/:id' },
  {
    name: 'an open path',
    targets: ['/open', '/', '/g', '/g/a/b', '/open/group%2Fproject', '//evil.test/x'],
    route: '*',
  },
  {
    name: 'double encoding as data',
    targets: ['/%2567uarded/x', '/open/%252e%252e/guarded', '/guarded%252fx'],
    route: '*',
  },
  { name: 'another case', targets: ['/GUARDED/x', '/Guarded/x'], route: '*' },
];

for (const row of rows) {
  t.test(`${row.name} takes ${row.route}`, (t) => {
    for (const target of row.targets) t.equal(routeOf(target), row.route, target.slice(0, 60));
    t.end();
  });
}

const ambiguous: { name: string; targets: string[] }[] = [
  {
    name: 'an encoded separator',
    targets: ['/guarded%2fx', '/guarded%2Fx', '/guarded%5cx', '/%2fguarded/x', '/g/a%2fb'],
  },
  { name: 'doubled slashes', targets: ['//guarded/x', '///guarded/x', '//guarded', '/g//a', '/g/a//'] },
  {
    name: 'segment parameters',
    targets: ['/guarded;v=1/x', '/;x/guarded/x', '/guarded;', '/guarded%3bv/x', '/g;/a', '/g/;a'],
  },
  { name: 'doubled slashes before an encoded separator', targets: ['/g//a%2fb', '/g//a%5cb'] },
  { name: 'a mix of them', targets: ['/;%2f//guarded;x%5cy', '/g/%3Bx%2fy', '//g%2f;b%5ca'] },
];

for (const row of ambiguous) {
  t.test(`${row.name} on the way into a guarded route is ambiguous`, (t) => {
    for (const target of row.targets) t.equal(routeOf(target), 'ambiguous', target);
    t.end();
  });
}

t.test('the first match wins, however specific', (t) => {
  t.equal(routeOf('/a/b', [aRoute('/a/:x'), aRoute('/a/b')]), '/a/:x');
  t.equal(routeOf('/a/b', [aRoute('/a/b'), aRoute('/a/:x')]), '/a/b');
  t.equal(routeOf('/a/b', [aRoute('/*'), aRoute('/a/b')]), '/*');
  t.equal(routeOf('/a/b', [aRoute('/:x/c'), aRoute('/:x/*'), aRoute('/a/b')]), '/:x/*');
  t.equal(routeOf('/a/b', [aRoute('/a/c'), aRoute('/:x/b'), aRoute('/a/*')]), '/:x/b');
  t.end();
});

t.test('pattern literals are decoded once', (t) => {
  t.equal(routeOf('/a%20b', [aRoute('/%61%20b')]), '/%61%20b');
  t.equal(routeOf('/%252541', [aRoute('/%252541')]), '/%252541');
  t.equal(routeOf('/%2541', [aRoute('/%252541')]), '*');
  t.end();
});

t.test('case: insensitive folds ASCII letters, for that route alone', (t) => {
  const routes = [aRoute('/Docs/:id', { case: 'insensitive' }), aRoute('/docs/x/Y')];
  t.equal(routeOf('/DOCS/1', routes), '/Docs/:id');
  t.equal(routeOf('/%64ocs/1', routes), '/Docs/:id');
  t.equal(routeOf('/docs/x/Y', routes), '/docs/x/Y');
  t.equal(routeOf('/docs/x/y', routes), '*');
  t.equal(routeOf('/%C3', [aRoute('/%E3', { case: 'insensitive' })]), '*');
  t.end();
});

t.test('a parameter covers no empty segment', (t) => {
  t.equal(routeOf('/g/', [aRoute('/g/:id')]), '*');
  t.equal(routeOf('/', [aRoute('/:id')]), '*');
  t.end();
});

t.test('parameters are raw text', (t) => {
  const table = buildRouteTable([aRoute('/a/:x/b/:y/*'), aRoute('/p/:__proto__')], defaults);
  t.match(table.match(aTarget('/a/%41;v/b/%c3%A9/d%2Fe//f/?q')), {
    params: { x: '%41;v', y: '%c3%A9', '*': 'd%2Fe//f/' },
  });
  t.match(table.match(aTarget('/a/1/b/2')), { params: { x: '1', y: '2', '*': '' } });
  const odd = table.match(aTarget('/p/7'));
  t.not(odd, 'ambiguous');
  if (odd !== 'ambiguous') t.strictSame(Object.entries(odd.params), [['__proto__', '7']]);
  t.end();
});

t.test('what matches none gets the defaults and no parameters', (t) => {
  const match = buildRouteTable(guarded, defaults).match(aTarget('/open'));
  t.strictSame(match, { route: defaults, params: Object.create(null) });
  t.end();
});

t.test('a faulty pattern is no table', (t) => {
  t.type(patternFault('/a/'), 'string');
  t.throws(() => buildRouteTable([aRoute('/a/')], defaults));
  t.end();
});

t.test('names the routes that no path can reach', (t) => {
  const routes = ['/a', '/a/:x', '/a/b', '/p/*', '/p', '/p/q/*', '/:z', '/:y'].map((path) => aRoute(path));
  t.strictSame(unreachableRoutes(routes), [
    { index: 2, by: 1 },
    { index: 4, by: 3 },
    { index: 5, by: 3 },
    { index: 7, by: 6 },
  ]);
  t.strictSame(unreachableRoutes([aRoute('/a/b'), aRoute('/a/:x'), aRoute('/a/*'), aRoute('/*')]), []);
  t.end();
});

/** The route of segments by the plainest reading of the pattern language: the oracle for the table. */
function plainMatch(routes: readonly Route[], segments: readonly string[]): string {
  const found = routes.find((route) => {
    const pattern = route.path.slice(1).split('/');
    const rest = pattern.at(-1) === '*';
    if (rest) pattern.pop();
    if (rest ? segments.length < pattern.length : segments.length !== pattern.length) return false;
    return pattern.every((part, index) =>
      part.startsWith(':') ? segments[index] !== '' : part === segments[index],
    );
  });
  return found?.path ?? '*';
}

const someRoutes = fc
  .array(
    fc
      .tuple(
        fc.array(fc.constantFrom('a', 'b', 'guarded', ':x'), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
      )
      .map(([parts, rest]) =>
        parts.map((part, index) => (part === ':x' ? `:x${index}` : part)).concat(rest ? '*' : []),
      ),
    { maxLength: 6 },
  )
  .map((paths) => paths.map((parts) => aRoute(`/${parts.join('/')}`)));

t.test('a match is the route that every single reading takes', (t) => {
  fc.assert(
    fc.property(someRoutes, anAcceptedTarget, (routes, target) => {
      const match = buildRouteTable(routes, defaults).match(target);
      const taken = new Set(target.readings.map((reading) => plainMatch(routes, reading)));
      return match === 'ambiguous' ? taken.size > 1 : taken.size === 1 && taken.has(match.route.path);
    }),
    { numRuns: 3000 },
  );
  t.end();
});

t.test('an unreachable route is never taken', (t) => {
  fc.assert(
    fc.property(someRoutes, anAcceptedTarget, (routes, target) => {
      const match = buildRouteTable(routes, defaults).match(target);
      return (
        match === 'ambiguous' || unreachableRoutes(routes).every(({ index }) => routes[index] !== match.route)
      );
    }),
    { numRuns: 3000 },
  );
  t.end();
});

t.test('percent-encoding an unreserved character never changes the route', (t) => {
  const table = buildRouteTable(guarded, defaults);
  fc.assert(
    fc.property(aHarmlessPath, fc.nat(), (path, pick) => {
      const encoded = encodeOneUnreserved(path, pick);
      const [one, other] = [path, encoded].map((text) => {
        const target = parseTarget(text, 'x');
        if ('code' in target) return target.code;
        const match = table.match(target);
        return match === 'ambiguous' ? match : match.route.path;
      });
      return one === other;
    }),
    { numRuns: 3000 },
  );
  t.end();
});
