// One target: what is ambiguous or foreign never reaches the origin, what is merely odd reaches it byte for byte.

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';

const refused = [
  ...[
    '/./guarded/x',
    '/%2e/guarded/x',
    '/guarded/x/.',
    '/guarded/x/%2E',
    '/open/../guarded/x',
    '/open/%2e%2e/guarded/x',
  ],
  ...[
    '/open/.%2e/guarded/x',
    '/open/..%2fguarded/x',
    '/open%2f..%2fguarded/x',
    '/open/..;/guarded/x',
    '/..',
    '/.',
  ],
  ...[
    '/guarded\\x',
    '/open/x\\..\\..\\guarded/x',
    '/\\guarded/x',
    '/guarded/x#frag',
    '/open#/guarded',
    '/x?a=1#f',
  ],
  ...['/guarded/%00', '/guarded/x%00', '/x%0d%0aX:y', '/x%0a', '/x%1f', '/x%7f'],
  ...[
    'http://evil.test/guarded/x',
    'https://evil.test/x',
    'http://u:p@legacy.example/x',
    'ftp://legacy.example/x',
    'http:///x',
  ],
];
for (const target of refused) {
  t.test(`400, and nothing at the origin: ${target}`, async (t) => {
    const origin = await startRawOrigin(t, () => OK);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const response = await exchange(ifmatch.port, 'PUT', target, ['If-Match: "v1"'], 'x');
    problem(t, response, 400);
    t.same(origin.bytes(), []);
    t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
  });
}

const odd = [
  ...[
    '/guarded/..a',
    '/guarded/...',
    '/guarded/a..b',
    '/guarded/"<>{}|^`',
    "/guarded/[x]'y'a:b+%20",
    '/projects/group%2Fproject',
  ],
  ...[
    '/a//b',
    '//evil.test/x',
    '/;x/guarded',
    '/guarded/x;jsessionid=1',
    '/%67uarded/%78',
    '/%c3%a9',
    '/%ff',
    '/%c0%ae%c0%ae/x',
  ],
  ...[
    '/open/%252e%252e/x',
    '/x?',
    '/x??a',
    '/x?/../guarded',
    '/x?_method=DELETE',
    '/x?a=1&',
    '/x?q=%00',
    '/x?http://evil.test/',
  ],
  ...['/http://evil.test/', '/~user/%7euser', '/', `/g/${'a'.repeat(3000)}`, '/a@b', '/*'],
];
for (const target of odd) {
  t.test(`passes byte for byte: ${target.slice(0, 60)}`, async (t) => {
    const origin = await startRawOrigin(t, () => OK);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    for (const method of ['GET', 'PUT']) {
      const response = await exchange(
        ifmatch.port,
        method,
        target,
        ['If-Match: "v1"'],
        method === 'PUT' ? 'x' : undefined,
      );
      t.equal(response.status, 200, method);
    }
    t.same(
      origin.requests.map((request) => [request.method, request.target]),
      [
        ['GET', target],
        ['HEAD', target],
        ['PUT', target],
      ],
    );
  });
}

t.test('the absolute form of the own authority is the origin form', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const response = await exchange(
    ifmatch.port,
    'PUT',
    'http://legacy.example/doc?a=1',
    ['If-Match: "v1"'],
    'x',
  );
  t.equal(response.status, 200);
  t.same(
    origin.requests.map((request) => request.target),
    ['/doc?a=1', '/doc?a=1'],
  );
});

t.test('no field and no target makes ifmatch connect elsewhere', async (t) => {
  let visits = 0;
  const canary = net.createServer(() => {
    visits += 1;
  });
  await once(canary.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => canary.close());
  const elsewhere = `127.0.0.1:${(canary.address() as AddressInfo).port}`;
  const origin = await startRawOrigin(t, () => OK);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  for (const target of [`http://${elsewhere}/x`, `//${elsewhere}/x`, `/http://${elsewhere}/`, '/x']) {
    const fields = [
      `X-Forwarded-Host: ${elsewhere}`,
      `X-Original-URL: http://${elsewhere}/`,
      'If-Match: "v1"',
    ];
    await exchange(ifmatch.port, 'PUT', target, fields, 'x');
    await exchange(ifmatch.port, 'PUT', target, [`Host: ${elsewhere}`, 'If-Match: "v1"'], 'x');
  }
  t.equal(visits, 0);
});

t.test(
  'a target that servers would take to different routes is refused, others of that spelling pass',
  async (t) => {
    const origin = await startRawOrigin(t, () => OK);
    const yaml = 'routes:\n  - path: /open/*\n    mode: off\n  - path: /wiki/:page\n    mode: require';
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
    for (const target of ['/open%2fx', '/open%5cx', '//open/x', '/wiki%2Fhome']) {
      problem(t, await exchange(ifmatch.port, 'PUT', target, ['If-Match: "v0"'], 'x'), 400);
    }
    t.same(origin.bytes(), []);
    t.equal((await exchange(ifmatch.port, 'PUT', '/open/a%2Fb', ['If-Match: "v0"'], 'x')).status, 200);
    t.equal((await exchange(ifmatch.port, 'PUT', '/open/a//b', ['If-Match: "v0"'], 'x')).status, 200);
  },
);

for (const method of ['TRACE', 'CONNECT']) {
  t.test(`${method} is not forwarded`, async (t) => {
    const origin = await startRawOrigin(t, () => OK);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const target = method === 'CONNECT' ? 'legacy.example:80' : '/doc';
    const response = await exchange(ifmatch.port, method, target, ['Cookie: secret=1']);
    t.equal(response.status, 405);
    t.notMatch(response.content, /secret/);
    t.same(origin.bytes(), []);
  });
}
