// Prefer: return=representation on a 412 gives the client what it needs to decide anew (RFC 8144 section 3.2).

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';

t.test('the 412 carries the current representation', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', '{"current":true}', 'application/vnd.doc+json');
  const fields = [
    'If-Match: "stale"',
    'Prefer: respond-async, return=representation',
    'Authorization: Bearer abc',
  ];
  const response = await exchange(ifmatch.port, 'PUT', '/doc', fields, 'new');
  t.equal(response.status, 412);
  t.equal(response.content, '{"current":true}');
  t.equal(response.field('content-type'), 'application/vnd.doc+json');
  t.equal(response.field('etag'), etag);
  t.equal(response.field('content-location'), '/doc');
  t.match(response.field('preference-applied'), /return=representation/);
  t.match(response.field('proxy-status'), /^ifmatch\b/);
  t.match(response.field('cache-control'), /no-store/);
  t.equal(origin.seen('PUT').length, 0);
  const [get] = origin.seen('GET');
  t.match(get?.fields.join('\n'), /Bearer abc/, "seen with this client's own credentials");
  await ifmatch.idle();
});

t.test(
  'a target that may be an authority: its representation is not said to be that one of another server',
  async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const target = '//evil.example/doc?a';
    origin.store(target, 'current');
    const fields = ['If-Match: "stale"', 'Prefer: return=representation'];
    const response = await exchange(ifmatch.port, 'PUT', target, fields, 'new');
    t.equal(response.content, 'current');
    const location = response.field('content-location') ?? '';
    t.equal(new URL(location, 'http://legacy.example/').href, 'http://legacy.example//evil.example/doc?a');
  },
);

for (const [told, shown] of [
  ['5.json', '/orders/5'],
  ['?as=json', '/orders/5'],
  ['/orders/5.json', '/orders/5.json'],
  ['http://legacy.example/orders/5.json', 'http://legacy.example/orders/5.json'],
] as const) {
  t.test(`resource: Content-Location: ${told} is relative to where the representation is from`, async (t) => {
    const origin = await startOrigin(t, {
      answer: () => ({ status: 200, fields: ['ETag', '"v1"', 'Content-Location', told], content: 'current' }),
    });
    const yaml = 'routes: [{ path: "/orders/:id/approve", resource: "/orders/:id" }]';
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
    const fields = ['If-Match: "stale"', 'Prefer: return=representation'];
    const response = await exchange(ifmatch.port, 'POST', '/orders/5/approve', fields, 'new');
    t.equal(response.content, 'current');
    t.same(response.all('content-location'), [shown]);
    const own = await exchange(ifmatch.port, 'PUT', '/orders/5', fields, 'new');
    t.same(own.all('content-location'), [told], "the origin's own, of what was asked for");
  });
}

const plain = [
  { name: 'no preference', fields: [] },
  { name: 'return=minimal', fields: ['Prefer: return=minimal'] },
  { name: 'another preference', fields: ['Prefer: wait=10'] },
  { name: 'text within another', fields: ['Prefer: note="as before, return=representation"'] },
];
for (const { name, fields } of plain) {
  t.test(`${name}: a problem, and no preference applied`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    origin.store('/doc', 'current');
    const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"', ...fields], 'new');
    problem(t, response, 412);
    t.equal(response.field('preference-applied'), undefined);
    t.equal(origin.seen('GET').length, 0);
  });
}

t.test('nothing to return: a plain 412', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const fields = ['If-Match: "stale"', 'Prefer: return=representation'];
  const response = await exchange(ifmatch.port, 'PUT', '/missing', fields, 'new');
  problem(t, response, 412);
  t.equal(response.field('preference-applied'), undefined);
});

t.test('a representation that cannot be read: a plain 412', async (t) => {
  const origin = await startOrigin(t, {
    answer: ({ method }) => (method === 'GET' ? { status: 500 } : undefined),
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  origin.store('/doc', 'current');
  const fields = ['If-Match: "stale"', 'Prefer: return=representation'];
  const response = await exchange(ifmatch.port, 'PUT', '/doc', fields, 'new');
  problem(t, response, 412);
  t.equal(response.field('preference-applied'), undefined);
});

t.test('a write that is performed keeps its preference', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', 'current');
  await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`, 'Prefer: return=representation'], 'new');
  t.match(origin.applied[0]?.fields.join('\n'), /Prefer\nreturn=representation/i);
});
