// Writes whose validator belongs to another URL, spellings of one resource, and the queue in front of it.

import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import type { RawResponse } from '../fixtures/raw-response.ts';
import { gate, until } from '../fixtures/until.ts';

const ORDERS = 'routes:\n  - path: /orders/:id/approve\n    resource: /orders/:id';
const API = "routes:\n  - path: /api.php\n    resource: '/api.php?id={query.id}'";

t.test('resource: the other URL is probed, and the write goes where it was sent', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: ORDERS });
  const etag = origin.store('/orders/1', 'order');
  problem(
    t,
    await exchange(ifmatch.port, 'POST', '/orders/1/approve?by=me', ['If-Match: "stale"'], 'x'),
    412,
  );
  t.equal(origin.applied.length, 0);
  const approved = await exchange(
    ifmatch.port,
    'POST',
    '/orders/1/approve?by=me',
    [`If-Match: ${etag}`],
    'x',
  );
  t.equal(approved.status, 201);
  t.same(
    origin.requests.map(({ method, target }) => `${method} ${target}`),
    ['HEAD /orders/1', 'HEAD /orders/1', 'POST /orders/1/approve?by=me'],
  );
});

const sharedBy = [
  { name: 'the URL itself', yaml: ORDERS },
  {
    name: 'a URL whose own route names another one',
    yaml: `${ORDERS}\n  - path: /orders/:id\n    resource: /orders/:id?view=full`,
  },
  {
    name: 'a URL with a query, and the URL',
    yaml: 'routes:\n  - path: /orders/:id/approve\n    resource: /orders/:id?view=full',
  },
  { name: 'a URL of which only one route takes any case', yaml: `${ORDERS}\n    case: insensitive` },
];

for (const { name, yaml } of sharedBy)
  t.test(`resource: one lock for ${name}`, async (t) => {
    const write = gate();
    const origin = await startOrigin(t, { delay: () => write.opened });
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
    const [first, second] = [await connect(ifmatch.port), await connect(ifmatch.port)];
    first.send(bytesOf('PUT', '/orders/A1', [], 'x'));
    await until(() => origin.seen('PUT').length === 1, 'the first write arrives');
    second.send(bytesOf('POST', '/orders/A1/approve', [], 'x'));
    await until(() => ifmatch.lock().waiting === 1, 'the second waits');
    write.open();
    t.equal((await first.response()).status, 201);
    t.equal((await second.response()).status, 201);
    first.close();
    second.close();
  });

const MOVED = 'Location: /v2/orders/5';
const otherUrl: { method: string; status: number; field: string; told: boolean }[] = [
  { method: 'PUT', status: 301, field: MOVED, told: false },
  { method: 'PUT', status: 302, field: 'Location: 5b', told: false },
  { method: 'PUT', status: 303, field: MOVED, told: true },
  { method: 'PUT', status: 307, field: MOVED, told: false },
  { method: 'PUT', status: 308, field: MOVED, told: false },
  { method: 'PUT', status: 405, field: 'Allow: PATCH', told: false },
  { method: 'POST', status: 301, field: MOVED, told: true },
  { method: 'POST', status: 302, field: 'Location: /login', told: true },
  { method: 'POST', status: 307, field: MOVED, told: false },
  { method: 'POST', status: 308, field: MOVED, told: false },
];
for (const { method, status, field, told } of otherUrl) {
  t.test(
    `resource: a ${status} is about the other URL, where no client writes by ${method} then`,
    async (t) => {
      const origin = await startRawOrigin(t, ({ target }) =>
        target === '/orders/5'
          ? `HTTP/1.1 ${status} X\r\n${field}\r\nContent-Length: 0\r\n\r\n`
          : 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n',
      );
      const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: ORDERS });
      const send = (target: string) => exchange(ifmatch.port, method, target, ['If-Match: "v1"'], 'x');
      const shown = (told: boolean, { field: lineOf }: RawResponse) =>
        t.same(
          [lineOf('location'), lineOf('allow')].filter((value) => value !== undefined),
          told ? [field.replace(/^.*: /, '')] : [],
        );
      const refused = await send('/orders/5/approve');
      const type = 'urn:ifmatch:probe-undecided';
      t.match(problem(t, refused, told ? status : 502), { type, detail: new RegExp(`${status}`) });
      shown(told, refused);
      await fetch(`${ifmatch.url}/orders/5/approve`, { method, headers: { 'If-Match': '"v1"' }, body: 'x' });
      t.equal(origin.count(method), 0);
      const own = await send('/orders/5');
      t.equal(own.status, status, 'what is asked for itself is told');
      shown(true, own);
    },
  );
}

t.test('resource: a write that holds many keys waits no longer for all of them than lock.wait', async (t) => {
  const pages = ['a', 'b', 'c', 'd'];
  const origin = await startOrigin(t, {
    delay: ({ target }) => setTimeout(400 * (1 + pages.indexOf(target[1] ?? ''))),
  });
  const routes = pages.map((page) => `  - { path: /${page}/save, resource: "/page?name=${page}" }`);
  const yaml = `lock: { wait: 500ms }\nroutes:\n${routes.join('\n')}`;
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  const writers = pages.map((page) => exchange(ifmatch.port, 'PUT', `/${page}/save`, [], 'x'));
  await until(() => origin.seen('PUT').length === pages.length, 'the writes to single pages arrive');
  // it may write to any of them, and each of them would be free in time if the wait began anew with it
  const refused = problem(t, await exchange(ifmatch.port, 'PUT', '/page', [], 'x'), 503);
  t.match(refused, { type: 'urn:ifmatch:lock-timeout', detail: /^Other writers held this resource for / });
  for (const { status } of await Promise.all(writers)) t.equal(status, 201);
  t.equal(origin.applied.length, pages.length);
  await ifmatch.idle();
});

t.test('resource: a member of the query names it; two of them are refused', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: API });
  const etag = origin.store('/api.php?id=7', 'seven');
  origin.store('/api.php?id=8', 'eight');
  const fields = [`If-Match: ${etag}`];
  t.equal((await exchange(ifmatch.port, 'PUT', '/api.php?a=1&id=7', fields, 'x')).status, 201);
  problem(t, await exchange(ifmatch.port, 'PUT', '/api.php?id=8', fields, 'x'), 412);
  const asked = origin.requests.length;
  for (const method of ['PUT', 'PROPFIND']) {
    problem(t, await exchange(ifmatch.port, method, '/api.php?id=7&id=8', fields, 'x'), 400);
  }
  t.equal(origin.requests.length, asked, 'neither is probed for');
  t.equal(origin.applied.length, 1);
  t.equal(origin.applied[0]?.target, '/api.php?a=1&id=7');
});

t.test('case: insensitive: both spellings wait for each other', async (t) => {
  const write = gate();
  const origin = await startOrigin(t, { delay: () => write.opened });
  const yaml = 'routes:\n  - path: /wiki/:page\n    case: insensitive';
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  const [first, second] = [await connect(ifmatch.port), await connect(ifmatch.port)];
  first.send(bytesOf('PUT', '/wiki/home', [], 'x'));
  await until(() => origin.seen('PUT').length === 1, 'the first write arrives');
  second.send(bytesOf('PUT', '/WIKI/Home', [], 'x'));
  await until(() => ifmatch.lock().waiting === 1, 'the second waits');
  write.open();
  await first.response();
  await second.response();
  t.equal(origin.applied[1]?.target, '/WIKI/Home', 'forwarded as it came');
  first.close();
  second.close();
});

t.test('weak: accept lets a weak tag satisfy If-Match', async (t) => {
  const origin = await startOrigin(t, {
    answer: ({ method }) => (method === 'HEAD' ? { status: 200, fields: ['ETag', 'W/"1"'] } : undefined),
  });
  const yaml = 'routes:\n  - path: /weak/:id\n    weak: accept';
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  t.equal((await exchange(ifmatch.port, 'PUT', '/weak/1', ['If-Match: W/"1"'], 'x')).status, 201);
  t.equal((await exchange(ifmatch.port, 'PUT', '/weak/1', ['If-Match: W/"2"'], 'x')).status, 412);
  t.equal((await exchange(ifmatch.port, 'PUT', '/strong/1', ['If-Match: W/"1"'], 'x')).status, 412);
});

t.test('a full queue is 503 with Retry-After at once; the others have their turn in order', async (t) => {
  const write = gate();
  const origin = await startOrigin(t, { delay: () => write.opened });
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'lock: { queue: 3 }' });
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect(ifmatch.port)));
  for (const [at, client] of clients.entries()) {
    client.send(bytesOf('PUT', '/doc', [], `${at}`));
    await until(() => ifmatch.lock().held + ifmatch.lock().waiting === at + 1, 'it is held or waits');
  }
  const refused = await exchange(ifmatch.port, 'PUT', '/doc', [], 'refused');
  problem(t, refused, 503);
  t.match(refused.field('retry-after'), /^[1-9]\d*$/);
  t.equal((await exchange(ifmatch.port, 'GET', '/doc')).status, 404, 'a read does not wait');
  write.open();
  for (const client of clients) {
    t.match((await client.response()).status, /^20[01]$/);
    client.close();
  }
  t.same(
    origin.applied.map(({ content }) => content.toString()),
    ['0', '1', '2', '3'],
  );
  await ifmatch.idle();
});

t.test('reads that hang and answers that nobody takes do not starve writes', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url, connections: 2, timeouts: { read: 60_000 } });
  const etag = origin.store('/doc', 'old');
  origin.on.answer = ({ target }) => {
    if (target === '/hangs') return { fault: 'hang' };
    return target === '/busy' ? { status: 503, content: 'x'.repeat(200_000) } : undefined;
  };
  for (let count = 0; count < 13; count++)
    t.equal((await exchange(ifmatch.port, 'GET', '/busy')).status, 503);
  const hanging = await Promise.all(Array.from({ length: 4 }, () => connect(ifmatch.port)));
  for (const client of hanging) client.send(bytesOf('GET', '/hangs'));
  await until(() => origin.requests.filter(({ target }) => target === '/hangs').length === 2, 'reads hang');
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'new')).status, 200);
  for (const client of hanging) client.close();
});
