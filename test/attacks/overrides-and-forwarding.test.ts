// Methods, targets and peers that a request only claims: overrides, WebDAV's Destination, X-Forwarded-*.

import t from 'tap';
import { attackLegacy, attackRaw } from '../fixtures/aftermath.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';
const MODES = ['off', 'observe', 'warn', 'enforce', 'require'];
const ROUTES = `routes:\n${MODES.map((mode) => `  - { path: /${mode}/*, mode: ${mode} }`).join('\n')}`;
const CONTENT: Readonly<Record<string, string>> = { POST: 'x', PUT: 'x', PROPFIND: 'x' };

const overrides = [
  ...[
    'X-HTTP-Method-Override: DELETE',
    'X-HTTP-Method: PUT',
    'X-Method-Override: PATCH',
    'x-http-method-OVERRIDE: PUT',
  ],
  ...['X_HTTP_Method_Override: DELETE', 'X-HTTP_Method-Override: DELETE'],
];
for (const mode of MODES) {
  for (const method of ['POST', 'GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'PUT']) {
    t.test(
      `row 74: ${method} in mode ${mode}: no field overrides the method, nor that of the probe`,
      async (t) => {
        const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
        const fields = [...overrides, 'If-Match: "v1"', 'X-Keep: 1'];
        t.equal((await exchange(ifmatch.port, method, `/${mode}/a`, fields, CONTENT[method])).status, 200);
        t.ok(origin.count(method) > 0);
        for (const { head } of origin.requests) {
          t.match(head, /^x-keep: 1\r$/im);
          t.notMatch(head, /method|override|delete|patch/i);
        }
        await aftermath();
      },
    );
  }
}

/** As PHP makes variables of names: "." and "_" are one to it; other servers fold every octet that is no letter or digit. */
const folding = [
  ...['X-HTTP-Method.Override: DELETE', 'X.HTTP.Method: DELETE', 'X-Method!Override: DELETE'],
  ...['X.Original.URL: /guarded/x', 'X-Rewrite~URL: /guarded/x', 'X.Forwarded.Prefix: /guarded'],
  ...[
    'Content.Length: 0',
    'Transfer.Encoding: chunked',
    'If.Match: "v0"',
    'X.Forwarded-For: 192.0.2.99',
    'Proxy.Authorization: x',
  ],
];
for (const mode of MODES) {
  t.test(
    `rows 11, 69, 74: in mode ${mode} no name reaches the origin that it may fold into one that means something`,
    async (t) => {
      const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
      const fields = [...folding, 'If-Match: "v1"', 'X.Keep: 1', 'X-Keep!: 1'];
      t.equal((await exchange(ifmatch.port, 'POST', `/${mode}/a`, fields, 'x')).status, 200);
      for (const { head } of origin.requests) {
        const names = [...head.matchAll(/^([^:\r\n]+):/gm)].map(([, name = '']) => name);
        const odd = names.filter((name) => /[^0-9a-z-]/i.test(name));
        t.same(odd, ['X.Keep', 'X-Keep!'], 'others pass');
      }
      await aftermath();
    },
  );
}

const hidden = [
  { name: 'a form', target: '/doc', type: 'application/x-www-form-urlencoded', content: '_method=DELETE' },
  { name: 'a query', target: '/doc?_method=PUT', type: 'text/plain', content: 'x' },
  {
    name: 'both',
    target: '/doc?_method=DELETE',
    type: 'application/x-www-form-urlencoded',
    content: '_method=PUT&a=1',
  },
];
for (const { name, target, type, content } of hidden) {
  t.test(
    `row 74: a method in ${name}: POST is guarded as any write, and required where the route says so`,
    async (t) => {
      const fields = [`Content-Type: ${type}`];
      const open = await attackLegacy(t);
      problem(
        t,
        await exchange(open.ifmatch.port, 'POST', target, [...fields, 'If-Match: "stale"'], content),
        412,
      );
      t.same(open.origin.applied, []);
      const etag = open.origin.store(target, 'old');
      const good = await exchange(
        open.ifmatch.port,
        'POST',
        target,
        [...fields, `If-Match: ${etag}`],
        content,
      );
      t.equal(good.status, 200);
      t.same(
        open.origin.applied.map((write) => [write.method, write.target, write.content.toString()]),
        [['POST', target, content]],
      );
      await open.aftermath();

      const yaml = 'routes:\n  - { path: /doc, mode: require, methods: [POST] }';
      const strict = await attackLegacy(t, { yaml });
      problem(t, await exchange(strict.ifmatch.port, 'POST', target, fields, content), 428);
      t.same(strict.origin.requests, []);
      await strict.aftermath();
    },
  );
}

t.test('row 74: an unconditional POST waits for the writer before it', async (t) => {
  const first = gate();
  const { origin, ifmatch, aftermath } = await attackLegacy(t, {}, { delay: () => first.opened });
  const [a, b] = [await connect(ifmatch.port), await connect(ifmatch.port)];
  a.send(bytesOf('PUT', '/doc', [], 'a'));
  await until(() => origin.seen('PUT').length === 1, 'the PUT is at the origin');
  b.send(bytesOf('POST', '/doc?_method=DELETE', [], 'b'));
  await until(() => ifmatch.lock().waiting === 1, 'the POST waits');
  t.equal(origin.seen('POST').length, 0);
  first.open();
  await a.response();
  await b.response();
  a.close();
  b.close();
  await aftermath();
});

const webdav = [
  'MOVE',
  'COPY',
  'PROPPATCH',
  'LOCK',
  'UNLOCK',
  'MKCOL',
  'ACL',
  'BIND',
  'REBIND',
  'UNBIND',
  'LINK',
  'MERGE',
];
for (const method of webdav) {
  t.test(`row 75: ${method} is guarded as any write`, async (t) => {
    const yaml = `routes:\n  - { path: /required/*, mode: require, methods: [${method}] }`;
    const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml });
    const fields = ['Destination: http://legacy.example/b', 'If: (["v1"])', 'Depth: 0'];
    const send = (target: string, ...more: string[]) =>
      exchange(ifmatch.port, method, target, [...fields, ...more], '');
    problem(t, await send('/a', 'If-Match: "stale"'), 412);
    problem(t, await send('/a', 'If-Match: v1'), 400);
    problem(t, await send('/required/a'), 428);
    t.equal(origin.count(method), 0);
    t.equal((await send('/a', 'If-Match: "v1"')).status, 200);
    t.equal(origin.count(method), 1);
    const probes = origin.requests.filter((request) => request.method === 'HEAD');
    t.notMatch(probes.map(({ head }) => head).join(''), /^if:/im, 'If is not on the probe');
    t.match(origin.requests.at(-1)?.head, /^If: \(\["v1"\]\)\r$/m, 'it is on the request');
    await aftermath();
  });
}

for (const method of ['MOVE', 'COPY']) {
  for (const source of ['/a', '/off/a']) {
    for (const destination of ['http://legacy.example/b', '/b', 'http://legacy.example/%62', '/b/']) {
      t.test(
        `row 75: ${method} ${source} to ${destination} does not write amid another's check and write there`,
        async (t) => {
          const write = gate();
          const delay = ({ target }: { target: string }) =>
            target === '/b' ? write.opened : Promise.resolve();
          const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES }, { delay });
          const etag = origin.store('/b', 'old');
          const [writer, mover] = [await connect(ifmatch.port), await connect(ifmatch.port)];
          writer.send(bytesOf('PUT', '/b', [`If-Match: ${etag}`], 'new'));
          await until(() => origin.seen('PUT').length === 1, 'the writer holds the destination');
          mover.send(bytesOf(method, source, [`Destination: ${destination}`, 'Overwrite: T'], ''));
          await settle();
          t.equal(origin.seen(method).length, 0, 'it waits or is refused');
          write.open();
          t.equal((await writer.response()).status, 200);
          await mover.response();
          writer.close();
          mover.close();
          await aftermath();
        },
      );
    }
  }
  for (const destination of ['http://evil.test/b', '/../b', '/b#x', 'b', '/%00']) {
    t.test(`row 75: ${method} to ${destination}, which is no target here, is refused`, async (t) => {
      const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: ROUTES });
      problem(t, await exchange(ifmatch.port, method, '/a', [`Destination: ${destination}`], ''), 400);
      t.same(origin.requests, []);
      await aftermath();
    });
  }
}

const claims = [
  ...[
    'X-Forwarded-For: 1.2.3.4',
    'x-forwarded-for: 5.6.7.8',
    'Forwarded: for=1.2.3.4;host=evil.test',
    'X-Real-IP: 1.2.3.4',
  ],
  ...[
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 1',
    'X_Forwarded_For: 1.2.3.4',
  ],
];
for (const mode of MODES) {
  for (const method of ['PUT', 'GET', 'PROPFIND']) {
    t.test(`row 76: ${method} in mode ${mode}: an untrusted peer's claims are replaced`, async (t) => {
      const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
      const fields = [...claims, 'If-Match: "v1"', 'Via: 1.0 fred', 'Max-Forwards: 0'];
      t.equal((await exchange(ifmatch.port, method, `/${mode}/a`, fields, CONTENT[method])).status, 200);
      for (const { head } of origin.requests) {
        t.notMatch(head, /1\.2\.3\.4|5\.6\.7\.8|evil\.test|https|x-forwarded-port|^forwarded:/im);
        t.same(head.match(/^x-forwarded-for: .*$/gim), ['X-Forwarded-For: 127.0.0.1']);
        t.same(head.match(/^x-forwarded-host: .*$/gim), ['X-Forwarded-Host: legacy.example']);
        t.same(head.match(/^x-forwarded-proto: .*$/gim), ['X-Forwarded-Proto: http']);
        t.match(head.match(/^via: .*$/gim)?.join(), /^via: 1\.0 fred.*1\.1 ifmatch-/i, 'Via is extended');
      }
      t.notMatch(JSON.stringify(ifmatch.log), /1\.2\.3\.4|evil\.test/);
      await aftermath();
    });
  }
}

t.test('row 76: OPTIONS with Max-Forwards: 0 ends here, with 1 it goes on with 0', async (t) => {
  const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK);
  t.equal((await exchange(ifmatch.port, 'OPTIONS', '/a', ['Max-Forwards: 0'])).status, 204);
  t.equal(origin.requests.length, 0);
  t.equal((await exchange(ifmatch.port, 'OPTIONS', '/a', ['Max-Forwards: 1'])).status, 200);
  t.match(origin.requests[0]?.head, /^max-forwards: 0\r$/im);
  await aftermath();
});
