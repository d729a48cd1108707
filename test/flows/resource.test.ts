// Writes whose validator belongs to another URL, spellings of one resource, and the queue in front of it.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
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
