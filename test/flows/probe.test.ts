// What the probe shows decides: current, absent, or undecided, and then nothing is written.

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startCanary } from '../fixtures/canary.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import type { Answer } from '../fixtures/origin-answers.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { until } from '../fixtures/until.ts';

/** An origin whose HEAD (and GET, unless `get` is given) is scripted, and whose writes work. */
const scripted = (t: Test, head: Answer, get: Answer | undefined = head) =>
  startOrigin(t, {
    answer: ({ method }) => (method === 'HEAD' ? head : method === 'GET' ? get : undefined),
  });

const TAG = ['ETag', '"e"'];

for (const status of [404, 410]) {
  t.test(`${status} means absent, even with the tag on its page`, async (t) => {
    const origin = await scripted(t, { status, fields: TAG });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "e"'], 'x'), 412);
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: *'], 'x'), 412);
    t.equal(origin.applied.length, 0);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-None-Match: "e"'], 'x')).status, 201);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-None-Match: *'], 'x')).status, 200);
    t.equal(origin.applied.length, 2);
  });
}

for (const status of [404, 410]) {
  t.test(`a server that says ${status} to every HEAD loses nothing by a creation or a date`, async (t) => {
    const origin = await startOrigin(t, {
      answer: ({ method }) => (method === 'HEAD' ? { status } : undefined),
    });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const etag = origin.store('/doc', 'somebody else wrote this');
    const conditions = ['If-None-Match: *', `If-None-Match: ${etag}`];
    conditions.push('If-Unmodified-Since: Tue, 15 Nov 1994 12:45:26 GMT');
    for (const condition of conditions) {
      problem(t, await exchange(ifmatch.port, 'PUT', '/doc', [condition], 'x'), 412);
    }
    t.equal(origin.applied.length, 0);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${etag}`], 'x')).status, 200);
    t.equal((await exchange(ifmatch.port, 'PUT', '/new', ['If-None-Match: *'], 'x')).status, 201);
    t.equal(origin.seen('HEAD').length, origin.seen('GET').length, 'a 404 may be true another time');
  });
}

t.test('a cache that answers the probe with what was: nobody is overwritten by it', async (t) => {
  const kept = ['Age', '7', 'Via', '1.1 varnish (Varnish/7.1)'];
  const origin = await startOrigin(t, {
    answer: ({ method, target }) => {
      if (method !== 'HEAD') return undefined;
      return target === '/new'
        ? { status: 404, fields: kept }
        : { status: 200, fields: ['ETag', '"ann"', ...kept] };
    },
  });
  const ifmatch = await startIfmatch(t, {
    origin: origin.url,
    yaml: 'routes:\n  - path: /legacy/*\n    undecided: forward',
  });
  for (const [target, condition] of [
    ['/doc', 'If-Match: "ann"'],
    ['/new', 'If-None-Match: *'],
  ] as const) {
    origin.store(target, 'somebody else wrote this');
    const { detail } = problem(t, await exchange(ifmatch.port, 'PUT', target, [condition], 'x'), 502);
    t.match(detail, /^A cache answered/);
  }
  t.equal(origin.applied.length, 0);
  await until(() => ifmatch.log.length === 2, 'the log');
  t.ok(ifmatch.log.every(({ cause }) => cause === 'a cache answered, from 7 s before'));
  const forwarded = await exchange(ifmatch.port, 'PUT', '/legacy/doc', ['If-Match: "ann"'], 'x');
  t.equal(forwarded.status, 201, 'where the route says so, the origin decides');
});

t.test(
  'a server that says 200 to every HEAD, of what is not there too: * is about what GET says',
  async (t) => {
    const origin = await startOrigin(t, {
      answer: ({ method }) => (method === 'HEAD' ? { status: 200 } : undefined),
    });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: *'], 'x'), 412);
    t.equal(origin.applied.length, 0);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-None-Match: *'], 'x')).status, 201);
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-None-Match: *'], 'x'), 412);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: *'], 'x')).status, 200);
    t.equal(origin.applied.length, 2);
  },
);

const fallbacks: { name: string; head: Answer }[] = [
  { name: '405', head: { status: 405, fields: ['ETag', '"error"'] } },
  { name: '501', head: { status: 501, fields: ['ETag', '"error"'] } },
  { name: '200 without any validator', head: { status: 200 } },
];
for (const { name, head } of fallbacks) {
  t.test(`HEAD gives ${name}: GET is asked, and asked at once from then on`, async (t) => {
    const origin = await scripted(t, head, { status: 200, fields: TAG, content: 'content' });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "e"'], 'x')).status, 201);
    problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "error"'], 'x'), 412);
    t.equal(origin.applied.length, 1);
    t.equal(origin.seen('GET').length, 2);
    t.equal(origin.seen('HEAD').length, 1, 'what works is remembered');
  });
}

t.test(
  'GET is compressed and has -gzip in its tag, HEAD has not: a reader of either can save, once',
  async (t) => {
    let version = 1;
    const origin = await startOrigin(t, {
      answer: ({ method, fields }) => {
        const suffix = method === 'GET' && fields.includes('gzip') ? '-gzip' : '';
        if (method === 'PUT') version += 1;
        return { status: 200, fields: ['ETag', `"v${version}${suffix}"`], content: 'content' };
      },
    });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const save = (tag: string, coding: string) =>
      exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: "${tag}"`, `Accept-Encoding: ${coding}`], 'x');
    problem(t, await save('v1-br', 'identity'), 412);
    t.equal((await save('v1-gzip', 'gzip')).status, 200);
    problem(t, await save('v1-gzip', 'gzip'), 412);
    problem(t, await save('v2-gzip', 'identity'), 412);
    t.equal((await save('v2', 'identity')).status, 200);
    t.equal(version, 3);
    const probes = origin.requests.flatMap(({ method }) => (method === 'PUT' ? [] : [method]));
    t.same(probes, ['HEAD', 'GET', 'HEAD', 'GET', 'GET', 'GET', 'GET'], 'it is asked at once from then on');
  },
);

t.test('HEAD leaves out the date that one of two conditions is about: GET is asked', async (t) => {
  const date = ['Last-Modified', 'Tue, 15 Nov 1994 12:45:26 GMT'];
  const origin = await scripted(
    t,
    { status: 200, fields: TAG },
    { status: 200, fields: [...TAG, ...date], content: 'content' },
  );
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const since = (day: string): string[] => [
    `If-Unmodified-Since: ${day} Nov 1994 12:45:26 GMT`,
    'If-None-Match: "other"',
  ];
  const stale = await exchange(ifmatch.port, 'PUT', '/doc', since('Mon, 14'), 'x');
  t.equal(problem(t, stale, 412).field, 'If-Unmodified-Since');
  t.equal(origin.applied.length, 0);
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', since('Tue, 15'), 'x')).status, 201);
});

t.test('a current representation without any validator fulfils only *', async (t) => {
  const origin = await scripted(t, { status: 200 });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "e"'], 'x'), 412);
  problem(t, await exchange(ifmatch.port, 'PUT', '/doc', ['If-None-Match: *'], 'x'), 412);
  t.equal(origin.applied.length, 0);
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: *'], 'x')).status, 201);
});

t.test('probe: get asks no HEAD; probe: head asks no GET', async (t) => {
  const origin = await startOrigin(t, {
    answer: ({ method }) => (method === 'HEAD' ? { status: 405 } : undefined),
  });
  const yaml = 'routes:\n  - path: /get/:id\n    probe: get\n  - path: /head/:id\n    probe: head';
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
  const etag = origin.store('/get/1', 'old');
  origin.store('/head/1', 'old');
  t.equal((await exchange(ifmatch.port, 'PUT', '/get/1', [`If-Match: ${etag}`], 'x')).status, 200);
  t.equal(origin.seen('HEAD').length, 0);
  const refused = await exchange(ifmatch.port, 'PUT', '/head/1', ['If-Match: *'], 'x');
  t.ok(refused.status >= 400, `refused with ${refused.status}`);
  t.equal(origin.seen('GET').length, 1);
  t.equal(origin.applied.length, 1);
});

const relayed = [
  { status: 401, fields: ['WWW-Authenticate', 'Basic realm="x"'] },
  { status: 403, fields: [] },
  { status: 407, fields: ['Proxy-Authenticate', 'Basic realm="x"'] },
  { status: 405, fields: ['Allow', 'POST'] },
  { status: 429, fields: ['Retry-After', '7'] },
  { status: 402, fields: [] },
  { status: 451, fields: [] },
];
for (const { status, fields } of relayed) {
  t.test(`${status} goes to the client with its fields; nothing is written`, async (t) => {
    const origin = await scripted(t, { status, fields: [...fields, ...TAG] });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    for (const condition of ['If-Match: "e"', 'If-Match: *', 'If-None-Match: *']) {
      const response = await exchange(ifmatch.port, 'PUT', '/doc', [condition], 'x');
      t.equal(response.status, status, condition);
      const [name, value] = fields;
      if (name) t.equal(response.field(name.toLowerCase()), value);
    }
    t.equal(origin.seen('PUT').length, 0);
    await ifmatch.idle();
  });
}

t.test('426 is not for the client, who cannot have the protocols that must come with it: 502', async (t) => {
  const origin = await scripted(t, {
    status: 426,
    fields: ['Upgrade', 'h2c', 'Connection', 'upgrade', ...TAG],
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  for (const condition of ['If-Match: "e"', 'If-None-Match: *']) {
    const response = await exchange(ifmatch.port, 'PUT', '/doc', [condition], 'x');
    t.match(problem(t, response, 502), { type: 'urn:ifmatch:probe-undecided', detail: /426/ });
    t.equal(response.field('upgrade'), undefined);
  }
  t.equal(origin.seen('PUT').length, 0);
  await ifmatch.idle();
});

for (const status of [301, 302, 303, 307, 308]) {
  t.test(`${status} goes to the client with its Location, which nobody follows`, async (t) => {
    const { address, visits } = await startCanary(t);
    const location = `http://${address}/doc`;
    const origin = await scripted(t, { status, fields: ['Location', location, ...TAG] });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "e"'], 'x');
    t.equal(response.status, status);
    t.equal(response.field('location'), location);
    t.equal(origin.seen('PUT').length, 0);
    t.equal(visits(), 0);
  });
}

const broken: { name: string; head: Answer; wanted: number[] }[] = [
  { name: '500 with the very tag', head: { status: 500, fields: TAG }, wanted: [502, 503, 504] },
  { name: '502', head: { status: 502, fields: TAG }, wanted: [502, 503, 504] },
  { name: '503', head: { status: 503, fields: TAG }, wanted: [503] },
  { name: 'a reset', head: { fault: 'reset' }, wanted: [502, 503] },
  { name: 'no answer in time', head: { fault: 'hang' }, wanted: [504] },
];
for (const { name, head, wanted } of broken) {
  t.test(`the probe meets ${name}: ${wanted.join(' or ')}, nothing is written`, async (t) => {
    const origin = await scripted(t, head);
    const ifmatch = await startIfmatch(t, { origin: origin.url, timeouts: { probe: 250 } });
    for (const condition of ['If-Match: "e"', 'If-None-Match: *']) {
      const response = await exchange(ifmatch.port, 'PUT', '/doc', [condition], 'x');
      t.ok(wanted.includes(response.status), `${condition}: ${response.status}`);
      problem(t, response, response.status);
    }
    t.equal(origin.seen('PUT').length, 0);
    await ifmatch.idle();
  });
}

for (const [told, shown] of [
  ['7', '7'],
  ['Wed, 21 Oct 2026 07:28:00 GMT', '5'],
] as const) {
  t.test(`the probe meets 503 and Retry-After: ${told}: one line of it for the client`, async (t) => {
    const origin = await scripted(t, { status: 503, fields: ['Retry-After', told] });
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "e"'], 'x');
    t.equal(problem(t, response, 503).type, 'urn:ifmatch:probe-unavailable');
    t.same(response.all('retry-after'), [shown]);
  });
}

t.test('probes that wait for one another have all of their time when their turn comes', async (t) => {
  const origin = await startOrigin(t, {
    readDelay: ({ method }) => (method === 'HEAD' ? sleep(400) : Promise.resolve()),
  });
  const ifmatch = await startIfmatch(t, {
    origin: origin.url,
    connections: 1,
    timeouts: { connect: 7000, probe: 1000 },
  });
  const targets = ['/a', '/b', '/c', '/d'];
  for (const target of targets) origin.store(target, 'old');
  const writes = targets.map((target) => exchange(ifmatch.port, 'PUT', target, ['If-Match: *'], 'x'));
  for (const { status } of await Promise.all(writes)) t.equal(status, 200);
  await ifmatch.idle();
});

t.test('the probe gets no connection in time: the same 503 as for a write, for later', async (t) => {
  const silent = net.createServer((socket) => void socket.on('error', () => {}));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  // the first waits for TLS, the others for the connection that it has not got
  const ifmatch = await startIfmatch(t, {
    origin: `https://127.0.0.1:${port}`,
    connections: 1,
    timeouts: { connect: 400 },
  });
  const conditions = [['If-Match: "e"'], ['If-Match: *'], ['If-None-Match: *'], []];
  const send = (fields: string[], n: number) => exchange(ifmatch.port, 'PUT', `/${n}`, fields, 'x');
  for (const response of await Promise.all(conditions.map(send))) {
    t.equal(problem(t, response, 503).type, 'urn:ifmatch:origin-busy');
    t.match(response.field('retry-after'), /^[1-9]\d*$/);
  }
  await ifmatch.idle();
  const isTold = ({ cause }: { cause?: unknown }): boolean => /connection did not open/.test(String(cause));
  t.ok(ifmatch.log.some(isTold), 'the log lays it to the network, not to origin.connections');
});

t.test('nobody listens at the origin', async (t) => {
  const ifmatch = await startIfmatch(t, { origin: `http://127.0.0.1:${await closedPort()}` });
  const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "e"'], 'x');
  t.ok([502, 503, 504].includes(response.status), `${response.status}`);
  t.notMatch(problem(t, response, response.status).detail, /unknown/i, 'it was not sent');
  await ifmatch.idle();
});

t.test('undecided: forward writes all the same, but not what is known to be stale', async (t) => {
  const origin = await startOrigin(t, {
    answer: ({ method, target }) => (method === 'HEAD' && target === '/o/500' ? { status: 500 } : undefined),
  });
  const ifmatch = await startIfmatch(t, {
    origin: origin.url,
    yaml: 'routes:\n  - path: /o/:id\n    undecided: forward',
  });
  t.equal((await exchange(ifmatch.port, 'PUT', '/o/500', ['If-Match: "e"'], 'x')).status, 201);
  origin.store('/o/1', 'old');
  t.equal((await exchange(ifmatch.port, 'PUT', '/o/1', ['If-Match: "e"'], 'x')).status, 412);
  t.equal(origin.applied.length, 1);
});

t.test('the content of a GET probe is bounded', async (t) => {
  let sent = 0;
  let closed = false;
  const chunk = Buffer.alloc(1 << 16, 'x');
  const get: Answer = {
    by: (response) => {
      response.writeHead(200, { ETag: '"e"' });
      response.on('close', () => {
        closed = true;
      });
      const pump = (): void => {
        while (!closed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', pump);
      pump();
    },
  };
  const origin = await scripted(t, { status: 405 }, get);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const response = await exchange(ifmatch.port, 'PUT', '/endless', ['If-Match: "e"'], 'x');
  t.equal(response.status, 201, 'the head of the GET had the tag');
  await until(() => closed, 'the GET is broken off');
  t.ok(sent < 64 << 20, `${sent} bytes were sent`);
  await ifmatch.idle();
});

t.test(
  'twenty conditional writes need one connection for the probe and one for the write at most',
  async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    let etag: string | undefined = origin.store('/doc', 'old');
    const client = await connect(ifmatch.port);
    for (let written = 0; written < 20; written++) {
      client.send(bytesOf('PUT', '/doc', [`If-Match: ${etag}`], `${written}`));
      const response = await client.response();
      t.equal(response.status, 200);
      etag = response.field('etag');
    }
    client.close();
    t.equal(origin.applied.length, 20);
    t.ok(origin.connections() <= 2, `${origin.connections()} connections`);
  },
);
