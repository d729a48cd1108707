// Clients that want to keep a lock from others: by slowness and by numbers.

import t from 'tap';
import { attackLegacy, attackRaw } from '../fixtures/aftermath.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, type RawClient } from '../fixtures/raw-client.ts';
import type { RawResponse } from '../fixtures/raw-response.ts';
import { gate, settle, until } from '../fixtures/until.ts';

// Some of these wait for a deadline.
t.jobs = 8;

/** Sends a byte every 20 ms until the connection ends. */
function drip(client: RawClient): void {
  const timer = setInterval(() => client.send('x'), 20);
  client.socket.once('close', () => clearInterval(timer));
}

t.test('row 106: content that is still on its way holds no lock', async (t) => {
  const { origin, ifmatch, aftermath } = await attackLegacy(t);
  const etag = origin.store('/doc', 'old');
  const [slow, other] = [await connect(ifmatch.port), await connect(ifmatch.port)];
  slow.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`, 'Content-Length: 1000'], 'x'));
  await settle();
  t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
  other.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'quick'));
  t.equal((await other.response()).status, 200, 'the other is not held up');
  slow.send('x'.repeat(999));
  problem(t, await slow.response(), 412);
  t.same(
    origin.applied.map(({ content }) => content.toString()),
    ['quick'],
  );
  slow.close();
  other.close();
  await aftermath();
});

const slowness = [
  { name: 'silent content', yaml: 'limits: { idle: 200ms }', drips: false },
  { name: 'content that drips', yaml: 'limits: { idle: 200ms, upload: 500ms }', drips: true },
];
for (const { name, yaml, drips } of slowness) {
  for (const condition of [true, false]) {
    t.test(`row 106: ${name} ends with 408, ${condition ? 'conditional' : 'unconditional'}`, async (t) => {
      const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml });
      const etag = origin.store('/doc', 'old');
      const client = await connect(ifmatch.port);
      const fields = condition ? [`If-Match: ${etag}`] : [];
      client.send(bytesOf('PUT', '/doc', [...fields, 'Content-Length: 100000'], 'x'));
      if (drips) drip(client);
      problem(t, await client.response(), 408);
      client.close();
      t.equal(origin.seen('PUT').length, 0);
      await aftermath();
    });
  }
}

t.test(
  'row 106: a large upload that stalls under the lock is cut off; who waits is answered in time',
  async (t) => {
    const yaml = 'buffer: 4KiB\nlimits: { idle: 600ms }\nlock: { wait: 150ms }';
    const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml });
    const etag = origin.store('/doc', 'old');
    const [slow, other] = [await connect(ifmatch.port), await connect(ifmatch.port)];
    slow.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`, 'Content-Length: 100000'], 'x'.repeat(20_000)));
    await until(() => origin.seen('PUT').length === 1, 'the upload flows');
    other.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'quick'));
    const waited = await other.response();
    problem(t, waited, 503);
    t.match(waited.field('retry-after'), /^[1-9]\d*$/);
    const { type } = problem(t, await slow.response(), 502);
    t.equal(
      type,
      'urn:ifmatch:write-unknown',
      'a 408 would say that nothing was applied, of which a part was sent',
    );
    t.equal(origin.seen('PUT')[0]?.complete, false, 'the origin sees that it is not complete');
    t.same(origin.applied, []);
    slow.close();
    other.close();
    await aftermath();
  },
);

const answers = [
  { name: '900 kB', size: 900_000, method: 'PUT', content: 'new' },
  { name: '900 kB', size: 900_000, method: 'DELETE', content: undefined },
  { name: '900 kB', size: 900_000, method: 'POST', content: 'new' },
  // more than is taken off the origin's hands: its side ends when its time is over
  { name: '8 MB', size: 8_000_000, method: 'PUT', content: 'new' },
];
for (const { name, size, method, content } of answers) {
  t.test(
    `row 108: ${method}: an answer of ${name} that the client does not read holds no lock`,
    async (t) => {
      const { origin, ifmatch, aftermath } = await attackLegacy(t);
      const etag = origin.store('/doc', 'old');
      origin.on.answer = (request) =>
        request.method === method && request.target === '/doc'
          ? { apply: true, status: 200, content: 'x'.repeat(size) }
          : undefined;
      const reader = await connect(ifmatch.port);
      reader.socket.pause();
      reader.send(bytesOf(method, '/doc', [`If-Match: ${etag}`], content));
      await until(() => origin.applied.length === 1, 'the write is applied');
      const next = await connect(ifmatch.port);
      next.send(bytesOf('PATCH', '/doc', [], 'next'));
      t.equal(
        (await next.response()).status,
        method === 'DELETE' ? 201 : 200,
        'the next writer has its turn',
      );
      t.equal(reader.socket.bytesRead < size, true, 'the client has not read it');
      reader.close();
      next.close();
      await aftermath();
    },
  );
}

const CROWD = 1000;
const QUEUE = 100;

t.test(`row 111: of ${CROWD} writers of one resource the queue takes its number, in order`, async (t) => {
  const held = gate();
  // the crowd may take a while to arrive
  const { origin, ifmatch, aftermath } = await attackLegacy(
    t,
    { yaml: 'lock: { wait: 60s }' },
    { delay: () => held.opened },
  );
  const clients: RawClient[] = [];
  const send = async (): Promise<RawClient> => {
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/doc', [], `${clients.push(client) - 1}`));
    return client;
  };
  await send();
  await until(() => origin.seen('PUT').length === 1, 'the first holds the lock');
  for (let n = 1; n <= QUEUE; n++) {
    await send();
    await until(() => ifmatch.lock().waiting === n, `${n} wait`);
  }
  const others = await Promise.all(Array.from({ length: CROWD - QUEUE - 1 }, send));
  const refused = await Promise.all(others.map((client) => client.response()));
  t.same(countOf(refused), { 503: CROWD - QUEUE - 1 });
  t.ok(
    refused.every((response) => /^[1-9]\d*$/.test(response.field('retry-after') ?? '')),
    'each says when to come again',
  );
  t.equal(ifmatch.lock().waiting, QUEUE);
  held.open();
  const served = await Promise.all(clients.slice(0, QUEUE + 1).map((client) => client.response()));
  t.same(countOf(served), { 200: QUEUE, 201: 1 });
  t.same(
    origin.applied.map(({ content }) => Number(content.toString())),
    Array.from({ length: QUEUE + 1 }, (_, n) => n),
    'first come, first served, nobody else',
  );
  for (const client of clients) client.close();
  await aftermath();
});

t.test('row 112: a pipeline of 1000 writes on one connection is one writer at a time', async (t) => {
  const held = gate();
  const { origin, ifmatch, aftermath } = await attackLegacy(t, {}, { delay: () => held.opened });
  const client = await connect(ifmatch.port);
  client.send(Array.from({ length: CROWD }, (_, n) => bytesOf('PUT', `/${n % 3}`, [], `${n}`)).join(''));
  await until(() => origin.seen('PUT').length === 1, 'the first is at the origin');
  await settle();
  t.equal(origin.seen('PUT').length, 1);
  t.same(ifmatch.lock(), { held: 1, waiting: 0, quarantined: 0 });
  const bystander = await connect(ifmatch.port);
  bystander.send(bytesOf('GET', '/unrelated'));
  t.equal((await bystander.response()).status, 404, 'a GET of somebody else is answered');
  held.open();
  const responses: RawResponse[] = [];
  for (let n = 0; n < CROWD; n++) responses.push(await client.response());
  t.same(countOf(responses), { 200: CROWD - 3, 201: 3 });
  t.same(
    origin.applied.map(({ content }) => Number(content.toString())),
    Array.from({ length: CROWD }, (_, n) => n),
  );
  client.close();
  bystander.close();
  await aftermath();
});

t.test(
  'row 112: writers of 1000 keys at once get the connections there are, and an answer in any case',
  async (t) => {
    const held = gate();
    const connections = 4;
    const { origin, ifmatch, aftermath } = await attackRaw(
      t,
      ({ socket }) => {
        held.opened.then(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
        return undefined;
      },
      { connections, timeouts: { connect: 500, write: 20_000 } },
    );
    const clients = await Promise.all(Array.from({ length: CROWD }, () => connect(ifmatch.port)));
    for (const [n, client] of clients.entries()) client.send(bytesOf('PUT', `/${n}`, [], 'x'));
    const pending = (): RawClient[] => clients.filter((client) => client.rest() === '');
    await until(() => pending().length === connections, 'all but those with a connection are answered');
    t.equal(origin.count('PUT'), connections);
    const lucky = pending();
    const refused = await Promise.all(
      clients.filter((client) => !lucky.includes(client)).map((client) => client.response()),
    );
    t.same(countOf(refused), { 503: CROWD - connections });
    t.ok(
      refused.every((response) => /^[1-9]\d*$/.test(response.field('retry-after') ?? '')),
      'each says when to come again',
    );
    held.open();
    t.same(countOf(await Promise.all(lucky.map((client) => client.response()))), { 200: connections });
    t.equal(origin.count('PUT'), connections);
    for (const client of clients) client.close();
    await aftermath();
  },
);

/** How many responses there are of each status. */
function countOf(responses: readonly RawResponse[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
