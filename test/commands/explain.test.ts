// ifmatch explain: the plan of a request, and with --live the verdict, without changing anything.

import t from 'tap';
import { aFile, runCli } from '../fixtures/cli.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';

t.jobs = 2;

const CONFIG = `
origin: http://127.0.0.1:1
routes:
  - { path: /off/*, mode: off }
  - { path: /must/:id, mode: require }
  - { path: /look/*, mode: observe }
  - { path: /orders/:id/approve, resource: /orders/:id }
  - { path: /form/:id, mode: require, methods: [POST, DELETE], override: pass }
  - { path: /dav/:id, override: pass }
  - { path: /open/:id, mode: off, resource: /dav/:id }
  - { path: /view/:id/save, resource: '/view/:id?full=1' }
`;

const plans: { args: string[]; says: RegExp }[] = [
  {
    args: ['GET', '/a?b'],
    says: /route +\* \(mode enforce\)\ntarget +\/a\?b\nresource +\/a\?b\nkey +\S+\nplan +forward, evaluate the answer/,
  },
  { args: ['PUT', '/a'], says: /plan +lock, forward, release\n/ },
  {
    args: ['PUT', '/a', '-H', 'If-Match: "v1"'],
    says: /plan +lock, probe, evaluate, forward or 412, release\n/,
  },
  { args: ['PROPFIND', '/a', '-H', 'If-Match: "v1"'], says: /plan +probe, evaluate, forward or 412\n/ },
  {
    args: ['PUT', '/a', '-H', 'If-Match: v1'],
    says: /plan +400: if-match is malformed: it takes \* alone, or entity-tags in double quotes\n/,
  },
  { args: ['PUT', '/must/1'], says: /route +\/must\/:id \(mode require\)[\s\S]*plan +428: / },
  { args: ['PUT', '/off/1', '-H', 'If-Match: "v1"'], says: /plan +forward: nothing is checked\n/ },
  { args: ['OPTIONS', '/a'], says: /plan +forward: nothing is checked\n/ },
  { args: ['PUT', '/look/1'], says: /plan +forward always; enforce would: lock, forward, release\n/ },
  {
    args: ['POST', '/orders/7/approve', '-H', 'If-Match: *'],
    says: /target +\/orders\/7\/approve\nresource +\/orders\/7\n/,
  },
  { args: ['PUT', 'http://shop.example/a%7e'], says: /target +\/a%7e\n/ },
  { args: ['POST', '/form/1', '-H', 'X-HTTP-Method-Override: LOCK'], says: /plan +428: / },
  { args: ['POST', '/dav/1', '-H', 'X-HTTP-Method-Override: GET'], says: /plan +lock, forward, release\n/ },
  {
    args: ['POST', '/dav/1', '-H', 'X-HTTP-Method-Override: MOVE', '-H', 'Destination: /dav/2'],
    says: /key +\["dav","1"\]\nkey +\["dav","2"\]\nplan +lock, forward, release\n/,
  },
  {
    args: ['MOVE', '/dav/1', '-H', 'Destination: /open/2'],
    says: /key +\["dav","1"\]\nkey +\["dav","2"\]\nplan +lock, forward, release\n/,
  },
  {
    args: ['MOVE', '/off/1', '-H', 'Destination: /dav/2'],
    says: /key +\["off","1"\]\nkey +\["dav","2"\]\nplan +lock, forward, release\n/,
  },
  {
    args: ['PUT', '/view/1'],
    says: /key +\["view","1"\]\nkey +\["view","1",\["full","1"\]\]\nplan +lock, forward, release\n/,
  },
];
for (const { args, says } of plans) {
  t.test(args.join(' '), async (t) => {
    const file = aFile(t, 'ifmatch.yaml', CONFIG);
    const { out, err } = await runCli(t, ['explain', '--config', file, ...args]);
    t.match(out, says);
    t.equal(err, '');
  });
}

t.test('a method that the parser does not know: 1, and what the gateway answers', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  for (const method of ['FOO', 'put', 'GETX']) {
    const client = await connect(ifmatch.port);
    client.send(bytesOf(method, '/x'));
    const { type, detail } = problem(t, await client.response(), 400);
    t.equal(type, 'urn:ifmatch:request-invalid');
    const { code, out, err } = await runCli(t, ['explain', '--origin', origin.url, method, '/x']);
    t.same([code, out, err], [1, '', `ifmatch: 400 request-invalid: ${detail}\n`], method);
  }
  t.equal((await runCli(t, ['explain', '--origin', origin.url, 'M-SEARCH', '/x'])).code, 0);
});

t.test('what the gateway refuses before it has a plan: 1, and its words', async (t) => {
  const origin = await startRawOrigin(t, () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  const yaml = 'routes: [{ path: /open/*, mode: off }]\nlimits: { target: 1KiB }\n';
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  const file = aFile(t, 'ifmatch.yaml', `origin: ${origin.url}\n${yaml}`);
  const rows: [method: string, target: string, ...fields: string[]][] = [
    ['PUT', '/a', 'Host: x', 'Host: x'],
    ['PUT', '/a', 'Host: a b'],
    ['PUT', '/a', 'Host:'],
    ['PUT', '/a', 'Content-Type: a/b', 'content-type: a/b'],
    ['PUT', '/a', 'If-Match: "v1"', 'Connection: close, If-Match'],
    ['PUT', '/a', 'If Match: "v1"'],
    ['PUT', '/a', 'X: \u0001'],
    ['PUT', '/a', 'Expect: later'],
    ['PUT', '/a', 'Transfer-Encoding: gzip, chunked'],
    ['PUT', `/${'a'.repeat(1024)}`],
    ['PUT', '/open%2fx'],
    ['PUT', '/\u00e0'],
    ['PUT', '/a b'],
    ['TRACE', '/a/../b'],
    ['GET', 'https://x/', 'Host: x'],
  ];
  for (const [method, target, ...fields] of rows) {
    const client = await connect(ifmatch.port);
    client.send(bytesOf(method, target, fields));
    const answer = await client.response(method);
    const { type, detail } = problem(t, answer, answer.status);
    const given = fields.flatMap((field) => ['-H', field]);
    const { code, out, err } = await runCli(t, ['explain', '--config', file, method, target, ...given]);
    const said = `ifmatch: ${answer.status} ${type.replace('urn:ifmatch:', '')}: ${detail}\n`;
    t.same([code, out, err], [1, '', said], `${method} ${target.slice(0, 20)} ${fields}`);
  }
  t.same(origin.requests, []);
});

t.test('--live sends what is beyond ASCII as a client would, in UTF-8', async (t) => {
  const origin = await startOrigin(t);
  const etag = origin.store('/doc', 'x');
  const args = ['--live', '--origin', origin.url, 'PUT', '/doc', '-H', `If-Match: "\u20ac", ${etag}`];
  const { code, out, err } = await runCli(t, ['explain', ...args, '-H', 'X-Name: \u20ac \u00e0']);
  t.same([code, err], [0, '']);
  t.match(out, /verdict +perform: if-match holds\n/);
  t.ok(origin.requests[0]?.fields.includes(Buffer.from('\u20ac \u00e0').toString('latin1')));
});

t.test('a target that is refused: 1, and why', async (t) => {
  for (const [target, says] of [
    ['/a/../b', '400 target-dot-segment'],
    ['/a%00', '400 target-invalid'],
  ] as const) {
    const { code, err } = await runCli(t, ['explain', '--origin', 'http://127.0.0.1:1', 'PUT', target]);
    t.equal(code, 1);
    t.match(err, says);
  }
});

t.test('an override or a Destination that is refused: 1, and why', async (t) => {
  const file = aFile(t, 'ifmatch.yaml', CONFIG);
  for (const [field, says] of [
    ['X-HTTP-Method-Override: ERASE', '400 request-invalid: .*does not name an HTTP method'],
    ['Destination: /a/../b', '400 target-dot-segment: Destination'],
  ] as const) {
    const fields = ['X-HTTP-Method: MOVE', field].slice(field.startsWith('X-') ? 1 : 0);
    const given = fields.flatMap((line) => ['-H', line]);
    const { code, err } = await runCli(t, ['explain', '--config', file, 'POST', '/dav/1', ...given]);
    t.equal(code, 1);
    t.match(err, new RegExp(says));
  }
});

t.test('--live asks the origin and writes nothing', async (t) => {
  const origin = await startOrigin(t);
  const etag = origin.store('/doc', 'x');
  const rows: [fields: string[], path: string, says: RegExp][] = [
    [
      [`If-Match: ${etag}`],
      '/doc',
      /state +current, etag "r1", last-modified .*\nverdict +perform: if-match holds\n/,
    ],
    [['If-Match: "old"'], '/doc', /verdict +412: if-match is false\n/],
    [['If-Match: *'], '/none', /state +absent\nverdict +412: if-match is false\n/],
    [['If-None-Match: *'], '/none', /verdict +perform: if-none-match holds\n/],
    [[], '/doc', /verdict +perform: no condition applies\n/],
  ];
  for (const [fields, path, says] of rows) {
    const given = ['Cookie: c=1', ...fields].flatMap((line) => ['-H', line]);
    const { code, out } = await runCli(t, [
      'explain',
      '--live',
      '--origin',
      origin.url,
      'PUT',
      path,
      ...given,
    ]);
    t.equal(code, 0);
    t.match(out, says);
  }
  t.same(origin.applied, []);
  t.ok(
    origin.requests.every(({ fields }) => fields.includes('c=1')),
    'as that client',
  );
  const others = origin.requests.filter(({ method }) => method !== 'HEAD');
  t.same(
    others.map(({ method, target }) => `${method} ${target}`),
    ['GET /none', 'GET /none'],
    'what HEAD says is not there is asked for once more',
  );
});

t.test('--live: a read is about itself, a write about the resource of its route', async (t) => {
  const origin = await startRawOrigin(t, ({ target }) => {
    const tag = target === '/orders/7' ? '"order"' : '"form"';
    return `HTTP/1.1 200 OK\r\nETag: ${tag}\r\n\r\n`;
  });
  const config = CONFIG.replace('http://127.0.0.1:1', origin.url);
  const args = ['explain', '--live', '--config', aFile(t, 'ifmatch.yaml', config)];
  const asked = async (method: string, condition: string) =>
    (await runCli(t, [...args, method, '/orders/7/approve', '-H', condition])).out;
  t.match(
    await asked('GET', 'If-None-Match: "form"'),
    /resource +\/orders\/7\/approve\n[\s\S]*verdict +304: if-none-match is false\n/,
  );
  t.match(
    await asked('POST', 'If-None-Match: "form"'),
    /resource +\/orders\/7\n[\s\S]*verdict +perform: if-none-match holds\n/,
  );
});

t.test('--live tells a stale tag from an origin whose tags are of no use', async (t) => {
  const origin = await startRawOrigin(t, ({ target }) => {
    const tag = { '/strong': 'ETag: "v2"\r\n', '/weak': 'ETag: W/"v1"\r\n' }[target] ?? '';
    return `HTTP/1.1 200 OK\r\n${tag}Content-Length: 0\r\n\r\n`;
  });
  for (const [target, says] of [
    ['/strong', /verdict +412: if-match is false\n/],
    ['/weak', /verdict +412: if-match is false, and so it is with any entity-tag: its ETag is weak\n/],
    ['/none', /verdict +412: if-match is false, and so it is with any entity-tag: it has no ETag\n/],
  ] as const) {
    const args = ['--live', '--origin', origin.url, 'PUT', target, '-H', 'If-Match: W/"v1"'];
    t.match((await runCli(t, ['explain', ...args])).out, says);
  }
});

t.test('--live with nobody there says so: 1', async (t) => {
  const url = `http://127.0.0.1:${await closedPort()}`;
  const args = ['--origin', url, 'PUT', '/x', '-H', 'If-Match: *'];
  const { code, out } = await runCli(t, ['explain', '--live', ...args]);
  t.equal(code, 1);
  t.match(
    out,
    /state +unknown\ncause +origin unreachable: .*ECONNREFUSED.*\nverdict +undecided: .*cannot be reached/,
  );
  t.equal((await runCli(t, ['explain', ...args])).code, 0, 'the plan does without the origin');
});

t.test('--live with an origin that shows its state to nobody: 1', async (t) => {
  const origin = await startRawOrigin(t, () => 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
  const args = ['--live', '--origin', origin.url, 'PUT', '/x', '-H', 'If-Match: "v1"'];
  const { code, out } = await runCli(t, ['explain', ...args]);
  t.equal(code, 1);
  t.match(out, /verdict +undecided: /);
});

t.test('--live gives the verdict of the gateway', async (t) => {
  const origin = await startRawOrigin(t, ({ target }) =>
    target.startsWith('/private')
      ? 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'
      : 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n',
  );
  const yaml = 'routes: [{ path: /must/*, mode: require }, { path: /off/*, mode: off }]\n';
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  const file = aFile(t, 'ifmatch.yaml', `origin: ${origin.url}\n${yaml}`);
  const DATE = 'If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT';
  const rows: [target: string, fields: string[], status: number, code: number, says: RegExp][] = [
    ['/must/1', [DATE], 428, 0, /verdict +428: /],
    ['/must/1', [], 428, 0, /verdict +428: /],
    ['/a', [DATE], 200, 0, /verdict +perform: no condition applies\n/],
    ['/a', ['If-Match: v1'], 400, 1, /verdict +400: if-match is malformed: .*double quotes\n/],
    ['/off/1', ['If-Match: "old"'], 200, 0, /verdict +forward: nothing is checked\n/],
    ['/private', [], 401, 0, /verdict +perform: no condition applies\n/],
    ['/private', ['If-Match: "v1"'], 401, 1, /verdict +undecided: /],
    ['/off/1', ['If-Match: "old"', 'Destination: /a'], 200, 0, /verdict +perform: no condition applies\n/],
  ];
  for (const [target, fields, status, code, says] of rows) {
    const method = fields.some((field) => field.startsWith('Destination')) ? 'COPY' : 'PUT';
    const { status: answered } = await exchange(ifmatch.port, method, target, fields, 'x');
    t.equal(answered, status, `${target} ${fields}`);
    const given = fields.flatMap((field) => ['-H', field]);
    const told = await runCli(t, ['explain', '--live', '--config', file, method, target, ...given]);
    t.equal(told.code, code, `${target} ${fields}`);
    t.match(told.out, says);
  }
});
