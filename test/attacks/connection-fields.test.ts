// Fields of one connection as a weapon: what Connection names, what is there twice, what leaks.

import t from 'tap';
import { attackRaw } from '../fixtures/aftermath.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import type { RawOrigin } from '../fixtures/raw-origin.ts';

const OK =
  'HTTP/1.1 200 OK\r\nETag: "v1"\r\nLast-Modified: Tue, 15 Nov 1994 12:45:26 GMT\r\nContent-Length: 0\r\n\r\n';
const ROUTES =
  'routes:\n  - { path: /required/*, mode: require }\n  - { path: /off/*, mode: off }\n  - { path: /observe/*, mode: observe }';
const EPOCH = 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT';

/** Lower-case names of the fields of each request at the origin. */
const namesAt = (origin: RawOrigin): string[][] =>
  origin.requests.map(({ head }) =>
    head
      .split('\r\n')
      .slice(1, -2)
      .map((line) => line.slice(0, line.indexOf(':')).toLowerCase()),
  );

const nominations = [
  { name: 'If-Match', lines: ['Connection: If-Match'] },
  { name: 'other options and a tab before it', lines: ['Connection: close,\tIF-MATCH'] },
  { name: 'a second Connection line', lines: ['Connection: keep-alive', 'Connection: if-match'] },
  { name: 'an unknown option before it', lines: ['Connection: x,if-match'] },
  { name: 'empty members around it', lines: ['Connection: ,,If-Match,,'] },
  { name: 'if-unmodified-since', lines: ['Connection: x,if-unmodified-since'] },
  { name: 'an option with a parameter', lines: ['Connection: close;q=1, if-match'] },
  { name: 'a quoted name', lines: ['Connection: "If-Match"'] },
];
for (const { name, lines } of nominations) {
  for (const condition of ['If-Match: "stale"', 'If-Match: "v1"', EPOCH]) {
    t.test(`row 70: Connection names ${name}, with ${condition}: never an unconditional write`, async (t) => {
      const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
      const mine = (): number => origin.requests.length;
      for (const target of ['/doc', '/required/doc', '/observe/doc', '/off/doc']) {
        problem(t, await exchange(ifmatch.port, 'PUT', target, [...lines, condition], 'x'), 400);
        problem(t, await exchange(ifmatch.port, 'PUT', target, [condition, ...lines], 'x'), 400);
      }
      t.equal(mine(), 0);
      await aftermath();
    });
  }
}

const endToEnd = ['authorization', 'cookie', 'host', 'content-length', 'x-forwarded-for', 'if-none-match'];
for (const name of [...endToEnd, 'cache-control', 'content-type', 'transfer-encoding', 'range', 'via', '*']) {
  t.test(`row 71: Connection: ${name} is refused`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
    for (const [method, content] of [
      ['PUT', 'x'],
      ['GET', undefined],
      ['OPTIONS', undefined],
    ] as const) {
      for (const target of ['/doc', '/off/doc']) {
        const fields = [`Connection: ${name}`, 'Authorization: Basic eA==', 'If-None-Match: *'];
        problem(t, await exchange(ifmatch.port, method, target, fields, content), 400);
      }
    }
    t.equal(origin.requests.length, 0);
    await aftermath();
  });
}

for (const condition of [
  'If-Match: "v1"',
  'If-Match: *',
  'If-None-Match: "other"',
  EPOCH.replace('1970', '2037'),
]) {
  t.test(`row 72: a required condition that Connection names does not pass: ${condition}`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
    const name = condition.slice(0, condition.indexOf(':'));
    problem(
      t,
      await exchange(ifmatch.port, 'PUT', '/required/doc', [`Connection: ${name}`, condition], 'x'),
      400,
    );
    problem(t, await exchange(ifmatch.port, 'PUT', '/required/doc', [`Connection: ${name}`], 'x'), 400);
    t.equal(origin.requests.length, 0);
    await aftermath();
  });
}

const hopFields = [
  ...[
    'TE: trailers, deflate',
    'Trailer: X',
    'Proxy-Authorization: Basic eA==',
    'Proxy-Connection: keep-alive',
  ],
  ...[
    'Proxy: http://evil',
    'Keep-Alive: timeout=5',
    'Connection: te, keep-alive',
    'Proxy-Authenticate: Basic',
  ],
];
for (const target of ['/doc', '/observe/doc', '/off/doc']) {
  for (const [method, content] of [
    ['PUT', 'x'],
    ['GET', undefined],
    ['PROPFIND', 'x'],
    ['DELETE', undefined],
  ] as const) {
    t.test(`row 73: ${method} ${target}: fields of the hop stop here, and the request passes`, async (t) => {
      const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
      const fields = [...hopFields, 'If-Match: "v1"', 'X-Keep: 1'];
      t.equal((await exchange(ifmatch.port, method, target, fields, content)).status, 200);
      t.ok(origin.requests.length > 0);
      for (const names of namesAt(origin)) {
        t.ok(names.includes('x-keep'), 'X-Keep passes');
        t.same(
          names.filter((name) => /^(?:te|trailer|proxy.*|keep-alive)$/.test(name)),
          [],
        );
        t.notMatch(names.join(), /upgrade/);
      }
      await aftermath();
    });
  }
}

const repeated = [
  { name: 'Authorization', lines: ['Authorization: Basic YTph', 'Authorization: Basic Yjpi'] },
  {
    name: 'Authorization, in two spellings',
    lines: ['AUTHORIZATION: Basic YTph', 'authorization: Basic YTph'],
  },
  { name: 'Content-Type', lines: ['Content-Type: text/plain', 'Content-Type: application/json'] },
  { name: 'Host', lines: ['Host: legacy.example', 'Host: other.example'] },
  { name: 'Host, twice the same', lines: ['Host: legacy.example', 'Host: legacy.example'] },
];
for (const { name, lines } of repeated) {
  t.test(`row 77: two lines of ${name} are refused`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
    for (const target of ['/doc', '/off/doc', '/observe/doc']) {
      problem(t, await exchange(ifmatch.port, 'PUT', target, [...lines, 'If-Match: "v1"'], 'x'), 400);
      problem(t, await exchange(ifmatch.port, 'GET', target, lines), 400);
    }
    t.equal(origin.requests.length, 0);
    await aftermath();
  });
}

t.test(
  'row 77: two lines of If-Unmodified-Since are ignored (RFC 9110 13.1.4), and are no condition',
  async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
    const twice = [EPOCH, EPOCH.replace('1970', '2037')];
    problem(t, await exchange(ifmatch.port, 'PUT', '/required/doc', twice, 'x'), 428);
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', [...twice, 'If-Match: "stale"'], 'x'), 412);
    t.equal(origin.count('PUT'), 0);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', twice, 'x')).status, 200);
    await aftermath();
  },
);

const special = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf'];
for (const name of special) {
  t.test(`row 78: ${name} as a field and as a connection option pollutes nothing`, async (t) => {
    const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
    for (const target of ['/doc', '/off/doc', '/observe/doc']) {
      for (const [method, content] of [
        ['PUT', 'x'],
        ['GET', undefined],
      ] as const) {
        const before = origin.requests.length;
        const fields = [`${name}: polluted`, `${name}: again`, 'If-Match: "v1"'];
        t.equal(
          (await exchange(ifmatch.port, method, target, fields, content)).status,
          200,
          `${method} ${target}`,
        );
        const passed = namesAt(origin)
          .slice(before)
          .map((names) => names.filter((n) => n === name.toLowerCase()).length);
        t.equal(new Set(passed).size, 1, 'kept or dropped alike on probe and request');
        const options = [`Connection: ${name}`, 'If-Match: "v1"'];
        problem(t, await exchange(ifmatch.port, method, target, options, content), 400);
      }
    }
    const bare: Record<string, unknown> = {};
    t.same([bare['polluted'], bare['x'], Object.keys(Object.prototype)], [undefined, undefined, []]);
    await aftermath();
  });
}

t.test('row 78: the origin answers with such names', async (t) => {
  const lines = special.map((name) => `${name}: polluted\r\n`).join('');
  const { ifmatch, aftermath } = await attackRaw(t, () => OK.replace('ETag', `${lines}ETag`), {
    yaml: ROUTES,
  });
  for (const target of ['/doc', '/off/doc', '/observe/doc']) {
    for (const [method, content] of [
      ['PUT', 'x'],
      ['GET', undefined],
    ] as const) {
      const response = await exchange(ifmatch.port, method, target, [], content);
      t.equal(response.status, 200, `${method} ${target}`);
      t.equal(response.field('constructor'), 'polluted', `${method} ${target}`);
    }
  }
  t.same(Object.keys(Object.prototype), []);
  await aftermath();
});

const HOP =
  'Connection: x-int, close\r\nX-Int: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: X\r\nTE: x\r\nProxy-Connection: close\r\n';
for (const target of ['/doc', '/off/doc', '/observe/doc']) {
  for (const [method, content] of [
    ['PUT', 'x'],
    ['GET', undefined],
    ['HEAD', undefined],
    ['OPTIONS', undefined],
  ] as const) {
    t.test(
      `row 79: ${method} ${target}: fields of the origin's connection do not reach the client`,
      async (t) => {
        const { ifmatch, aftermath } = await attackRaw(
          t,
          () => OK.replace('ETag', `${HOP}X-Keep: 1\r\nETag`),
          {
            yaml: ROUTES,
          },
        );
        const response = await exchange(ifmatch.port, method, target, [], content);
        t.equal(response.status, 200);
        t.equal(response.field('x-keep'), '1');
        for (const name of ['x-int', 'proxy-authenticate', 'upgrade', 'trailer', 'te', 'proxy-connection'])
          t.equal(response.field(name), undefined, name);
        t.notMatch(response.field('connection') ?? '', /x-int/);
        t.not(response.field('keep-alive'), 'timeout=5');
        await aftermath();
      },
    );
  }
}
