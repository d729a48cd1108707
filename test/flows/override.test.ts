// Method overrides: stripped by default; where a route passes them, the method that they name is guarded.
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const PASS = 'routes:\n  - path: /doc\n    mode: require\n    methods: [PUT]\n    override: pass\n';

const rows: { name: string; fields: string[]; status: number; applied: number; seen: string | undefined }[] =
  [
    { name: 'none: POST needs no condition here', fields: [], status: 200, applied: 1, seen: undefined },
    {
      name: 'PUT without a condition',
      fields: ['X-HTTP-Method-Override: PUT'],
      status: 428,
      applied: 0,
      seen: undefined,
    },
    { name: 'put in lower case', fields: ['X-HTTP-Method: put'], status: 428, applied: 0, seen: undefined },
    {
      name: 'PUT with a stale condition',
      fields: ['X-Method-Override: PUT', 'If-Match: "stale"'],
      status: 412,
      applied: 0,
      seen: undefined,
    },
    {
      name: 'PUT with the right one',
      fields: ['X-HTTP-Method-Override: PUT', 'If-Match: *'],
      status: 200,
      applied: 1,
      seen: 'PUT',
    },
    {
      name: 'two that agree',
      fields: ['X-HTTP-Method-Override: PUT', 'X-Method-Override: PUT', 'If-Match: *'],
      status: 200,
      applied: 1,
      seen: 'PUT',
    },
    {
      name: 'two that differ',
      fields: ['X-HTTP-Method-Override: PUT', 'X-Method-Override: DELETE', 'If-Match: *'],
      status: 400,
      applied: 0,
      seen: undefined,
    },
    {
      name: 'no method',
      fields: ['X-HTTP-Method-Override: ERASE'],
      status: 400,
      applied: 0,
      seen: undefined,
    },
    ...['GET', 'OPTIONS', 'TRACE', 'CONNECT', 'PROPFIND'].map((named) => ({
      name: `${named} is guarded as the POST it came as`,
      fields: [`X-HTTP-Method-Override: ${named}`, 'If-Match: "stale"'],
      status: 412,
      applied: 0,
      seen: undefined,
    })),
  ];
for (const { name, fields, status, applied, seen } of rows) {
  t.test(`override: pass, ${name}`, async (t) => {
    const origin = await startOrigin(t);
    const { port } = await startIfmatch(t, { origin: origin.url, yaml: PASS });
    origin.store('/doc', 'old');
    t.equal((await exchange(port, 'POST', '/doc', fields, 'new')).status, status);
    t.equal(origin.applied.length, applied);
    const post = origin.requests.find(({ method }) => method === 'POST');
    const at = post?.fields.findIndex((field) => field.toLowerCase() === 'x-http-method-override') ?? -1;
    t.equal(at < 0 ? undefined : post?.fields[at + 1], seen);
    for (const { method, fields } of origin.requests) {
      if (method === 'HEAD') t.notMatch(fields.join('\n'), /override/i, 'not on the probe');
    }
  });
}

t.test('by default an override is stripped, and the POST is a POST', async (t) => {
  const origin = await startOrigin(t);
  const { port } = await startIfmatch(t, { origin: origin.url });
  origin.store('/doc', 'old');
  t.equal((await exchange(port, 'POST', '/doc', ['X-HTTP-Method-Override: DELETE'], 'new')).status, 200);
  t.notMatch(origin.requests.map(({ fields }) => fields.join('\n')).join('\n'), /override/i);
});

const demanded: { methods: string; named: readonly string[]; status: number }[] = [
  {
    methods: 'POST',
    named: ['GET', 'PUT', 'DELETE', 'LOCK', 'UNLOCK', 'MKCOL', 'MOVE', 'PURGE', 'CONNECT'],
    status: 428,
  },
  { methods: 'LOCK', named: ['LOCK'], status: 428 },
  { methods: 'LOCK', named: ['GET', 'PUT', 'CONNECT'], status: 200 },
];
for (const { methods, named, status } of demanded) {
  for (const method of named) {
    t.test(`a condition is demanded of ${methods}: a POST that names ${method} gets ${status}`, async (t) => {
      const origin = await startOrigin(t, {
        answer: (request) =>
          request.method === 'POST' ? undefined : { status: 200, fields: ['ETag', '"e"'] },
      });
      const yaml = `routes:\n  - { path: /doc, mode: require, methods: [${methods}], override: pass }\n`;
      const { port } = await startIfmatch(t, { origin: origin.url, yaml });
      origin.store('/doc', 'old');
      const fields = [`X-HTTP-Method-Override: ${method}`];
      const ignored = 'If-Unmodified-Since: Thu, 01 Jan 2026 00:00:00 GMT';
      t.equal((await exchange(port, 'POST', '/doc', fields, 'new')).status, status);
      t.equal((await exchange(port, 'POST', '/doc', [...fields, ignored], 'new')).status, status, 'ignored');
      t.equal(origin.applied.length, status === 428 ? 0 : 2);
      t.equal((await exchange(port, 'POST', '/doc', [...fields, 'If-Match: "e"'], 'new')).status, 200);
    });
  }
}

for (const method of ['MOVE', 'COPY']) {
  t.test(`a POST that names ${method} does not write amid another's check and write there`, async (t) => {
    const write = gate();
    const origin = await startOrigin(t, {
      delay: ({ target }) => (target === '/b' ? write.opened : Promise.resolve()),
    });
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: PASS.replace('/doc', '/*') });
    const etag = origin.store('/b', 'old');
    const [writer, mover] = [await connect(ifmatch.port), await connect(ifmatch.port)];
    t.teardown(() => [writer, mover].forEach((client) => void client.close()));
    writer.send(bytesOf('PUT', '/b', [`If-Match: ${etag}`], 'new'));
    await until(() => origin.seen('PUT').length === 1, 'the writer holds the destination');
    mover.send(bytesOf('POST', '/a', [`X-HTTP-Method-Override: ${method}`, 'Destination: /b'], ''));
    await until(() => ifmatch.lock().waiting === 1, 'it waits');
    await settle();
    t.equal(origin.seen('POST').length, 0);
    write.open();
    t.equal((await writer.response()).status, 200);
    t.match((await mover.response()).status, /^20[01]$/);
    problem(
      t,
      await exchange(ifmatch.port, 'POST', '/a', [`X-Method-Override: ${method}`, 'Destination: /../b'], ''),
      400,
    );
    await ifmatch.idle();
  });
}
