// A conditional write, end to end: true passes once, false never reaches the origin, and the 412 says what to do.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';

const methods = [
  { method: 'PUT', content: 'new' },
  { method: 'PATCH', content: '{"a":1}' },
  { method: 'POST', content: 'more' },
  { method: 'DELETE', content: undefined },
] as const;

for (const { method, content } of methods) {
  t.test(`${method} with the current tag is performed once and answered by the origin`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const etag = origin.store('/doc', 'old');
    const response = await exchange(ifmatch.port, method, '/doc', [`If-Match: ${etag}`], content);
    t.equal(response.status, method === 'DELETE' ? 204 : 200);
    t.equal(response.field('etag'), origin.etag('/doc'), "the new tag is the origin's own");
    t.equal(origin.applied.length, 1);
    t.equal(origin.applied[0]?.ifMatch, etag, 'the origin may check once more');
    t.equal(origin.content('/doc'), content);
    await ifmatch.idle();
  });

  t.test(`${method} with a stale tag is refused and never reaches the origin`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const stale = origin.store('/doc', 'old');
    const current = origin.store('/doc', 'newer');
    const response = await exchange(ifmatch.port, method, '/doc', [`If-Match: ${stale}`], content);
    const body = problem(t, response, 412);
    t.equal(body.title, 'Precondition Failed');
    t.equal(body.field?.toLowerCase(), 'if-match');
    t.equal(body.sent, stale);
    t.match(body.detail, /GET|read|fetch/i, 'the next step is to read again');
    t.equal(response.field('etag'), current);
    t.equal(response.field('last-modified'), origin.lastModified('/doc'));
    t.equal(origin.seen(method).length, 0);
    t.equal(origin.content('/doc'), 'newer');
    await ifmatch.idle();
  });
}

t.test('If-None-Match: * creates once', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const first = await exchange(ifmatch.port, 'PUT', '/new', ['If-None-Match: *'], 'mine');
  const second = await exchange(ifmatch.port, 'PUT', '/new', ['If-None-Match: *'], 'yours');
  t.equal(first.status, 201);
  const body = problem(t, second, 412);
  t.equal(body.field?.toLowerCase(), 'if-none-match');
  t.equal(body.sent, '*');
  t.equal(second.field('etag'), origin.etag('/new'));
  t.equal(origin.content('/new'), 'mine');
});

const refused = [
  { name: 'If-Match: * on nothing', fields: () => ['If-Match: *'], exists: false, field: 'if-match' },
  { name: 'a tag on nothing', fields: () => ['If-Match: "x"'], exists: false, field: 'if-match' },
  {
    name: 'a weak spelling',
    fields: (tag: string) => [`If-Match: W/${tag}`],
    exists: true,
    field: 'if-match',
  },
  {
    name: 'a present tag',
    fields: (tag: string) => [`If-None-Match: "a", W/${tag}`],
    exists: true,
    field: 'if-none-match',
  },
  {
    name: 'an old date',
    fields: () => ['If-Unmodified-Since: Tue, 15 Nov 1994 12:45:26 GMT'],
    exists: true,
    field: 'if-unmodified-since',
  },
];
for (const row of refused) {
  t.test(`412 for ${row.name}`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const etag = row.exists ? origin.store('/doc', 'old') : '';
    const response = await exchange(ifmatch.port, 'PUT', '/doc', row.fields(etag), 'new');
    t.equal(problem(t, response, 412).field?.toLowerCase(), row.field);
    t.equal(origin.seen('PUT').length, 0);
  });
}

const performed = [
  { name: 'one member of a list', fields: (tag: string) => [`If-Match: "a", ${tag},, "b,c"`] },
  { name: 'a list over two lines', fields: (tag: string) => ['If-Match: "a"', `If-Match: ${tag}`] },
  { name: 'If-Match: *', fields: () => ['If-Match: *'] },
  { name: 'another tag in If-None-Match', fields: () => ['If-None-Match: "a"'] },
  {
    name: 'If-Match over an old If-Unmodified-Since',
    fields: (tag: string) => ['If-Unmodified-Since: Tue, 15 Nov 1994 12:45:26 GMT', `If-Match: ${tag}`],
  },
];
for (const row of performed) {
  t.test(`performed for ${row.name}`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const etag = origin.store('/doc', 'old');
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', row.fields(etag), 'new')).status, 200);
    t.equal(origin.applied.length, 1);
  });
}

for (const value of ['r1', "'r1'", '"r1', '', ' ', '*, "r1"', '"r1" "r2"']) {
  t.test(`400 names the malformed field: If-Match: ${value}`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    origin.store('/doc', 'old');
    const response = await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${value}`], 'new');
    const body = problem(t, response, 400);
    t.match(JSON.stringify(body), /if-match/i);
    t.equal(origin.seen('PUT').length, 0);
  });
}

t.test('the probe is a HEAD with the credentials and without what belongs to the write', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc?rev=1', 'old');
  const fields = [
    'Host: legacy.example:8080',
    `If-Match: ${etag}`,
    'If-Unmodified-Since: Tue, 15 Nov 1994 12:45:26 GMT',
    'Authorization: Bearer abc',
    'Cookie: a=1; b=2',
    'Accept: text/plain',
    'Accept-Language: en',
    'Origin: https://app.example',
    'X-Tenant: 7',
    'Content-Type: text/plain',
    'Content-Language: en',
    'Content-Range: bytes 0-2/3',
    'Range: bytes=0-1',
    'Cache-Control: only-if-cached, max-stale=99',
    'X-HTTP-Method-Override: DELETE',
  ];
  await exchange(ifmatch.port, 'PUT', '/doc?rev=1', fields, 'new');
  const [probe] = origin.requests;
  const names = (probe?.fields ?? []).filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  const value = (name: string) => probe?.fields[2 * names.indexOf(name) + 1];
  t.equal(probe?.method, 'HEAD');
  t.equal(probe?.target, '/doc?rev=1', 'byte for byte');
  for (const name of names) {
    t.notMatch(name, /^(content-|if-|range$|expect$|trailer$|transfer-encoding$|x-http-method-override$)/);
  }
  t.equal(value('host'), 'legacy.example:8080');
  t.equal(value('authorization'), 'Bearer abc');
  t.equal(value('cookie'), 'a=1; b=2');
  t.equal(value('accept'), 'text/plain');
  t.equal(value('accept-language'), 'en');
  t.equal(value('origin'), 'https://app.example');
  t.equal(value('x-tenant'), '7');
  t.equal(value('cache-control'), 'no-cache');
});

t.test('the connection to the client goes on after a 412', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', 'old');
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/doc', ['If-Match: "stale"'], 'a'));
  t.equal((await client.response()).status, 412);
  client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'b'));
  t.equal((await client.response()).status, 200);
  client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'c'));
  t.equal((await client.response()).status, 412, 'the tag that has just been used up');
  t.equal(origin.content('/doc'), 'b');
  client.close();
});
