// Writes without a condition: required ones are asked for (428), the others wait for their turn.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const REQUIRE = 'routes:\n  - path: /wiki/:page\n    mode: require';

for (const method of ['PUT', 'PATCH', 'DELETE']) {
  t.test(`mode require: ${method} without a condition is 428 and says how to go on`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: REQUIRE });
    origin.store('/wiki/home', 'old');
    const response = await exchange(
      ifmatch.port,
      method,
      '/wiki/home',
      [],
      method === 'DELETE' ? undefined : 'new',
    );
    const body = problem(t, response, 428);
    t.match(body.detail, /If-Match/i, 'names the field to send');
    t.equal(body.title, 'Precondition Required');
    t.equal(origin.seen(method).length, 0);
    await ifmatch.idle();
  });
}

const ignored = [
  { name: 'If-Modified-Since', fields: ['If-Modified-Since: Tue, 15 Nov 1994 12:45:26 GMT'] },
  { name: 'an If-Unmodified-Since that is no date', fields: ['If-Unmodified-Since: yesterday'] },
];
for (const { name, fields } of ignored) {
  t.test(`mode require: ${name} does not make a write conditional`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: REQUIRE });
    origin.store('/wiki/home', 'old');
    problem(t, await exchange(ifmatch.port, 'PUT', '/wiki/home', fields, 'new'), 428);
    t.equal(origin.seen('PUT').length, 0);
  });
}

t.test('mode require: conditional writes, POST, reads and other routes go on', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: REQUIRE });
  const etag = origin.store('/wiki/home', 'old');
  t.equal((await exchange(ifmatch.port, 'GET', '/wiki/home')).status, 200);
  t.equal((await exchange(ifmatch.port, 'PUT', '/wiki/home', [`If-Match: ${etag}`], 'new')).status, 200);
  t.equal((await exchange(ifmatch.port, 'PUT', '/wiki/other', ['If-None-Match: *'], 'new')).status, 201);
  t.equal((await exchange(ifmatch.port, 'POST', '/wiki/home', [], 'comment')).status, 200);
  t.equal((await exchange(ifmatch.port, 'PUT', '/elsewhere', [], 'new')).status, 201);
});

t.test('by default an unconditional write passes, without a probe', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  origin.store('/doc', 'old');
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [], 'new')).status, 200);
  t.equal(origin.seen('HEAD').length, 0);
  t.equal(origin.content('/doc'), 'new');
});

t.test('an unconditional PUT does not slip between the check and the write of another', async (t) => {
  const probe = gate();
  const origin = await startOrigin(t, { readDelay: () => probe.opened });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', 'old');
  const careful = await connect(ifmatch.port);
  careful.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], 'careful'));
  await until(() => origin.seen('HEAD').length === 1, 'the probe arrives');
  const careless = await connect(ifmatch.port);
  careless.send(bytesOf('PUT', '/doc', [], 'careless'));
  await until(() => ifmatch.lock().waiting === 1, 'the second write waits');
  await settle();
  t.equal(origin.seen('PUT').length, 0);
  probe.open();
  t.equal((await careful.response()).status, 200);
  t.equal((await careless.response()).status, 200);
  t.same(
    origin.applied.map((write) => write.content.toString()),
    ['careful', 'careless'],
  );
  careful.close();
  careless.close();
  await ifmatch.idle();
});

t.test('the spellings of one path are one resource; other paths do not wait', async (t) => {
  const write = gate();
  const origin = await startOrigin(t, {
    delay: ({ target }) => (target === '/d/x' ? write.opened : Promise.resolve()),
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const first = await connect(ifmatch.port);
  first.send(bytesOf('PUT', '/d/x', [], 'first'));
  await until(() => origin.seen('PUT').length === 1, 'the first write arrives');
  const others = await Promise.all(['/d/%78', '/d/x?', '/d/x?a=1'].map(() => connect(ifmatch.port)));
  for (const [at, target] of ['/d/%78', '/d/x?', '/d/x?a=1'].entries())
    others[at]?.send(bytesOf('PUT', target, [], 'x'));
  await until(() => ifmatch.lock().waiting === 3, 'all spellings wait');
  t.equal((await exchange(ifmatch.port, 'PUT', '/d/y', [], 'free')).status, 201);
  write.open();
  for (const client of [first, ...others]) {
    t.match((await client.response()).status, /^20[01]$/);
    client.close();
  }
});
