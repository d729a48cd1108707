// Long targets that can be read in many ways, or have many parameters: they are looked at once, not for each route.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';

const HUNDRED = Array.from({ length: 100 }, (_, i) => i);
/** Octets of the longest target. */
const MOST = 8_192;
const REQUESTS = 40;

const attacks = [
  {
    name: 'with every separator, and what may be an authority',
    start: '//a',
    piece: '//b%2fc%5cd',
    routes: HUNDRED.map((i) => `{ path: /orders-${i}/:id/approve, resource: /orders-${i}/:id }`),
  },
  {
    name: 'with parameters of a query, and separators between them',
    start: '/page?',
    piece: 'a;',
    routes: HUNDRED.map((i) => `{ path: /page-${i}/save, resource: "/page?name=${i}" }`),
  },
];
for (const { name, start, piece, routes } of attacks) {
  t.test(`${REQUESTS} long targets ${name}, where a hundred routes have a resource`, async (t) => {
    const origin = await startOrigin(t);
    const yaml = `routes:\n${routes.map((route) => `  - ${route}`).join('\n')}`;
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
    const target = start + piece.repeat(Math.floor((MOST - start.length) / piece.length));
    const [attacker, other] = [await connect(ifmatch.port), await connect(ifmatch.port)];
    const began = performance.now();
    attacker.send(bytesOf('PUT', target, [], 'x').repeat(REQUESTS));
    other.send(bytesOf('GET', '/'));
    t.equal((await other.response()).status, 404);
    const statuses = new Set<number>();
    for (let i = 0; i < REQUESTS; i++) statuses.add((await attacker.response('PUT')).status);
    const ms = performance.now() - began;
    t.same([...statuses], [201, 200]);
    t.ok(ms < 5000, `answered after ${Math.round(ms)} ms`);
    attacker.close();
    other.close();
  });
}
