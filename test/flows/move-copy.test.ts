// MOVE and COPY write to two resources, and hold both (RFC 4918 9.8, 9.9); what Destination must look like for that.

import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { type Origin, startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type Gate, gate, settle, until } from '../fixtures/until.ts';

const HOST = 'legacy.example';

/** Each write waits at the origin for the gate of its method and target. */
async function scene(t: Test) {
  const gates = new Map<string, Gate>();
  const origin = await startOrigin(t, {
    delay: ({ method, target }) => gates.get(`${method} ${target}`)?.opened ?? Promise.resolve(),
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'lock: { wait: 2s }' });
  const close = (write: string): void => void gates.set(write, gate());
  const open = (write: string): void => gates.get(write)?.open();
  const send = async (method: string, target: string, destination?: string) => {
    const client = await connect(ifmatch.port);
    t.teardown(() => client.close());
    const to = destination === undefined ? [] : [`Destination: ${destination}`];
    client.send(bytesOf(method, target, to, method === 'PUT' ? 'x' : undefined));
    return client;
  };
  return { origin, ifmatch, close, open, send };
}

const lines = (origin: Origin): string[] =>
  origin.requests.map(({ method, target }) => `${method} ${target}`);

const valuesOf = (request: Origin['requests'][number] | undefined, name: string) =>
  request?.fields.filter((_, i, fields) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === name);

const destinations = [
  '/b',
  `http://${HOST}/b`,
  `https://${HOST}/b`,
  `HTTPS://${HOST}:443/b`,
  `HTTPS://${HOST}/b`,
  `http://${HOST}/%62`,
];
for (const method of ['MOVE', 'COPY']) {
  for (const destination of destinations) {
    t.test(`${method} to ${destination}: writes to either resource wait until it is done`, async (t) => {
      const { origin, ifmatch, close, open, send } = await scene(t);
      close(`${method} /a`);
      const first = await send(method, '/a', destination);
      await until(() => origin.seen(method).length === 1, 'it arrives');
      const others = [await send('PUT', '/b'), await send('PUT', '/a')];
      await until(() => ifmatch.lock().waiting === 2, 'both wait');
      await settle();
      t.same(lines(origin), [`${method} /a`]);
      open(`${method} /a`);
      for (const client of [first, ...others]) t.match((await client.response()).status, /^20[01]$/);
      await ifmatch.idle();
      t.equal(origin.requests[0]?.fields.includes(destination), true, 'Destination passes as it is');
    });
  }

  t.test(
    `${method} to a name that ends in a no-break space: writes to that wait, not those without it`,
    async (t) => {
      const { origin, ifmatch, close, open, send } = await scene(t);
      close(`${method} /a`);
      const first = await send(method, '/a', '/b\xa0');
      await until(() => origin.seen(method).length === 1, 'it arrives');
      const same = await send('PUT', '/b%A0');
      await until(() => ifmatch.lock().waiting === 1, 'it waits');
      const other = await send('PUT', '/b');
      t.equal((await other.response()).status, 201);
      t.same(lines(origin), [`${method} /a`, 'PUT /b']);
      open(`${method} /a`);
      for (const client of [first, same]) t.match((await client.response()).status, /^20[01]$/);
      await ifmatch.idle();
    },
  );

  for (const busy of ['/a', '/b']) {
    t.test(`${method} from /a to /b waits for a write to ${busy}`, async (t) => {
      const { origin, ifmatch, close, open, send } = await scene(t);
      close(`PUT ${busy}`);
      const put = await send('PUT', busy);
      await until(() => origin.seen('PUT').length === 1, 'the write arrives');
      const client = await send(method, '/a', `http://${HOST}/b`);
      await until(() => ifmatch.lock().waiting === 1, 'it waits');
      await settle();
      t.same(lines(origin), [`PUT ${busy}`]);
      open(`PUT ${busy}`);
      t.equal((await put.response()).status, 201);
      t.match((await client.response()).status, /^20[01]$/);
      await ifmatch.idle();
    });
  }

  t.test(
    `${method}: an octet above 7F at the end of Destination is a part of it, no whitespace`,
    async (t) => {
      const { origin, ifmatch, close, open, send } = await scene(t);
      close('PUT /b%A0');
      const put = await send('PUT', '/b%A0');
      await until(() => origin.seen('PUT').length === 1, 'the write arrives');
      const client = await send(method, '/a', '\t /b\xa0 \t');
      await until(() => ifmatch.lock().waiting === 1, 'it waits');
      await settle();
      t.same(lines(origin), ['PUT /b%A0']);
      open('PUT /b%A0');
      t.equal((await put.response()).status, 201);
      t.match((await client.response()).status, /^20[01]$/);
      await ifmatch.idle();
    },
  );

  t.test(`${method} onto itself does not wait for itself`, async (t) => {
    const { ifmatch, send } = await scene(t);
    t.equal((await (await send(method, '/a', '/a')).response()).status, 201);
    await ifmatch.idle();
  });

  t.test(`${method} without Destination is the origin's to refuse`, async (t) => {
    const { origin, ifmatch, send } = await scene(t);
    origin.on.answer = () => ({ status: 400, content: 'Destination?' });
    const response = await (await send(method, '/a')).response();
    t.same([response.status, response.content], [400, 'Destination?']);
    t.same(lines(origin), [`${method} /a`]);
    await ifmatch.idle();
  });

  for (const [name, fields] of [
    ['a dot segment', ['Destination: /x/../b']],
    ['an encoded dot segment', [`Destination: http://${HOST}/x/%2e%2e/b`]],
    ['a foreign authority', ['Destination: http://evil.example/b']],
    ['a foreign authority, https', ['Destination: https://evil.example/b']],
    ['the same host on another port', [`Destination: http://${HOST}:81/b`]],
    ['the same host on another port, https', [`Destination: https://${HOST}:80443/b`]],
    ["the same host on the other scheme's port", [`Destination: http://${HOST}:443/b`]],
    ['no target', ['Destination: b']],
    ['nothing', ['Destination:']],
    ['two lines', ['Destination: /b', 'Destination: /c']],
    ['two equal lines', ['Destination: /b', 'destination: /b']],
  ] as const) {
    t.test(`${method} with ${name} in Destination: 400, nothing at the origin`, async (t) => {
      const { origin, ifmatch } = await scene(t);
      problem(t, await exchange(ifmatch.port, method, '/a', fields), 400);
      t.same(lines(origin), []);
      t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
    });
  }

  for (const [host, destination, status] of [
    [`${HOST}:443`, `https://${HOST}:443/b`, 200],
    [`${HOST}:443`, `https://${HOST}/b`, 200],
    ['[::1]:443', 'https://[::1]/b', 200],
    [`${HOST}:443`, `http://${HOST}/b`, 400],
    [`${HOST}:8443`, `https://${HOST}/b`, 400],
  ] as const) {
    t.test(`${method} to ${destination} where Host is ${host}: ${status}`, async (t) => {
      const { origin, ifmatch } = await scene(t);
      origin.store('/a', 'source');
      const fields = [`Host: ${host}`, `Destination: ${destination}`];
      t.equal((await exchange(ifmatch.port, method, '/a', fields)).status, status);
      t.same(lines(origin), status === 200 ? [`${method} /a`] : []);
      await ifmatch.idle();
    });
  }

  for (const [destination, seen] of [
    [`http://${HOST}/b%62?x`, 'ORIGIN/b%62?x'],
    [`HTTPS://${HOST}:443/b`, 'ORIGIN/b'],
    [`http://${HOST}`, 'ORIGIN/'],
    ['/b', '/b'],
  ] as const) {
    for (const mode of ['enforce', 'off']) {
      t.test(
        `${mode}: ${method} to ${destination} at an origin that sees its own Host alone, and refuses that of another`,
        async (t) => {
          const origin = await startOrigin(t);
          const yaml = `routes: [{ path: /*, mode: ${mode} }]`;
          const ifmatch = await startIfmatch(t, { origin: `{ url: ${origin.url}, host: origin }`, yaml });
          origin.store('/a', 'source');
          const fields = [`Host: ${HOST}`, `Destination: ${destination}`];
          t.equal((await exchange(ifmatch.port, method, '/a', fields)).status, 200);
          const [request] = origin.seen(method);
          t.same(valuesOf(request, 'destination'), [seen.replace('ORIGIN', origin.url)]);
          t.same(valuesOf(request, 'host'), [origin.url.replace('http://', '')]);
          await ifmatch.idle();
        },
      );
    }
  }

  t.test(`${method}: If-Match is about the source`, async (t) => {
    const { origin, ifmatch } = await scene(t);
    const source = origin.store('/a', 'source');
    const destination = origin.store('/b', 'destination');
    const to = `Destination: http://${HOST}/b`;
    problem(t, await exchange(ifmatch.port, method, '/a', [to, `If-Match: ${destination}`]), 412);
    t.same(lines(origin), ['HEAD /a']);
    t.equal((await exchange(ifmatch.port, method, '/a', [to, `If-Match: ${source}`])).status, 200);
    t.same(lines(origin), ['HEAD /a', 'HEAD /a', `${method} /a`]);
    await ifmatch.idle();
  });
}

t.test('two opposite MOVEs behind a write to each resource do not wait for each other', async (t) => {
  const { origin, ifmatch, close, open, send } = await scene(t);
  close('PUT /a');
  close('PUT /b');
  const puts = [await send('PUT', '/a'), await send('PUT', '/b')];
  await until(() => origin.seen('PUT').length === 2, 'both resources are locked');
  const there = await send('MOVE', '/a', '/b');
  await until(() => ifmatch.lock().waiting === 1, 'the first MOVE waits');
  const back = await send('MOVE', '/b', '/a');
  await until(() => ifmatch.lock().waiting === 2, 'the second waits');
  open('PUT /a');
  await settle();
  open('PUT /b');
  for (const client of [...puts, there, back]) t.match((await client.response()).status, /^20[01]$/);
  t.same(lines(origin).slice(2).sort(), ['MOVE /a', 'MOVE /b']);
  await ifmatch.idle();
});
