// The demo's wiki alone: what it stores, what it shows, and that it looks at no condition.
import t, { type Test } from 'tap';
import { startWiki } from '../../src/demo/wiki.ts';

async function wikiFor(test: Test): Promise<string> {
  const wiki = await startWiki({ host: '127.0.0.1', port: 0 });
  test.teardown(() => wiki.stop());
  return wiki.url;
}

const put = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'PUT', body, headers });

t.test('a write stores the text as it came, with a new entity-tag', async (t) => {
  const home = `${await wikiFor(t)}/wiki/home`;
  const first = (await fetch(home)).headers.get('etag');
  const saved = await put(home, 'größer\r\n');
  t.equal(saved.status, 200);
  const now = await fetch(home);
  t.equal(await now.text(), 'größer\r\n');
  t.match(now.headers.get('etag'), /^"r\d+"$/);
  t.equal(now.headers.get('etag'), saved.headers.get('etag'));
  t.not(now.headers.get('etag'), first);
  t.ok(Date.parse(now.headers.get('last-modified') ?? ''));
  t.equal(now.headers.get('content-type'), 'text/plain; charset=utf-8');
});

t.test('the same text stored again gets a new entity-tag', async (t) => {
  const home = `${await wikiFor(t)}/wiki/home`;
  const tags = [await put(home, 'x'), await put(home, 'x')].map((answer) => answer.headers.get('etag'));
  t.not(tags[0], tags[1]);
});

const ignored = [
  { name: 'If-Match', field: { 'If-Match': '"not this"' } },
  { name: 'If-None-Match', field: { 'If-None-Match': '*' } },
  { name: 'If-Unmodified-Since', field: { 'If-Unmodified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' } },
];
for (const row of ignored) {
  t.test(`a false ${row.name} does not stop a write`, async (t) => {
    const home = `${await wikiFor(t)}/wiki/home`;
    t.equal((await put(home, 'last', row.field)).status, 200);
    t.equal(await (await fetch(home)).text(), 'last');
  });
}

t.test('a read with the current If-None-Match gets the whole text', async (t) => {
  const home = `${await wikiFor(t)}/wiki/home`;
  const etag = (await fetch(home)).headers.get('etag') ?? '';
  t.equal((await fetch(home, { headers: { 'If-None-Match': etag } })).status, 200);
});

t.test('of two writers at once both are told that they saved, and one text is left', async (t) => {
  const home = `${await wikiFor(t)}/wiki/home`;
  const etag = (await fetch(home)).headers.get('etag') ?? '';
  const answers = await Promise.all(['a', 'b'].map((text) => put(home, text, { 'If-Match': etag })));
  t.same(
    answers.map((answer) => answer.status),
    [200, 200],
  );
  t.match(await (await fetch(home)).text(), /^[ab]$/);
});

for (const accept of ['text/plain', 'text/html,*/*;q=0.8']) {
  t.test(`HEAD has the fields of GET for Accept: ${accept}`, async (t) => {
    const home = `${await wikiFor(t)}/wiki/home`;
    const fieldsOf = async (method: string) => {
      const answer = await fetch(home, { method, headers: { Accept: accept } });
      return [...answer.headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name));
    };
    const head = await fieldsOf('HEAD');
    t.same(head, await fieldsOf('GET'));
    t.ok(head.some(([name]) => name === 'content-length'));
  });
}

t.test('a browser gets the page, anybody else the text', async (t) => {
  const url = await wikiFor(t);
  const page = await fetch(`${url}/wiki/no-such-page`, { headers: { Accept: 'text/html,*/*;q=0.8' } });
  t.equal(page.status, 200);
  t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  t.match(page.headers.get('vary'), /\bAccept\b/);
  t.ok((await page.text()).includes(`data-wiki="${url}"`), 'it knows the wiki’s own address');
  t.equal((await fetch(`${url}/wiki/home`)).headers.get('vary'), page.headers.get('vary'));
});

t.test('the page bears no entity-tag, so that no cache revalidates it as the text', async (t) => {
  const page = await fetch(`${await wikiFor(t)}/wiki/home`, { headers: { Accept: 'text/html' } });
  t.equal(page.headers.get('etag'), null);
  t.equal(page.headers.get('cache-control'), 'no-store');
});

t.test('POST stores as PUT does', async (t) => {
  const home = `${await wikiFor(t)}/wiki/home`;
  t.equal((await fetch(home, { method: 'POST', body: 'posted' })).status, 200);
  t.equal(await (await fetch(home)).text(), 'posted');
});

t.test('a page is made, removed and made again under a tag it never had', async (t) => {
  const url = `${await wikiFor(t)}/wiki/new%20page`;
  t.equal((await fetch(url)).status, 404);
  const made = await put(url, 'x');
  t.equal(made.status, 201);
  t.equal((await fetch(url, { method: 'DELETE' })).status, 204);
  t.equal((await fetch(url)).status, 404);
  t.equal((await fetch(url, { method: 'DELETE' })).status, 404);
  const again = await put(url, 'x');
  t.equal(again.status, 201);
  t.not(again.headers.get('etag'), made.headers.get('etag'));
});

t.test('a text of 256 KiB is stored, one byte more is 413 and changes nothing', async (t) => {
  const home = `${await wikiFor(t)}/wiki/home`;
  const longest = 'x'.repeat(256 * 1024);
  t.equal((await put(home, longest)).status, 200);
  t.equal((await put(home, `${longest}y`)).status, 413);
  t.equal(await (await fetch(home)).text(), longest);
});

t.test('a page of another web origin may write with If-Match and read the new ETag', async (t) => {
  const home = `${await wikiFor(t)}/wiki/home`;
  const Origin = 'http://127.0.0.1:8080';
  const preflight = await fetch(home, {
    method: 'OPTIONS',
    headers: { Origin, 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'if-match' },
  });
  t.equal(preflight.status, 204);
  t.equal(preflight.headers.get('access-control-allow-origin'), Origin);
  t.match(preflight.headers.get('access-control-allow-methods'), /\bPUT\b/);
  t.match(preflight.headers.get('access-control-allow-headers'), /If-Match.*Content-Type/);
  const saved = await put(home, 'x', { Origin });
  t.equal(saved.headers.get('access-control-allow-origin'), Origin);
  t.equal(saved.headers.get('access-control-expose-headers'), 'ETag');
  t.match(saved.headers.get('vary'), /\bOrigin\b/);
});

const elsewhere = [
  { name: 'an unknown path', path: '/nothing', method: 'GET', status: 404 },
  { name: 'a name of two segments', path: '/wiki/a/b', method: 'PUT', status: 404 },
  { name: 'no name', path: '/wiki/', method: 'PUT', status: 404 },
  { name: 'a name that is not UTF-8', path: '/wiki/%ff', method: 'GET', status: 404 },
  { name: 'the root', path: '/', method: 'GET', status: 302 },
  { name: 'a method it does not know', path: '/wiki/home', method: 'PATCH', status: 405 },
];
for (const row of elsewhere) {
  t.test(`${row.name} is answered ${row.status}`, async (t) => {
    const answer = await fetch((await wikiFor(t)) + row.path, { method: row.method, redirect: 'manual' });
    t.equal(answer.status, row.status);
    if (row.status === 302) t.equal(answer.headers.get('location'), '/wiki/home');
  });
}
