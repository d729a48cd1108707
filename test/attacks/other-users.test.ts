// What belongs to another user: validators are those of the client's own probe, and of no other.

import t from 'tap';
import { attackRaw } from '../fixtures/aftermath.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import type { RawRequest, RawScript } from '../fixtures/raw-origin.ts';
import { gate, until } from '../fixtures/until.ts';

const valueIn = ({ head }: RawRequest, name: string): string =>
  new RegExp(`^${name}: (.*)\\r$`, 'im').exec(head)?.[1] ?? 'nobody';

/** Every user has a representation of their own. */
const perUser =
  (field: string, more = ''): RawScript =>
  (request) =>
    `HTTP/1.1 200 OK\r\nETag: "of-${valueIn(request, field)}"\r\n${more}Content-Length: 0\r\n\r\n`;

for (const field of ['Authorization', 'Cookie', 'X-Api-Key']) {
  t.test(`row 127: the tag in a 412 is that of this client's own probe, by ${field}`, async (t) => {
    const probes = gate();
    const { origin, ifmatch, aftermath } = await attackRaw(t, (request) => {
      const answer = perUser(field)(request) ?? '';
      if (request.method !== 'HEAD') return answer;
      probes.opened.then(() => request.socket.write(answer));
      return undefined;
    });
    const users = ['anna', 'bert', undefined];
    const clients = await Promise.all(
      users.map(async (user, n) => {
        const client = await connect(ifmatch.port);
        const fields = user === undefined ? [] : [`${field}: ${user}`];
        client.send(bytesOf('PUT', `/doc${n}`, [...fields, 'If-Match: "stale"'], 'x'));
        return client;
      }),
    );
    await until(() => origin.count('HEAD') === users.length, 'all probes are under way at once');
    t.same(origin.requests.map((request) => valueIn(request, field)).sort(), ['anna', 'bert', 'nobody']);
    probes.open();
    for (const [n, client] of clients.entries()) {
      const response = await client.response();
      problem(t, response, 412);
      t.equal(response.field('etag'), `"of-${users[n] ?? 'nobody'}"`);
      client.close();
    }
    await aftermath();
  });
}

const varying = [
  'Vary: Authorization, Cookie\r\n',
  '',
  'Cache-Control: private, max-age=1000\r\n',
  'Cache-Control: public, max-age=1000\r\n',
];
for (const [row, field] of [
  [128, 'Authorization'],
  [129, 'Cookie'],
] as const) {
  for (const more of varying) {
    t.test(
      `row ${row}: what one user was shown decides nothing for another, by ${field}, ${more || 'no Vary'}`,
      async (t) => {
        const { origin, ifmatch, aftermath } = await attackRaw(t, perUser(field, more));
        const send = (method: string, user: string, tag: string) =>
          exchange(
            ifmatch.port,
            method,
            '/doc',
            [`${field}: ${user}`, `If-Match: ${tag}`],
            method === 'PUT' ? 'x' : undefined,
          );
        t.equal((await send('GET', 'anna', '*')).field('etag'), '"of-anna"');
        const refused = await send('PUT', 'bert', '"of-anna"');
        problem(t, refused, 412);
        t.equal(refused.field('etag'), '"of-bert"');
        t.equal(origin.count('PUT'), 0);
        t.equal((await send('PUT', 'anna', '"of-anna"')).status, 200);
        t.equal((await send('PUT', 'anna', '"of-anna"')).status, 200);
        t.equal(origin.count('HEAD'), 3, 'every write has a probe of its own');
        t.equal((await send('GET', 'bert', '"of-anna"')).status, 412);
        await aftermath();
      },
    );
  }
}
