// The log's line for requests that end otherwise than by an answer: one each, and it says what became of them.

import type { Socket } from 'node:net';
import t, { type Test } from 'tap';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';

async function scene(t: Test, script: RawScript, mode = 'enforce', undecided = 'refuse') {
  const origin = await startRawOrigin(t, script);
  const yaml = `buffer: 4KiB\nroutes: [{ path: /*, mode: ${mode}, undecided: ${undecided} }]`;
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml, timeouts: { write: 1500 } });
  return { origin, ifmatch };
}

/** The lines of requests, when there are that many and no more come. */
async function linesOf(ifmatch: Ifmatch, count: number) {
  const lines = () => ifmatch.log.filter(({ msg }) => msg === 'request');
  await until(() => lines().length >= count, `${count} lines`);
  await ifmatch.idle();
  await settle();
  return lines();
}

for (const mode of ['off', 'observe', 'enforce']) {
  for (const method of ['GET', 'HEAD', 'PUT', 'PROPFIND']) {
    t.test(
      `${mode}: a client that leaves before the answer to its ${method}: one line, status 499`,
      async (t) => {
        const { origin, ifmatch } = await scene(t, () => undefined, mode);
        const client = await connect(ifmatch.port);
        client.send(bytesOf(method, '/a', [], method === 'PUT' ? 'x' : undefined));
        await until(() => origin.count(method) === 1, 'the request arrives');
        client.reset();
        await settle();
        for (const { socket } of origin.requests) if (!socket.destroyed) socket.write(OK);
        const lines = await linesOf(ifmatch, 1);
        t.equal(lines.length, 1);
        t.match(lines[0], { method, status: 499, clientGone: true });
      },
    );
  }

  if (mode === 'off') continue; // it keeps no account of fates

  t.test(
    `${mode}: a write whose client left and whose origin then resets: one line, fate unknown`,
    async (t) => {
      const { origin, ifmatch } = await scene(t, () => undefined, mode);
      const client = await connect(ifmatch.port);
      client.send(bytesOf('PUT', '/a', [], 'x'));
      await until(() => origin.count('PUT') === 1, 'the request arrives');
      client.reset();
      await settle();
      origin.requests[0]?.socket.resetAndDestroy();
      const lines = await linesOf(ifmatch, 1);
      t.equal(lines.length, 1);
      t.match(lines[0], { level: 40, method: 'PUT', status: 499, clientGone: true, fate: 'unknown' });
    },
  );
}

t.test('a client that leaves while its content is awaited: status 499', async (t) => {
  const { ifmatch } = await scene(t, () => OK);
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/a', ['Content-Length: 100'], 'x'));
  await settle();
  client.reset();
  t.match(await linesOf(ifmatch, 1), [{ method: 'PUT', status: 499, code: 'client-gone' }]);
});

t.test('a client that leaves amid the answer: the status that was sent', async (t) => {
  const { ifmatch } = await scene(t, () => 'HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\npart');
  const client = await connect(ifmatch.port);
  client.send(bytesOf('GET', '/a'));
  await until(() => client.rest().endsWith('part'), 'a part of the answer');
  client.reset();
  t.match(await linesOf(ifmatch, 1), [{ status: 201, clientGone: true }]);
});

t.test(
  'a client that leaves amid the answer to its write, and an origin that breaks it off: fate unknown',
  async (t) => {
    const { origin, ifmatch } = await scene(t, () => 'HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\npart');
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/a', [], 'x'));
    await until(() => client.rest().endsWith('part'), 'a part of the answer');
    client.reset();
    await settle();
    origin.requests[0]?.socket.resetAndDestroy();
    t.match(await linesOf(ifmatch, 1), [{ level: 40, status: 201, clientGone: true, fate: 'unknown' }]);
  },
);

const HALF = 'HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\npart';
const breaks: { name: string; by: (socket: Socket) => void }[] = [
  { name: 'a reset', by: (socket) => void socket.resetAndDestroy() },
  { name: 'an end', by: (socket) => void socket.end() },
];
for (const mode of ['off', 'observe', 'enforce']) {
  for (const method of ['GET', 'PUT']) {
    for (const { name, by } of breaks) {
      t.test(
        `${mode}: the answer to a ${method} that the origin breaks off by ${name} is laid to nobody else`,
        async (t) => {
          const { origin, ifmatch } = await scene(t, () => HALF, mode);
          const client = await connect(ifmatch.port);
          client.send(bytesOf(method, '/a', [], method === 'PUT' ? 'x' : undefined));
          await until(() => client.rest().endsWith('part'), 'a part of the answer');
          for (const { socket } of origin.requests) by(socket);
          t.equal((await client.response()).complete, false);
          const [line] = await linesOf(ifmatch, 1);
          t.match(line, { level: 40, status: 201, brokeOff: true, cause: /origin reset: / });
          t.equal(line?.['clientGone'], undefined);
        },
      );
    }
  }
}

t.test('one line for each request, in their order, whatever becomes of it', async (t) => {
  const { ifmatch } = await scene(t, ({ method, socket }) => {
    if (method === 'PATCH') socket.resetAndDestroy();
    return method === 'PATCH' ? undefined : OK;
  });
  const rows = [
    ['GET', '/ok', [], 200],
    ['GET', '/cached', ['If-None-Match: "v1"'], 304],
    ['PUT', '/stale', ['If-Match: "v0"'], 412],
    ['PUT', '/malformed', ['If-Match: v1'], 400],
    ['PUT', '/ok', ['If-Match: "v1"'], 200],
    ['PATCH', '/reset', [], 502],
    ['GET', '/a/../b', [], 400],
    ['TRACE', '/trace', [], 405],
    ['GET', '/upgrade', ['Connection: Upgrade', 'Upgrade: h2c'], 200],
  ] as const;
  for (const [method, target, fields, status] of rows) {
    t.equal((await exchange(ifmatch.port, method, target, fields)).status, status, `${method} ${target}`);
  }
  const lines = await linesOf(ifmatch, rows.length);
  t.same(
    lines.map(({ method, path, status }) => [method, path, status]),
    rows.map(([method, target, , status]) => [method, target, status]),
  );
});

t.test(
  'a 502, 503 or 504 because of what the origin answered to the probe: the log says what that was',
  async (t) => {
    const { ifmatch } = await scene(t, ({ target }) => {
      return `HTTP/1.1 ${target.slice(1)} X\r\nContent-Length: 0\r\n\r\n`;
    });
    const rows = [
      ['500', 502, 'probe-error'],
      ['507', 502, 'probe-error'],
      ['503', 503, 'probe-unavailable'],
      ['504', 504, 'probe-timeout'],
      ['426', 502, 'probe-undecided'],
      ['403', 403, 'probe-undecided'],
    ] as const;
    for (const [given, status] of rows)
      t.equal((await exchange(ifmatch.port, 'PUT', `/${given}`, ['If-Match: *'], 'x')).status, status);
    t.match(
      await linesOf(ifmatch, rows.length),
      rows.map(([given, status, code]) => ({ status, code, cause: `origin answered ${given} to HEAD` })),
    );
  },
);

t.test(
  'a probe by GET that fails, and a write whose unknown fate the origin told: the log says so',
  async (t) => {
    const { ifmatch } = await scene(t, ({ method, target }) => {
      const status = method === 'HEAD' ? '405' : target.slice(1);
      return `HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`;
    });
    t.equal((await exchange(ifmatch.port, 'PUT', '/500', ['If-Match: *'], 'x')).status, 502);
    t.equal((await exchange(ifmatch.port, 'PUT', '/502', [], 'x')).status, 502);
    t.equal((await exchange(ifmatch.port, 'PUT', '/504', [], 'x')).status, 504);
    t.match(await linesOf(ifmatch, 3), [
      { code: 'probe-error', cause: 'origin answered 500 to GET' },
      { code: 'write-unknown', fate: 'unknown', cause: 'origin answered 502' },
      { code: 'write-timeout', fate: 'unknown', cause: 'origin answered 504' },
    ]);
  },
);

t.test('an expectation that is refused has its line too', async (t) => {
  const { ifmatch } = await scene(t, () => OK);
  t.equal((await exchange(ifmatch.port, 'PUT', '/a', ['Expect: other'], 'x')).status, 417);
  t.match(await linesOf(ifmatch, 1), [
    { method: 'PUT', path: '/a', status: 417, code: 'expectation-failed' },
  ]);
});

t.test(
  'what a first verdict could not tell is not logged of a write that was checked after all',
  async (t) => {
    for (const [tag, expected] of [
      ['"v1"', { status: 200, verdict: 'perform' }],
      ['"v0"', { status: 412, verdict: 'failed' }],
    ] as const) {
      const { origin, ifmatch } = await scene(
        t,
        ({ method }) =>
          method === 'HEAD' && origin.count('HEAD') === 1
            ? 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'
            : OK,
        'enforce',
        'forward',
      );
      const fields = [`If-Match: ${tag}`, 'Expect: 100-continue'];
      t.equal((await exchange(ifmatch.port, 'PUT', '/a', fields, 'x')).status, expected.status);
      t.equal(origin.count('HEAD'), 2, 'one verdict before the content, one behind it');
      const [line] = await linesOf(ifmatch, 1);
      t.match(line, expected);
      t.equal(line?.['unguarded'], undefined);
    }
  },
);

t.test(
  'observe: a client that leaves while the origin is asked is nothing that enforce would refuse',
  async (t) => {
    const { origin, ifmatch } = await scene(t, () => undefined, 'observe');
    const client = await connect(ifmatch.port);
    client.send(bytesOf('PUT', '/a', ['If-Match: "v1"'], 'x'));
    await until(() => origin.count('HEAD') === 1, 'the probe arrives');
    client.reset();
    const [line] = await linesOf(ifmatch, 1);
    t.match(line, { level: 30, method: 'PUT', status: 499, clientGone: true, code: 'client-gone' });
    t.equal(line?.['would'], undefined);
    t.equal(origin.count('PUT'), 0);
  },
);
