// Conditional fields of 15 kB made to keep a parser busy.

import t from 'tap';
import { attackRaw } from '../fixtures/aftermath.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { gate } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';

const LONG = 15_000;
const hostile = [
  { name: '3700 tags', value: '"a",'.repeat(3700).slice(0, LONG), well: true },
  { name: 'commas', value: ','.repeat(LONG), well: false },
  { name: 'commas and a tag', value: `${','.repeat(LONG)}"x"`, well: true },
  { name: 'spaces and a tag', value: `"x",${' '.repeat(LONG)}"y"`, well: true },
  { name: 'spaces and garbage', value: `"x"${' '.repeat(LONG)}y`, well: false },
  { name: 'quotes', value: '"'.repeat(LONG), well: false },
  { name: 'weak prefixes', value: 'W/'.repeat(LONG / 2), well: false },
  { name: 'tags with spaces and garbage', value: `${'"a" , '.repeat(2500)}x`, well: false },
  { name: 'a tag without end', value: `"${'a'.repeat(LONG)}`, well: false },
  { name: 'tabs and spaces', value: '"x"'.padEnd(LONG, ' \t'), well: true },
];
const ATTACKERS = 100;

t.test('row 92: a hostile value gets its answer, and is never performed', async (t) => {
  const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK);
  for (const { name, value, well } of hostile) {
    for (const field of ['If-Match', 'If-None-Match']) {
      if (well && field === 'If-None-Match') continue;
      const response = await exchange(ifmatch.port, 'PUT', '/doc', [`${field}: ${value}`], 'x');
      t.equal(response.status, well ? 412 : 400, `${field}: ${name}`);
      t.ok(response.content.length < 2000, 'the answer does not grow with it');
    }
    t.equal(
      (await exchange(ifmatch.port, 'GET', '/doc', [`If-Match: ${value}`])).status,
      412,
      `GET: ${name}`,
    );
  }
  t.equal(origin.count('PUT'), 0);
  await aftermath();
});

for (const { name, value, well } of hostile) {
  t.test(`row 93: ${ATTACKERS} connections with ${name} do not hold up an unrelated GET`, async (t) => {
    const probes = gate();
    const { origin, ifmatch, aftermath } = await attackRaw(t, (request) => {
      if (request.method !== 'HEAD') return OK;
      probes.opened.then(() => request.socket.write(OK, 'latin1'));
      return undefined;
    });
    const bystander = await connect(ifmatch.port);
    const attackers = await Promise.all(Array.from({ length: ATTACKERS }, () => connect(ifmatch.port)));
    for (const [n, attacker] of attackers.entries())
      attacker.send(bytesOf('PUT', `/${n}`, [`If-Match: ${value}`], 'x'));
    bystander.send(bytesOf('GET', '/unrelated'));
    t.equal((await bystander.response()).status, 200);
    // well-formed values wait for their probes, which are answered only now: the GET came first
    if (well)
      t.same(
        attackers.filter((attacker) => attacker.rest() !== ''),
        [],
        'no attacker was answered before',
      );
    probes.open();
    const statuses = await Promise.all(attackers.map(async (attacker) => (await attacker.response()).status));
    t.same(new Set(statuses), new Set([well ? 412 : 400]));
    t.equal(origin.count('PUT'), 0);
    for (const client of [bystander, ...attackers]) client.close();
    await aftermath();
  });
}
