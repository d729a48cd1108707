// GET and HEAD: the origin's one answer is evaluated, streamed with back-pressure, and let go with the client.

import type { ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { type Origin, startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { settle, until } from '../fixtures/until.ts';

const ETAG = ['ETag', '"v1"'];

for (const method of ['GET', 'HEAD']) {
  t.test(`${method}: 304 with the fields that a cache needs, in one round trip`, async (t) => {
    const origin = await startOrigin(t, {
      answer: () => ({
        status: 200,
        content: 'content',
        fields: [
          ...['ETag', '"v1"', 'Last-Modified', 'Tue, 15 Nov 1994 12:45:26 GMT', 'Vary', 'Accept-Language'],
          ...[
            'Cache-Control',
            'max-age=60',
            'Expires',
            'Fri, 02 Jan 2026 03:05:05 GMT',
            'Content-Location',
            '/doc.en',
          ],
          ...['Content-Type', 'text/plain', 'Content-Length', '7', 'Set-Cookie', 'a=1'],
        ],
      }),
    });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const client = await connect(ifmatch.port);
    client.send(bytesOf(method, '/doc', ['If-None-Match: W/"v1"']));
    const response = await client.response(method);
    t.equal(response.status, 304);
    t.equal(response.field('etag'), '"v1"');
    t.equal(response.field('vary'), 'Accept-Language');
    t.equal(response.field('cache-control'), 'max-age=60');
    t.equal(response.field('expires'), 'Fri, 02 Jan 2026 03:05:05 GMT');
    t.equal(response.field('content-location'), '/doc.en');
    t.ok(response.field('date'));
    t.equal(response.field('content-type'), undefined);
    t.ok([undefined, '7'].includes(response.field('content-length')), 'no false length');
    t.equal(origin.requests.length, 1, 'no extra round trip');
    t.equal(origin.requests[0]?.method, method);
    client.send(bytesOf('GET', '/doc', []));
    const next = await client.response();
    t.equal(next.status, 200, 'the connection goes on');
    t.equal(next.content, 'content');
    client.close();
    t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
  });

  t.test(`${method}: WebDAV's If is not evaluated here, so it goes to the origin as it came`, async (t) => {
    const origin = await startOrigin(t, {
      answer: ({ fields }) => {
        const at = fields.indexOf('iF');
        return at < 0 ? { status: 500 } : { status: fields[at + 1] === '(["v1"])' ? 200 : 412, fields: ETAG };
      },
    });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    for (const fields of [
      [],
      ['If-Match: "v1"'],
      ['If-None-Match: "v0"'],
      ['Range: bytes=0-', 'If-Range: x'],
    ]) {
      const asked = (condition: string) => exchange(ifmatch.port, method, '/doc', [...fields, condition]);
      t.equal((await asked('iF: (["v1"])')).status, 200);
      t.equal((await asked('iF: (["v0"])')).status, 412, "the origin's own");
    }
    t.equal((await exchange(ifmatch.port, method, '/doc', ['iF: (["v1"])', 'If-Match: "v0"'])).status, 412);
  });

  t.test(`${method}: If-Match that does not hold is 412, one that holds is the answer`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const etag = origin.store('/doc', 'content');
    const refused = await exchange(ifmatch.port, method, '/doc', ['If-Match: "other"']);
    t.equal(refused.status, 412);
    t.equal(refused.field('etag'), etag);
    t.equal(refused.content === '', method === 'HEAD');
    const passed = await exchange(ifmatch.port, method, '/doc', [`If-Match: ${etag}`]);
    t.equal(passed.status, 200);
    t.equal(passed.content, method === 'HEAD' ? '' : 'content');
    t.equal(origin.requests.length, 2);
  });
}

t.test('412 of a read is a problem too', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  origin.store('/doc', 'content');
  const response = await exchange(ifmatch.port, 'GET', '/doc', ['If-Match: "other"']);
  t.equal(problem(t, response, 412).field?.toLowerCase(), 'if-match');
});

for (const status of [404, 500, 401, 302]) {
  t.test(`an origin's ${status} passes, whatever the condition`, async (t) => {
    const fields = ['ETag', '"e"', 'X-Origin', 'yes', 'Content-Length', '4'];
    const origin = await startOrigin(t, { answer: () => ({ status, fields, content: 'page' }) });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    for (const condition of ['If-Match: "x"', 'If-None-Match: "e"', 'If-Match: "e"']) {
      const response = await exchange(ifmatch.port, 'GET', '/doc', [condition]);
      t.equal(response.status, status, condition);
      t.equal(response.content, 'page');
      t.equal(response.field('x-origin'), 'yes');
    }
  });
}

t.test("an origin's own 304 passes", async (t) => {
  const fields = ['ETag', '"v1"', 'X-Origin', 'yes'];
  const origin = await startOrigin(t, { answer: () => ({ status: 304, fields }) });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const response = await exchange(ifmatch.port, 'GET', '/doc', ['If-None-Match: "v1"']);
  t.equal(response.status, 304);
  t.equal(response.field('x-origin'), 'yes');
});

/** Serves 36 characters, with or without ranges; If-Range it does not know. */
async function ranged(t: Test, ranges: boolean): Promise<Origin> {
  const content = '0123456789abcdefghijklmnopqrstuvwxyz';
  return startOrigin(t, {
    answer: ({ fields }) => {
      const at = fields.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'range');
      const [, from = '', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(fields[at + 1] ?? '') ?? [];
      const tag = ['ETag', '"v1"', 'Accept-Ranges', ranges ? 'bytes' : 'none'];
      if (!ranges || at < 0) return { status: 200, fields: tag, content };
      if (Number(from) >= 36) return { status: 416, fields: ['Content-Range', 'bytes */36'] };
      const part = content.slice(Number(from), Number(to) + 1);
      return { status: 206, fields: [...tag, 'Content-Range', `bytes ${from}-${to}/36`], content: part };
    },
  });
}

const ranges = [
  {
    name: 'If-Range holds',
    ranges: true,
    fields: ['Range: bytes=0-3', 'If-Range: "v1"'],
    status: 206,
    content: '0123',
  },
  {
    name: 'If-Range does not hold, the origin ignores it',
    ranges: true,
    fields: ['Range: bytes=0-3', 'If-Range: "v0"'],
    status: 200,
  },
  { name: 'If-Range is weak', ranges: true, fields: ['Range: bytes=0-3', 'If-Range: W/"v1"'], status: 200 },
  {
    name: 'the origin knows no ranges',
    ranges: false,
    fields: ['Range: bytes=0-3', 'If-Range: "v1"'],
    status: 200,
  },
  { name: 'no If-Range', ranges: true, fields: ['Range: bytes=0-3'], status: 206, content: '0123' },
  {
    name: 'If-None-Match hits and the range is satisfiable',
    ranges: true,
    fields: ['Range: bytes=0-3', 'If-None-Match: "v1"'],
    status: 304,
    content: '',
  },
  {
    name: 'If-None-Match hits and the range is not satisfiable',
    ranges: true,
    fields: ['Range: bytes=90-95', 'If-None-Match: "v1"'],
    status: 304,
    content: '',
  },
];
for (const row of ranges) {
  t.test(`Range: ${row.name}: ${row.status}`, async (t) => {
    const origin = await ranged(t, row.ranges);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const response = await exchange(ifmatch.port, 'GET', '/doc', row.fields);
    t.equal(response.status, row.status);
    t.equal(response.content, row.content ?? '0123456789abcdefghijklmnopqrstuvwxyz');
    t.ok(response.complete);
  });
}

/** Sends 256 MiB as fast as they are taken; `sent` and `closed` tell how far it came. */
function endless(): { readonly answer: NonNullable<Origin['on']['answer']>; sent: number; closed: boolean } {
  const chunk = Buffer.alloc(1 << 16, 'x');
  const state = {
    sent: 0,
    closed: false,
    answer: () => ({
      by: (response: ServerResponse) => {
        response.writeHead(200, { ETag: '"big"', 'Content-Length': chunk.length * 4096 });
        response.on('close', () => {
          state.closed = true;
        });
        const pump = (): void => {
          while (state.sent < chunk.length * 4096) {
            state.sent += chunk.length;
            if (!response.write(chunk)) return;
          }
          response.end();
        };
        response.on('drain', pump);
        pump();
      },
    }),
  };
  return state;
}

t.test('a client that does not read makes the origin stop, and one that leaves ends the GET', async (t) => {
  const big = endless();
  const origin = await startOrigin(t, big);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const client = await connect(ifmatch.port);
  client.socket.pause();
  client.send(bytesOf('GET', '/big'));
  await until(() => big.sent > 0, 'the origin begins');
  let before = -1;
  while (before !== big.sent) {
    before = big.sent;
    await settle();
    await settle();
  }
  t.ok(big.sent < 128 << 20, `the origin stopped after ${big.sent} bytes`);
  t.equal(big.closed, false);
  client.reset();
  await until(() => big.closed, "the origin's GET is aborted");
  t.ok(big.sent < 256 << 20);
});

t.test('a client that gives up before the answer ends the GET', async (t) => {
  let closed = false;
  const origin = await startOrigin(t, {
    answer: () => ({
      by: (response) => {
        response.on('close', () => {
          closed = true;
        });
      },
    }),
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const client = await connect(ifmatch.port);
  client.send(bytesOf('GET', '/slow'));
  await until(() => origin.requests.length === 1, 'the GET arrives');
  client.close();
  await until(() => closed, "the origin's GET is aborted");
  t.pass('aborted');
});
