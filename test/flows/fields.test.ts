// Fields on their way: what belongs to one connection ends there, everything else passes as it came.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { type RawOrigin, startRawOrigin } from '../fixtures/raw-origin.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';

/** The field lines of the last request of a method, names in lower case. */
const linesOf = (origin: RawOrigin, method: string): string[] => {
  const head = origin.requests.findLast((request) => request.method === method)?.head ?? '';
  const lines = head.split('\r\n').slice(1, -2);
  return lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
};
const named = (lines: readonly string[], name: string): string[] =>
  lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim());

t.test(
  'fields of one hop, overrides of method and URL, and underscores do not reach the origin',
  async (t) => {
    const origin = await startRawOrigin(t, () => OK);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const fields = [
      ...[
        'TE: trailers, deflate',
        'Trailer: X',
        'Proxy-Authorization: Basic eA==',
        'Proxy-Connection: keep-alive',
      ],
      ...['Proxy: http://evil', 'Keep-Alive: timeout=5', 'Upgrade: foo', 'HTTP2-Settings: AAMAAABk'],
      ...['X-HTTP-Method-Override: DELETE', 'X-HTTP-Method: DELETE', 'X-Method-Override: DELETE'],
      ...['X-Original-URL: /guarded/x', 'X-Rewrite-URL: /guarded/x'],
      ...['X_Foo: 1', 'If_Match: "v0"', 'X_HTTP_Method_Override: DELETE', 'If-Match: "v1"', 'X-Keep: 1'],
    ];
    t.equal((await exchange(ifmatch.port, 'POST', '/doc', fields, 'x')).status, 200);
    for (const method of ['HEAD', 'POST']) {
      const names = linesOf(origin, method).map((line) => line.slice(0, line.indexOf(':')));
      for (const name of names) {
        t.notMatch(name, /^(te|trailer|proxy|proxy-.*|keep-alive|upgrade|http2-settings)$/, `${method}: hop`);
        t.notMatch(name, /method|original-url|rewrite-url|_/, `${method}: override`);
      }
      t.ok(names.includes('x-keep'), method);
    }
  },
);

const nominations = [
  ['Connection: If-Match'],
  ['Connection: close,\tIF-MATCH'],
  ['Connection: keep-alive', 'Connection: x,if-match'],
  ['Connection: authorization, cookie, host'],
  ['Connection: content-length'],
];
for (const connection of nominations) {
  t.test(`400: ${connection.join(' / ')}`, async (t) => {
    const origin = await startRawOrigin(t, () => OK);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', [...connection, 'If-Match: "v0"'], 'x'), 400);
    t.same(origin.bytes(), []);
  });
}

t.test('what an answer to a probe names in Connection is of that hop, and not for the client', async (t) => {
  const hop = [
    'Connection: access-control-allow-origin, WWW-Authenticate, Content-Language, Content-Location',
    'Access-Control-Allow-Origin: *',
    'WWW-Authenticate: Basic realm="hop"',
    'Content-Language: en',
    'Content-Location: /hop',
    'Access-Control-Expose-Headers: ETag',
    'Content-Length: 0',
  ].join('\r\n');
  const origin = await startRawOrigin(t, ({ target }) =>
    target === '/doc'
      ? `HTTP/1.1 200 OK\r\nETag: "v1"\r\n${hop}\r\n\r\n`
      : `HTTP/1.1 401 Unauthorized\r\n${hop}\r\n\r\n`,
  );
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  for (const [target, preference, status] of [
    ['/doc', [], 412],
    ['/doc', ['Prefer: return=representation'], 412],
    ['/secret', [], 401],
  ] as const) {
    const fields = ['If-Match: "v0"', ...preference];
    const response = await exchange(ifmatch.port, 'PUT', target, fields, 'x');
    t.equal(response.status, status);
    for (const name of ['access-control-allow-origin', 'www-authenticate', 'content-language'])
      t.equal(response.field(name), undefined, `${status}: ${name}`);
    t.equal(response.field('access-control-expose-headers'), 'ETag', 'the others are');
    t.equal(response.field('content-location'), preference.length > 0 ? '/doc' : undefined);
  }
});

t.test('Via is added to what goes to the origin, after what was there', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  await exchange(ifmatch.port, 'PUT', '/doc', ['Via: 1.1 edge', 'If-Match: "v1"'], 'x');
  await exchange(ifmatch.port, 'GET', '/doc');
  for (const method of ['HEAD', 'PUT'])
    t.match(named(linesOf(origin, method), 'via').join(', '), /^1\.1 edge, 1\.1 ifmatch/);
  t.match(named(linesOf(origin, 'GET'), 'via').join(', '), /^1\.1 ifmatch/);
});

t.test('repeated lines keep their number, order and spelling, both ways', async (t) => {
  const cookies = 'Set-Cookie: a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT\r\nSet-Cookie: b=2\r\n';
  const origin = await startRawOrigin(
    t,
    () =>
      `HTTP/1.1 200 OK\r\nX-List: 1\r\n${cookies}X-List: 2, 3\r\nWarning: 199 - "x"\r\nContent-Length: 0\r\n\r\n`,
  );
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const response = await exchange(
    ifmatch.port,
    'PUT',
    '/doc',
    ['X-List: b', 'X-Other: 1', 'X-List: a,c', 'X-List:'],
    'x',
  );
  t.same(named(linesOf(origin, 'PUT'), 'x-list'), ['b', 'a,c', '']);
  t.same(response.all('x-list'), ['1', '2, 3']);
  t.same(response.all('set-cookie'), ['a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT', 'b=2']);
  t.equal(response.field('warning'), '199 - "x"');
});

t.test('octets above 7F survive both ways and count in a tag', async (t) => {
  const origin = await startRawOrigin(
    t,
    () => 'HTTP/1.1 200 OK\r\nETag: "caf\xe9\xff"\r\nX-Name: \x80\xe9\xff\r\nContent-Length: 0\r\n\r\n',
  );
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const fields = ['If-Match: "caf\xe9\xff"', 'X-Name: J\xf6rg \xc3\xb6'];
  const written = await exchange(ifmatch.port, 'PUT', '/doc', fields, 'x');
  t.equal(written.status, 200);
  t.equal(written.field('etag'), '"caf\xe9\xff"');
  t.equal(written.field('x-name'), '\x80\xe9\xff');
  t.same(named(linesOf(origin, 'PUT'), 'if-match'), ['"caf\xe9\xff"']);
  t.same(named(linesOf(origin, 'PUT'), 'x-name'), ['J\xf6rg \xc3\xb6']);
  const refused = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "cafe"'], 'x');
  t.equal(refused.status, 412);
  t.equal(refused.field('etag'), '"caf\xe9\xff"');
});

t.test('what a client claims about where it comes from is replaced', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const claims = [
    ...['X-Forwarded-For: 1.2.3.4', 'Forwarded: for=1.2.3.4', 'X-Real-IP: 1.2.3.4'],
    ...['X-Forwarded-Host: evil.test', 'X-Forwarded-Proto: https'],
  ];
  await exchange(ifmatch.port, 'PUT', '/doc', [...claims, 'If-Match: "v1"'], 'x');
  for (const method of ['HEAD', 'PUT']) {
    const lines = linesOf(origin, method);
    t.same(named(lines, 'x-forwarded-for'), ['127.0.0.1']);
    t.notMatch(lines.join('\n'), /1\.2\.3\.4|evil\.test/);
    t.notMatch(named(lines, 'x-forwarded-proto').join(), /https/);
    t.same(named(lines, 'host'), ['legacy.example'], 'Host is preserved');
  }
});

t.test('a trusted peer is believed', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'trust: [127.0.0.1/32]' });
  await exchange(ifmatch.port, 'PUT', '/doc', ['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Proto: https'], 'x');
  t.match(named(linesOf(origin, 'PUT'), 'x-forwarded-for').join(', '), /^1\.2\.3\.4, 127\.0\.0\.1$/);
  t.same(named(linesOf(origin, 'PUT'), 'x-forwarded-proto'), ['https']);
});

t.test("fields of the origin's own connection do not reach the client", async (t) => {
  const hop =
    'Connection: x-int, close\r\nX-Int: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: X\r\nTE: x\r\n';
  const origin = await startRawOrigin(
    t,
    () => `HTTP/1.1 200 OK\r\n${hop}ETag: "v1"\r\nX-Keep: 1\r\nContent-Length: 2\r\n\r\nok`,
  );
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  for (const method of ['GET', 'PUT']) {
    const response = await exchange(ifmatch.port, method, '/doc', [], method === 'PUT' ? 'x' : undefined);
    t.equal(response.status, 200);
    t.equal(response.field('x-keep'), '1');
    for (const name of ['x-int', 'proxy-authenticate', 'upgrade', 'trailer', 'te']) {
      t.equal(response.field(name), undefined, `${method}: ${name}`);
    }
    t.notMatch(response.field('connection') ?? '', /x-int/);
    t.not(response.field('keep-alive'), 'timeout=5, of the origin');
    t.ok(response.field('date'), 'a Date is added where the origin sent none');
  }
});

const single = [
  { name: 'Host', value: 'legacy.example' },
  { name: 'Authorization', value: 'Bearer abc' },
  { name: 'Content-Type', value: 'text/plain' },
];
for (const { name, value } of single) {
  t.test(`two lines of ${name}, which is no list, are refused`, async (t) => {
    const origin = await startRawOrigin(t, () => OK);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const fields = [`${name}: ${value}`, `${name}: ${value}`, 'If-Match: "v0"'];
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', fields, 'x'), 400);
    t.same(origin.bytes(), []);
  });
}

t.test('two lines of If-Unmodified-Since are ignored, and nothing else with them', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const date = 'If-Unmodified-Since: Tue, 15 Nov 1994 12:45:26 GMT';
  problem(t, await exchange(ifmatch.port, 'PUT', '/doc', [date, date, 'If-Match: "v0"'], 'x'), 412);
  t.equal(origin.count('PUT'), 0);
});

t.test('names that are special in JavaScript are names like others', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const fields = ['constructor: y', 'toString: z', 'hasOwnProperty: 1', 'If-Match: "v1"'];
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['__proto__: x', ...fields], 'x')).status, 200);
  t.same(named(linesOf(origin, 'PUT'), 'constructor'), ['y']);
});

for (const reason of ['Cr\xe9\xe9', 'Cr\xc3\xa9\xc3\xa9', 'A\tB', '']) {
  t.test(`a reason phrase is no reason to fail: ${JSON.stringify(reason)}`, async (t) => {
    const origin = await startRawOrigin(t, () => `HTTP/1.1 201 ${reason}\r\nContent-Length: 2\r\n\r\nok`);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    for (const method of ['GET', 'PUT']) {
      const response = await exchange(ifmatch.port, method, '/doc', [], method === 'PUT' ? 'x' : undefined);
      t.equal(response.status, 201);
      t.equal(response.content, 'ok');
    }
  });
}
