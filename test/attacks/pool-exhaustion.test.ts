// Answers that never end and connections that never come free: a write still gets through.

import t from 'tap';
import { attackLegacy } from '../fixtures/aftermath.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange, type RawClient } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const ROUTES = 'routes:\n  - { path: /off/*, mode: off }\n  - { path: /observe/*, mode: observe }';
const MODES = ['off', 'observe', 'enforce'];
const LARGE = 'x'.repeat(200_000);

const readers = [
  { name: 'read it', reads: true, leaves: false },
  { name: 'do not read it', reads: false, leaves: false },
  { name: 'leave amid it', reads: false, leaves: true },
];
for (const mode of MODES) {
  for (const { name, reads, leaves } of readers) {
    t.test(`row 115: 13 clients get a 503 of 200 kB in mode ${mode} and ${name}; then a write`, async (t) => {
      const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES, connections: 16 });
      origin.on.answer = ({ method }) =>
        method === 'GET' ? { status: 503, fields: ['Retry-After', '1'], content: LARGE } : undefined;
      const etag = origin.store('/doc', 'old');
      const clients = await Promise.all(Array.from({ length: 13 }, () => connect(ifmatch.port)));
      for (const [n, client] of clients.entries()) {
        if (!reads) client.socket.pause();
        client.send(bytesOf('GET', `/${mode}/${n}`, ['If-Match: "v1"']));
      }
      await until(() => origin.seen('GET').length === clients.length, 'every GET is at the origin');
      if (reads) {
        for (const client of clients) {
          const response = await client.response();
          t.same([response.status, response.content.length], [503, LARGE.length]);
        }
      } else if (leaves) {
        await settle();
        for (const client of clients) client.reset();
      }
      const written = await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'new');
      t.equal(written.status, 200, 'the write is performed');
      t.equal((await exchange(ifmatch.port, 'GET', '/doc')).status, 503, 'and a read is answered');
      t.equal(origin.seen('GET').length, clients.length + 1, 'nothing was repeated');
      for (const client of clients) client.close();
      await aftermath();
    });
  }
}

const CONNECTIONS = 128;

/** That many clients, each with a request of its own that the origin leaves unanswered. */
async function hanging(port: number, method: string, target: string, content?: string): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(port)));
  for (const [n, client] of clients.entries()) client.send(bytesOf(method, `${target}${n}`, [], content));
  return clients;
}

for (const mode of MODES) {
  t.test(
    `row 116: ${CONNECTIONS} GETs that hang in mode ${mode} do not keep a write from the origin`,
    async (t) => {
      const held = gate();
      const { origin, ifmatch, aftermath } = await attackLegacy(
        t,
        { yaml: ROUTES, timeouts: { read: 20_000 } },
        { readDelay: ({ method }) => (method === 'GET' ? held.opened : Promise.resolve()) },
      );
      const etag = origin.store('/doc', 'old');
      const clients = await hanging(ifmatch.port, 'GET', `/${mode}/`);
      await until(() => origin.seen('GET').length === CONNECTIONS, 'every connection for reads is taken');
      t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'new')).status, 200);
      t.equal((await exchange(ifmatch.port, 'POST', '/other', [], 'new')).status, 201);
      const read = await exchange(ifmatch.port, 'GET', '/doc');
      problem(t, read, 503);
      t.match(read.field('retry-after'), /^[1-9]\d*$/, 'one more read is told when to come again');
      t.equal(clients.filter((client) => client.rest() !== '').length, 0, 'the GETs hang on');
      held.open();
      for (const client of clients) t.equal((await client.response()).status, 404);
      for (const client of clients) client.close();
      await aftermath();
    },
  );
}

t.test(
  `row 116: ${CONNECTIONS} writes that hang do not keep a read from the origin; further writes get 503`,
  async (t) => {
    const held = gate();
    const { origin, ifmatch, aftermath } = await attackLegacy(
      t,
      { timeouts: { connect: 500, write: 20_000 } },
      { delay: () => held.opened },
    );
    const etag = origin.store('/doc', 'old');
    const clients = await hanging(ifmatch.port, 'PUT', '/', 'x');
    await until(() => origin.seen('PUT').length === CONNECTIONS, 'every connection for writes is taken');
    t.equal((await exchange(ifmatch.port, 'GET', '/doc')).status, 200);
    for (const fields of [[], [`If-Match: ${etag}`]]) {
      const refused = await exchange(ifmatch.port, 'PUT', '/doc', fields, 'new');
      t.ok([503, 504].includes(problem(t, refused, refused.status).status), `refused: ${refused.status}`);
    }
    t.equal(origin.etag('/doc'), etag);
    held.open();
    for (const client of clients) t.equal((await client.response()).status, 201);
    for (const client of clients) client.close();
    await aftermath();
  },
);

t.test('uploads that dawdle in every mode keep no other write and no read from the origin', async (t) => {
  const { origin, ifmatch, aftermath } = await attackLegacy(t, {
    yaml: `${ROUTES}\nbuffer: 1KiB\nlimits: { idle: 20s }`,
    connections: 8,
    timeouts: { write: 20_000 },
  });
  const etag = origin.store('/doc', 'old');
  const clients = await Promise.all(Array.from({ length: 24 }, () => connect(ifmatch.port)));
  for (const [n, client] of clients.entries()) {
    const head = `PUT /${MODES[n % 3]}/${n} HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n`;
    client.send(`${head}${'x'.repeat(10_000)}`);
  }
  await until(() => origin.seen('PUT').length >= 6, 'they are at the origin');
  await settle();
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'new')).status, 200);
  t.equal((await exchange(ifmatch.port, 'GET', '/doc')).status, 200);
  for (const client of clients) client.send('x'.repeat(10_000));
  for (const client of clients) t.equal((await client.response()).status, 201, 'each has its turn');
  for (const client of clients) client.close();
  await aftermath();
});

t.test('row 116: hanging GETs whose clients leave give their connections back', async (t) => {
  const held = gate();
  const { origin, ifmatch, aftermath } = await attackLegacy(
    t,
    { yaml: ROUTES, connections: 8, timeouts: { read: 20_000 } },
    { readDelay: ({ target }) => (target === '/doc' ? Promise.resolve() : held.opened) },
  );
  origin.store('/doc', 'old');
  for (const mode of ['observe', 'enforce']) {
    const before = origin.seen('GET').length;
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect(ifmatch.port)));
    for (const client of clients) client.send(bytesOf('GET', `/${mode}/x`));
    await until(() => origin.seen('GET').length === before + 8, 'all are taken');
    for (const client of clients) client.reset();
    t.equal((await exchange(ifmatch.port, 'GET', '/doc')).status, 200, mode);
  }
  held.open();
  await aftermath();
});
