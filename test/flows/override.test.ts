// Method overrides: stripped by default; where a route passes them, the method that they name is guarded.
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { exchange } from '../fixtures/raw-client.ts';

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
    {
      name: 'GET is guarded as the POST it came as',
      fields: ['X-HTTP-Method-Override: GET', 'If-Match: "stale"'],
      status: 412,
      applied: 0,
      seen: undefined,
    },
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
