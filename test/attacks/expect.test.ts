// Expect: the verdict comes before the 100, what is withheld for ever ends at a deadline, and nothing else is expected.

import t, { type Test } from 'tap';
import { type Arena, OK, startArena } from '../fixtures/attack.ts';
import { bytesOf, connect, type RawClient } from '../fixtures/raw-client.ts';
import { until } from '../fixtures/until.ts';

// Some of these wait for a deadline.
t.jobs = 8;

const CURRENT = 'If-Match: "v1"';
const STALE = 'If-Match: "v0"';
const EXPECT = 'Expect: 100-continue';
const LENGTH = 'Content-Length: 2';

const start = (t: Test): Promise<Arena> =>
  startArena(t, () => OK, { yaml: 'limits: { idle: 300ms, upload: 600ms }' });

interface Case {
  readonly name: string;
  readonly bytes: string;
  /** Sent when a 100 came. */
  readonly content?: string;
  readonly interim: readonly number[];
  readonly status: number;
  readonly writes: number;
}

// 37
const cases: Case[] = [
  ...[CURRENT, 'X: no condition'].map((line) => ({
    name: line,
    bytes: bytesOf('PUT', '/a', [line, EXPECT, LENGTH]),
    content: 'hi',
    interim: [100],
    status: 200,
    writes: 1,
  })),
  { name: STALE, bytes: bytesOf('PUT', '/a', [STALE, EXPECT, LENGTH]), interim: [], status: 412, writes: 0 },
  {
    name: 'a stale condition, chunked',
    bytes: bytesOf('PUT', '/a', [STALE, EXPECT, 'Transfer-Encoding: chunked']),
    interim: [],
    status: 412,
    writes: 0,
  },
  {
    name: 'content withheld for ever',
    bytes: bytesOf('PUT', '/a', [CURRENT, EXPECT, LENGTH]),
    interim: [100],
    status: 408,
    writes: 0,
  },
  {
    name: 'content of which a part is withheld for ever',
    bytes: bytesOf('PUT', '/a', [CURRENT, EXPECT, 'Content-Length: 3']),
    content: 'hi',
    interim: [100],
    status: 408,
    writes: 0,
  },
  {
    name: '200-ok',
    bytes: bytesOf('PUT', '/a', ['Expect: 200-ok', LENGTH]),
    interim: [],
    status: 417,
    writes: 0,
  },
  {
    name: '100-continue behind an octet that is no whitespace',
    bytes: bytesOf('PUT', '/a', ['Expect: \xa0100-continue', LENGTH]),
    interim: [],
    status: 417,
    writes: 0,
  },
  {
    name: '100-continue twice',
    bytes: bytesOf('PUT', '/a', [EXPECT, EXPECT, LENGTH]),
    interim: [],
    status: 400,
    writes: 0,
  },
  {
    name: 'of an HTTP/1.0 client, which knows no 100',
    bytes: bytesOf('PUT', '/a', [CURRENT, EXPECT], 'hi').replace('HTTP/1.1', 'HTTP/1.0'),
    interim: [],
    status: 200,
    writes: 1,
  },
];
for (const { name, bytes, content, interim, status, writes } of cases) {
  t.test(`Expect, ${name}: ${[...interim, status].join(', then ')}`, async (t) => {
    const arena = await start(t);
    const got = await arena.attack(t, async () => {
      const client = await connect(arena.ifmatch.port);
      client.send(bytes);
      if (content !== undefined) {
        await until(() => client.rest().startsWith('HTTP/1.1 100 '), 'the 100');
        client.send(content);
      }
      const response = await client.response();
      t.same([...response.interim, response.status], [...interim, status]);
      client.close();
    });
    t.equal(got.filter(({ method }) => method === 'PUT').length, writes);
    for (const { head } of got) t.notMatch(head, /^expect:/im, 'the field ends here');
  });
}

for (const [line, status] of [
  [CURRENT, 200],
  [STALE, 412],
] as const) {
  t.test(
    `Expect with the content already sent, ${line}: ${status}, and the connection is not out of step`,
    async (t) => {
      const arena = await start(t);
      await arena.attack(t, async () => {
        const client: RawClient = await connect(arena.ifmatch.port);
        client.send(bytesOf('PUT', '/a', [line, EXPECT], bytesOf('DELETE', '/hidden')));
        t.equal((await client.response()).status, status);
        client.send(bytesOf('GET', '/after'));
        const after = await client.response().catch(() => undefined);
        if (status === 200 || after !== undefined) t.equal(after?.status, 200);
        t.equal(client.rest(), '');
        client.close();
      });
      t.equal(arena.origin.count('DELETE'), 0);
      t.equal(
        arena.origin.requests.filter(({ target }) => target === '/a').filter(({ method }) => method === 'PUT')
          .length,
        status === 200 ? 1 : 0,
      );
    },
  );
}
