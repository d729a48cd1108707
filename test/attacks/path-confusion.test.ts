// Targets that servers read differently: none leads around the guard of /guarded/* or /g/:id.

import t, { type Test } from 'tap';
import { attackLegacy, attackRaw } from '../fixtures/aftermath.ts';
import { startCanary } from '../fixtures/canary.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { gate, until } from '../fixtures/until.ts';

/** Guarded so that an unconditional write shows which route it took: 428 there, performed elsewhere. */
const ROUTES =
  'routes:\n  - { path: /guarded/*, mode: require }\n  - { path: /g/:id, mode: require }\n  - { path: /control }\n  - { path: /*, mode: off }';

interface Row {
  readonly row: number;
  readonly target: string;
}
const rowsOf = (row: number, ...targets: string[]): Row[] => targets.map((target) => ({ row, target }));
const named = ({ row, target }: Row): string => `row ${row}: ${JSON.stringify(target.slice(0, 60))}`;

const refused = [
  ...rowsOf(54, '/guarded\\x', '/open/x\\..\\..\\guarded/x', '/\\guarded/x'),
  ...rowsOf(55, '/./guarded/x', '/%2e/guarded/x', '/guarded/x/.', '/guarded/x/%2e'),
  ...rowsOf(56, '/open/../guarded/x', '/open/%2e%2e/guarded/x', '/open/.%2e/guarded/x'),
  ...rowsOf(
    56,
    '/open/..%2fguarded/x',
    '/open%2f..%2fguarded/x',
    '/open/..;/guarded/x',
    '/open/..;a=b/guarded/x',
  ),
  ...rowsOf(57, '/guarded%2fx', '/guarded%2Fx', '/guarded%5cx', '/%2fguarded/x', '/%5Cguarded/x'),
  ...rowsOf(58, '//guarded/x', '///guarded/x', '/.//guarded/x', '/open//../guarded/x'),
  ...rowsOf(61, '/guarded;v=1/x', '/;x/guarded/x', '/guarded%3bv=1/x', '/guarded;a%2fb/x'),
  ...rowsOf(63, '/guarded/x#frag', '/open#/guarded', '/guarded/x?a=1#f', '/#/guarded/x'),
  ...rowsOf(64, '/guarded/%00', '/guarded/x%00', '/guarded/%0d%0aX:y', '/open/%00/../guarded/x'),
  ...rowsOf(64, '/guarded/%zz', '/guarded/%', '/guarded/%u0041', '/guarded/%1b', '/guarded/\xe9'),
  ...rowsOf(
    65,
    'http://evil.test/guarded/x',
    'https://legacy.example/guarded/x',
    'http://u:p@legacy.example/guarded/x',
  ),
  ...rowsOf(65, 'ftp://legacy.example/guarded/x', 'http:///guarded/x', 'http:/guarded/x', 'guarded/x', '*'),
  ...rowsOf(65, 'http://legacy.example:81/guarded/x', 'http://legacy.example\\@evil.test/guarded/x'),
];
for (const row of refused) {
  t.test(`${named(row)} is refused with 400`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES });
    for (const fields of [[], ['If-Match: *'], ['If-Match: "stale"']]) {
      problem(t, await exchange(ifmatch.port, 'PUT', row.target, fields, 'x'), 400);
    }
    t.same(origin.requests, [], 'nothing reaches the origin');
    await aftermath();
  });
}

const guarded = [
  ...rowsOf(53, '/%67uarded/x', '/guarded/%78', '/%67%75%61%72%64%65%64/x'),
  ...rowsOf(58, '/guarded//x', '/guarded///'),
  ...rowsOf(60, '/guarded', '/guarded/', '/guarded?', '/guarded/?', '/g/a', '/g/a/', '/g/a?x'),
  ...rowsOf(61, '/guarded/x;jsessionid=1', '/guarded/x/;a'),
  ...rowsOf(62, `/g/${'a'.repeat(101)}`, `/g/${'a'.repeat(8000)}`, `/g/${'%61'.repeat(101)}`),
  ...rowsOf(64, '/guarded/%ff', '/guarded/%c0%ae%c0%ae'),
  ...rowsOf(65, 'http://legacy.example/guarded/x', 'HTTP://legacy.example/guarded/x'),
  ...rowsOf(65, 'http://LEGACY.example:80/guarded/x'),
  ...rowsOf(66, '/guarded/x?', '/guarded/x??a', '/guarded/x?/../../open', '/guarded/x?_method=GET'),
];
for (const row of guarded) {
  t.test(`${named(row)} is guarded`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES });
    problem(t, await exchange(ifmatch.port, 'PUT', row.target, [], 'x'), 428);
    t.same(origin.requests, [], 'unconditional: nothing reaches the origin');
    problem(t, await exchange(ifmatch.port, 'PUT', row.target, ['If-Match: "stale"'], 'x'), 412);
    t.same(origin.applied, [], 'stale: nothing is written');
    const wire = row.target.replace(/^http:\/\/[^/]*/i, '');
    const etag = origin.store(wire, 'old');
    t.equal((await exchange(ifmatch.port, 'PUT', row.target, [`If-Match: ${etag}`], 'x')).status, 200);
    t.same(
      origin.requests.slice(-2).map(({ method, target }) => [method, target]),
      [
        ['HEAD', wire],
        ['PUT', wire],
      ],
      'probe and write have the same bytes',
    );
    await aftermath();
  });
}

const open = [
  ...rowsOf(56, '/open/%252e%252e/guarded/x', '/open/%252e%252e%252fguarded/x'),
  ...rowsOf(59, '/GUARDED/x', '/Guarded/x'),
  ...rowsOf(65, '//evil.test/x', '//@evil/x', '/http://evil/'),
  ...rowsOf(
    66,
    '/open?',
    '/open??a',
    '/open?/../guarded',
    '/open?_method=DELETE',
    `/open?${'q'.repeat(8000)}`,
  ),
  ...rowsOf(66, '/open?a=1', '/open?a=1&', '/open?q=%00%zz', '/open?\\'),
];
for (const row of open) {
  t.test(`${named(row)} passes byte for byte, unguarded`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES });
    t.match((await exchange(ifmatch.port, 'PUT', row.target, [], 'x')).status, /^20[01]$/);
    await exchange(ifmatch.port, 'GET', row.target);
    t.same(
      origin.requests.map(({ target }) => target),
      [row.target, row.target],
    );
    await aftermath();
  });
}

t.test('row 59: other capitals are guarded with case: insensitive', async (t) => {
  const yaml = ROUTES.replaceAll('require }', 'require, case: insensitive }');
  const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml });
  for (const target of ['/GUARDED/x', '/Guarded/x', '/%47uarded', '/G/a'])
    problem(t, await exchange(ifmatch.port, 'PUT', target, [], 'x'), 428);
  t.same(origin.requests, []);
  await aftermath();
});

t.test('row 65: no target and no Host makes ifmatch connect elsewhere', async (t) => {
  const { address: elsewhere, visits } = await startCanary(t);
  const { ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES });
  const paths = [
    `http://${elsewhere}/guarded/x`,
    `//${elsewhere}/x`,
    `/http://${elsewhere}/`,
    `/@${elsewhere}/x`,
  ];
  for (const target of [...paths, `http://legacy.example@${elsewhere}/x`, '/open/x', '/guarded/x']) {
    for (const method of ['GET', 'PUT', 'OPTIONS']) {
      for (const host of ['legacy.example', elsewhere])
        await exchange(
          ifmatch.port,
          method,
          target,
          [`Host: ${host}`, 'If-Match: *'],
          method === 'PUT' ? 'x' : undefined,
        );
    }
  }
  t.equal(visits(), 0);
  await aftermath();
});

/** Two spellings of one resource, as the origin below reads them: decoded, without query and trailing slash. */
const spellings: readonly (readonly [number, string, string])[] = [
  [53, '/guarded/x', '/%67uarded/%78'],
  [66, '/guarded/q?a=1&b=2', '/guarded/q?b=2&a=1'],
  [67, '/d/x', '/d/%78'],
  [67, '/d/%C3%A9', '/d/%c3%a9'],
  [67, '/d/x', '/d/x?'],
  [67, '/d/~', '/d/%7E'],
  [67, '/d/x', '/d/x/'],
  [67, '/d/x', '/d//x'],
  [67, '/d/x', '/d%2Fx'],
  [67, '/d/x', '/d/x;v=1'],
  [67, '/d/x', 'http://legacy.example/d/x'],
];
for (const [row, one, other] of spellings) {
  t.test(`row ${row}: ${one} and ${other} are one resource: of two writers one succeeds`, (t) =>
    raceOf(t, one, other),
  );
}

/** The second writer must be seen waiting for the first: then both have one key. */
async function raceOf(t: Test, one: string, other: string): Promise<void> {
  let version = 1;
  const first = gate();
  const { origin, ifmatch, aftermath } = await attackRaw(t, ({ method, socket }) => {
    if (method === 'HEAD') return `HTTP/1.1 200 OK\r\nETag: "v${version}"\r\n\r\n`;
    first.opened.then(() => {
      version += 1;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    return undefined;
  });
  const [a, b] = [await connect(ifmatch.port), await connect(ifmatch.port)];
  a.send(bytesOf('PUT', one, ['If-Match: "v1"'], 'a'));
  await until(() => origin.count('PUT') === 1, 'the first write is at the origin');
  b.send(bytesOf('PUT', other, ['If-Match: "v1"'], 'b'));
  await until(() => ifmatch.lock().waiting === 1, 'the second writer waits for the first');
  first.open();
  t.same([(await a.response()).status, (await b.response()).status], [200, 412]);
  t.equal(origin.count('PUT'), 1);
  a.close();
  b.close();
  await aftermath();
}

/** A part of an order is written under the order's lock, and its validators count. */
const ORDERS = 'routes: [{ path: /orders/:id/*, resource: /orders/:id }]';
for (const target of ['/orders/5%2Fitems/1', '/orders/5%5citems/1', '/orders/5%2Fa%2Fb/']) {
  t.test(
    `row 57: ${target} is a part of /orders/5, or of what only one server takes for an order: 400`,
    async (t) => {
      const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ORDERS });
      for (const fields of [[], ['If-Match: *'], ['If-None-Match: *']])
        problem(t, await exchange(ifmatch.port, 'PUT', target, fields, 'x'), 400);
      t.same(origin.requests, [], 'nothing reaches the origin');
      t.equal((await exchange(ifmatch.port, 'GET', target)).status, 404, 'a read has no lock to walk around');
      await aftermath();
    },
  );
}
for (const target of ['/orders/5/a%2Fb', '/orders/5;v/a', '/orders/5/a//b', '/orders/%35/%2Fa']) {
  t.test(`row 57: ${target} is a part of /orders/5 to all servers`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ORDERS });
    t.equal((await exchange(ifmatch.port, 'PUT', target, [], 'x')).status, 201);
    t.equal(origin.requests.at(-1)?.target, target);
    await aftermath();
  });
}

const odd = rowsOf(
  68,
  ...['/guarded/..a', '/guarded/...', '/guarded/a..b', '/guarded/.a', '/guarded/"<>{}|^`', '/guarded/[x]'],
  ...[
    "/guarded/'x'",
    '/guarded/a:b',
    '/guarded/%20',
    '/guarded/+',
    '/guarded/a%2Fb',
    '/guarded/@',
    '/guarded/%25',
  ],
);
for (const row of odd) {
  t.test(`${named(row)} is a legitimate name: it passes byte for byte`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES });
    const etag = origin.store(row.target, 'old');
    t.equal((await exchange(ifmatch.port, 'PUT', row.target, [`If-Match: ${etag}`], 'x')).status, 200);
    t.same(
      origin.requests.map(({ target }) => target),
      [row.target, row.target],
    );
    await aftermath();
  });
}

/** Of `//authority/path` a server that resolves it as a reference makes `/path`: `new URL(request.url, base)` in Node's. */
for (const target of [
  '//open/guarded/x',
  '//evil.test/guarded/x',
  '///@evil/guarded/x',
  '//open:80/g/a',
  '//x/guarded',
]) {
  t.test(`row 65: ${target} is open to some servers and guarded to others: 400`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES });
    for (const method of ['PUT', 'GET'])
      problem(t, await exchange(ifmatch.port, method, target, [], method === 'PUT' ? 'x' : undefined), 400);
    t.same(origin.requests, [], 'nothing reaches the origin');
    await aftermath();
  });
}
for (const [one, other] of [
  ['/d/x', '//evil/d/x'],
  ['//evil/d/x', '/d/x'],
  ['/d/x', '///evil//d/%78/'],
  ['/evil/d/x', '//evil/d/x'],
  ['//a/d/x', '//b/d/x'],
] as const) {
  t.test(`row 67: ${one} and ${other} may be one resource: of two writers one succeeds`, (t) =>
    raceOf(t, one, other),
  );
}

const overrides = [
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-Forwarded-Prefix',
  'X-Forwarded-Path',
  'X-Original-URI',
];
for (const name of overrides) {
  t.test(`row 69: ${name} on an open path does not reach the origin`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES });
    const variants = [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll('-', '_')];
    for (const method of ['GET', 'PUT', 'OPTIONS']) {
      const fields = variants.map((variant) => `${variant}: /guarded/x`);
      await exchange(ifmatch.port, method, '/open/x', fields, method === 'PUT' ? 'x' : undefined);
    }
    t.equal(origin.requests.length, 3);
    t.notMatch(origin.requests.flatMap(({ fields }) => fields).join('\n'), /guarded/);
    await aftermath();
  });
}
