// The probe as a target: what it carries, what it selects, where it goes.

import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { attackRaw } from '../fixtures/aftermath.ts';
import { startCanary } from '../fixtures/canary.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import type { RawRequest, RawScript } from '../fixtures/raw-origin.ts';
import { until } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';

const lines = ({ head }: RawRequest): string[] => head.split('\r\n').slice(1, -2);
const value = (request: RawRequest | undefined, name: string): string | undefined =>
  request === undefined
    ? undefined
    : lines(request)
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim();

const everything = [
  ...['Content-Type: a/b', 'Content-Encoding: identity', 'Content-Language: en', 'Content-Location: /x'],
  ...[
    'Content-MD5: x',
    'Content-Range: bytes 0-0/1',
    'Content-Disposition: inline',
    'Content-Digest: sha-256=:eA==:',
  ],
  ...[
    'Content-Features: x',
    'Content-Script-Type: x',
    'Content-Foo: x',
    'Repr-Digest: sha-256=:eA==:',
    'Digest: x',
  ],
  ...[
    'Trailer: X',
    'Range: bytes=0-0',
    'If-Range: "v1"',
    'If-Match: "v1"',
    'If-None-Match: "v2"',
    'If: (["v1"])',
  ],
  ...[
    'If-Modified-Since: Tue, 15 Nov 1994 12:45:26 GMT',
    'If-Unmodified-Since: Fri, 01 Jan 2038 00:00:00 GMT',
  ],
  ...[
    'X-HTTP-Method-Override: DELETE',
    'X-HTTP-Method: DELETE',
    'X-Method-Override: DELETE',
    'X-Original-URL: /x',
  ],
  ...[
    'X-Rewrite-URL: /x',
    'X-Original-URI: /x',
    'X-Forwarded-Prefix: /x',
    'X-Forwarded-Path: /x',
    'TE: trailers',
  ],
  ...[
    'Proxy-Authorization: Basic eA==',
    'Expect: 100-continue',
    'Max-Forwards: 3',
    'Cache-Control: only-if-cached',
  ],
  ...[
    'Pragma: x',
    'Authorization: Bearer secret',
    'Cookie: a=1',
    'Accept: a/b',
    'X-Keep: 1',
    'Origin: http://x',
  ],
];
const FORBIDDEN =
  /^(?:content-.*|transfer-encoding|expect|trailer|te|range|if|if-.*|.*digest|.*method.*|x-original-.*|x-rewrite-.*|x-forwarded-prefix|x-forwarded-path|proxy-.*|max-forwards|pragma)$/;

for (const probe of ['head', 'get', 'auto']) {
  for (const framing of ['length', 'chunks']) {
    t.test(`row 95: the probe by ${probe} of a write with every field and ${framing}`, async (t) => {
      const script: RawScript = ({ method }) =>
        method === 'HEAD' && probe === 'auto' ? 'HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n' : OK;
      const yaml = `routes:\n  - { path: /d/*, probe: ${probe} }`;
      const { origin, ifmatch, aftermath } = await attackRaw(t, script, { yaml });
      const target = '/d/%78//y;p?q=1&q=2';
      const client = await connect(ifmatch.port);
      const coding = framing === 'chunks' ? ['Transfer-Encoding: chunked'] : ['Content-Length: 2'];
      client.send(bytesOf('PUT', target, [...everything, ...coding]));
      await until(() => client.rest().includes('100 Continue'), 'the verdict comes, then the 100');
      client.send(framing === 'chunks' ? '2\r\nhi\r\n0\r\n\r\n' : 'hi');
      t.equal((await client.response()).status, 200);
      client.close();
      const write = origin.requests.find(({ method }) => method === 'PUT');
      t.match(write?.content, /hi/);
      t.match(value(write, 'content-range'), 'bytes 0-0/1', 'the write keeps it');
      const probes = origin.requests.filter(({ method }) => method !== 'PUT');
      t.ok(probes.length > 0);
      for (const request of probes) {
        const names = lines(request).map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
        t.same(
          names.filter((name) => FORBIDDEN.test(name)),
          [],
          `${request.method}: what is no business of a probe`,
        );
        t.equal(request.target, target);
        t.equal(request.content, '');
        for (const name of ['host', 'authorization', 'cookie', 'accept', 'x-keep', 'origin'])
          t.equal(value(request, name), value(write, name), name);
        t.same(
          lines(request).filter((line) => /^cache-control:/i.test(line)),
          ['Cache-Control: no-cache'],
        );
      }
      await aftermath();
    });
  }
}

t.test('row 96: no cache on the way answers the probe, whatever the client says about caches', async (t) => {
  const cached: RawScript = (request) => {
    if (request.method !== 'HEAD') return OK;
    const fresh = value(request, 'cache-control') === 'no-cache' && value(request, 'pragma') === undefined;
    return OK.replace('v1', fresh ? 'now' : 'old');
  };
  const { origin, ifmatch, aftermath } = await attackRaw(t, cached);
  const wishes = ['Cache-Control: only-if-cached, max-stale=999999', 'Cache-Control: max-stale', 'Pragma: x'];
  const send = (tag: string) => exchange(ifmatch.port, 'PUT', '/doc', [...wishes, `If-Match: ${tag}`], 'x');
  problem(t, await send('"old"'), 412);
  t.equal(origin.count('PUT'), 0);
  t.equal((await send('"now"')).status, 200);
  t.match(origin.requests.at(-1)?.head, /only-if-cached/, 'the write itself keeps what the client said');
  await aftermath();
});

t.test('row 101: a variant that the client chooses has its own tag, and is what is compared', async (t) => {
  const variant: RawScript = (request) => {
    const key = ['accept-encoding', 'accept', 'accept-language']
      .map((name) => value(request, name) ?? '')
      .join('-');
    return `HTTP/1.1 200 OK\r\nETag: "v1${key}"\r\nVary: Accept-Encoding, Accept, Accept-Language\r\nContent-Length: 0\r\n\r\n`;
  };
  const { origin, ifmatch, aftermath } = await attackRaw(t, variant);
  const send = (tag: string, ...fields: string[]) =>
    exchange(ifmatch.port, 'PUT', '/doc', [...fields, `If-Match: ${tag}`], 'x');
  const refused = await send('"v1--"', 'Accept-Encoding: gzip');
  problem(t, refused, 412);
  t.match(refused.field('vary'), /accept-encoding/i);
  problem(t, await send('"v1gzip--"'), 412);
  problem(t, await send('"v1--"', 'Accept: a/b', 'Accept-Language: de'), 412);
  t.equal(origin.count('PUT'), 0);
  t.equal(
    (await send('"v1gzip-a/b-de"', 'Accept-Encoding: gzip', 'Accept: a/b', 'Accept-Language: de')).status,
    200,
  );
  await aftermath();
});

t.test('row 102: several origins, of which one may be stale, are no configuration', async (t) => {
  for (const text of [
    'origin: [http://a:1, http://b:1]',
    'origin: { url: [http://a:1, http://b:1] }',
    'origin: http://a:1,http://b:1',
  ])
    t.hasProp(loadConfig({ text, env: {}, flags: {} }), 'faults', text);
});

t.test('row 103: a write by somebody else between probe and write is left to a capable origin', async (t) => {
  const capable: RawScript = (request) => {
    if (request.method === 'HEAD') return OK;
    const holds = value(request, 'if-match') === '"v2"';
    return holds ? OK : 'HTTP/1.1 412 Precondition Failed\r\nX-Origin: yes\r\nContent-Length: 0\r\n\r\n';
  };
  const { ifmatch, aftermath } = await attackRaw(t, capable);
  const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "v1"'], 'x');
  t.equal(response.status, 412);
  t.equal(response.field('x-origin'), 'yes');
  await aftermath();
});

t.test('rows 104 and 105: every connection goes to the origin, every target is a path', async (t) => {
  const { address, visits } = await startCanary(t);
  const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK);
  const targets = [
    ...[
      '/x',
      `/http://${address}/`,
      `//${address}/`,
      `/@${address}/`,
      `/x?http://${address}/`,
      '/%20HTTP/1.1',
    ],
    ...[
      `http://${address}/x`,
      `//${address}`,
      '/a%20b',
      '/a%0d%0aHost:%20evil',
      '/x%0aGET%20/evil',
      `/\\${address}/`,
    ],
  ];
  const evil = [
    [`Host: ${address}`],
    [`X-Forwarded-Host: ${address}`],
    [`Forwarded: host=${address}`],
    [`X-Host: ${address}`],
  ];
  for (const target of targets) {
    for (const fields of evil) {
      for (const [method, content] of [
        ['PUT', 'x'],
        ['GET', undefined],
        ['OPTIONS', undefined],
      ] as const)
        await exchange(ifmatch.port, method, target, [...fields, 'If-Match: "v1"'], content);
    }
  }
  t.equal(visits(), 0);
  t.ok(origin.requests.length > 50);
  for (const { head } of origin.requests) t.match(head, /^[A-Z]+ \/[^ ]* HTTP\/1\.1\r\n/);
  await aftermath();
});
