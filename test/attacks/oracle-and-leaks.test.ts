// What a client learns: nothing that its own requests to the origin would not show it.

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { fieldValue } from '../../src/semantics/fields.ts';
import { attackLegacy, attackRaw } from '../fixtures/aftermath.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import type { Answer, Seen } from '../fixtures/origin-answers.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import type { RawResponse } from '../fixtures/raw-response.ts';
import { watchRejections } from '../fixtures/thrown.ts';

/** All that a client could tell two answers apart by, but the clock. */
const visible = ({ status, fields, content }: RawResponse): unknown => ({
  status,
  fields: fields.filter((_, i) => fields[i - (i % 2)]?.toLowerCase() !== 'date'),
  content,
});

const guesses = [
  ...['If-Match: "guess"', 'If-Match: *', 'If-None-Match: *', 'If-None-Match: "guess"'],
  ...['If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'X-None: 1', 'Prefer: return=representation'],
];
for (const status of [401, 403]) {
  for (const guess of guesses) {
    for (const method of ['PUT', 'DELETE', 'PROPFIND', 'GET']) {
      t.test(
        `row 125: ${method} without credentials, ${guess}: the origin's ${status}, whether it exists or not`,
        async (t) => {
          const { origin, ifmatch, aftermath } = await attackLegacy(t);
          const denial = {
            status,
            fields: ['WWW-Authenticate', 'Basic realm="x"', 'ETag', '"denied"'],
            content: 'no',
          };
          origin.on.answer = ({ fields }: Seen): Answer | undefined =>
            fieldValue(fields, 'authorization') === undefined ? denial : undefined;
          origin.store('/exists', 'old');
          const content = method === 'PUT' ? 'x' : undefined;
          const extra = guess.startsWith('Prefer') ? [guess, 'If-Match: "guess"'] : [guess];
          const there = await exchange(ifmatch.port, method, '/exists', extra, content);
          const missing = await exchange(ifmatch.port, method, '/missing', extra, content);
          t.equal(there.status, status);
          t.equal(there.field('www-authenticate'), 'Basic realm="x"');
          t.same(visible(missing), visible(there), 'no difference');
          t.same(origin.applied, []);
          await aftermath();
        },
      );
    }
  }
}

t.test(
  'row 126: where HEAD is public and PUT is not, a 412 shows what HEAD shows, and no more',
  async (t) => {
    const { origin, ifmatch, aftermath } = await attackLegacy(t);
    origin.on.answer = ({ method }) => (method === 'PUT' ? { status: 401, content: 'who?' } : undefined);
    const etag = origin.store('/doc', 'old');
    const stale = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'x');
    problem(t, stale, 412);
    t.equal(stale.field('etag'), (await exchange(ifmatch.port, 'HEAD', '/doc')).field('etag'));
    const current = await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'x');
    t.same([current.status, current.content], [401, 'who?']);
    await aftermath();
  },
);

const INSIDE =
  /127\.0\.0\.1|localhost|\.invalid|:\d{4,5}\b|UND_ERR|FST_|HPE_|ECONN|ENOTFOUND|EAI_|EPIPE|ERR_|SELF_SIGNED|certificate|\bat .*\.[jt]s|node_modules|undici|fastify|node\.js|llhttp|socket|Parse Error/i;
const ROUTES =
  'routes:\n  - { path: /off/*, mode: off }\n  - { path: /observe/*, mode: observe }\n  - { path: /get/*, probe: get }';

/** A server that speaks no TLS at all, or whatever the test wants. */
async function startSpeaker(t: Test, words: string): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(words, 'latin1'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

const broken: readonly { name: string; origin: (t: Test) => Promise<string> }[] = [
  { name: 'is down', origin: async () => `http://127.0.0.1:${await closedPort()}` },
  { name: 'has no address', origin: async () => 'http://no-such-host.invalid:4711' },
  {
    name: 'speaks no TLS',
    origin: async (t) => `https://127.0.0.1:${await startSpeaker(t, 'HTTP/1.1 200 OK\r\n\r\n')}`,
  },
  {
    name: 'overflows the fields',
    origin: async (t) =>
      `http://127.0.0.1:${await startSpeaker(t, `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)}`,
  },
  {
    name: 'speaks another protocol',
    origin: async (t) => `http://127.0.0.1:${await startSpeaker(t, 'SSH-2.0-x\r\n\r\n')}`,
  },
  { name: 'closes without a word', origin: async (t) => `http://127.0.0.1:${await startSpeaker(t, '')}` },
];
for (const { name, origin } of broken) {
  t.test(`row 130: an origin that ${name}: a fixed text, and nothing of the inside`, async (t) => {
    const rejections = watchRejections(t);
    const ifmatch = await startIfmatch(t, {
      origin: await origin(t),
      yaml: ROUTES,
      timeouts: { write: 200, uncertainty: 50 },
    });
    for (const path of ['/doc', '/off/doc', '/observe/doc', '/get/doc']) {
      for (const [method, fields] of [
        ['GET', []],
        ['HEAD', []],
        ['PUT', []],
        ['PUT', ['If-Match: "v1"']],
        ['OPTIONS', []],
      ] as const) {
        const response = await exchange(
          ifmatch.port,
          method,
          path,
          fields,
          method === 'PUT' ? 'x' : undefined,
        );
        t.ok([502, 503, 504].includes(response.status), `${method} ${path}: ${response.status}`);
        t.notMatch(response.fields.join('\n'), INSIDE, `${method} ${path}: fields`);
        if (method !== 'HEAD')
          t.notMatch(problem(t, response, response.status), INSIDE, `${method} ${path}: content`);
      }
    }
    await ifmatch.idle();
    t.same(rejections, []);
  });
}

const OK =
  'HTTP/1.1 200 OK\r\nServer: legacy/1.0\r\nX-Powered-By: legacy\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';

t.test('row 131: no answer and no request says what ifmatch is made of', async (t) => {
  const { origin, ifmatch, aftermath } = await attackRaw(t, () => OK, { yaml: ROUTES });
  const stack = /node|fastify|undici|reply-from|pino|\d+\.\d+\.\d+/i;
  for (const path of ['/doc', '/off/doc', '/observe/doc']) {
    for (const [method, tag] of [
      ['GET', '*'],
      ['PUT', '"v1"'],
      ['OPTIONS', '*'],
    ] as const) {
      const response = await exchange(
        ifmatch.port,
        method,
        path,
        [`If-Match: ${tag}`],
        method === 'PUT' ? 'x' : undefined,
      );
      t.same(response.all('server'), ['legacy/1.0'], "the origin's own words pass");
      t.same(response.all('x-powered-by'), ['legacy']);
      t.notMatch(response.fields.join('\n'), stack);
    }
  }
  const made = [
    await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'x'),
    await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: stale'], 'x'),
    await exchange(ifmatch.port, 'TRACE', '/doc'),
    await exchange(ifmatch.port, 'CONNECT', 'legacy.example:1'),
    await exchange(ifmatch.port, 'FOO', '/doc'),
    await exchange(ifmatch.port, 'GET', '/../x'),
    await exchange(ifmatch.port, 'GET', '/doc', ['Expect: 200-ok']),
    await exchange(ifmatch.port, 'GET', '/doc', [`X: ${'x'.repeat(20_000)}`]),
  ];
  for (const response of made) {
    t.ok(response.status >= 400);
    for (const name of ['server', 'x-powered-by', 'via']) t.equal(response.field(name), undefined, name);
    t.notMatch([...response.fields, response.content].join('\n'), stack);
  }
  for (const { head } of origin.requests) {
    t.match(head, /^Via: 1\.1 ifmatch-[0-9a-f]+\r$/m);
    t.notMatch(head.replace(/^(?:via|x-forwarded-for):.*$/gim, ''), stack);
  }
  await aftermath();
});
