// A browser can read what ifmatch answers, as far as the origin allows it (Fetch standard).

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';

const ALLOW = [
  ...['Access-Control-Allow-Origin', 'https://app.example', 'Access-Control-Allow-Credentials', 'true'],
  ...['Access-Control-Expose-Headers', 'X-Total', 'Vary', 'Origin'],
];
const ORIGIN = 'Origin: https://app.example';

t.test("the 412 carries the probe's Access-Control fields and Vary", async (t) => {
  const origin = await startOrigin(t, {
    answer: () => ({ status: 200, fields: ['ETag', '"v1"', ...ALLOW] }),
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"', ORIGIN], 'new');
  problem(t, response, 412);
  t.equal(response.field('access-control-allow-origin'), 'https://app.example');
  t.equal(response.field('access-control-allow-credentials'), 'true');
  t.equal(response.field('access-control-expose-headers'), 'X-Total');
  t.match(response.all('vary').join(', '), /\bOrigin\b/i);
});

t.test('an origin that allows nothing is not opened', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  origin.store('/doc', 'old');
  const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"', ORIGIN], 'new');
  t.equal(response.status, 412);
  t.equal(response.field('access-control-allow-origin'), undefined);
});

t.test('a preflight goes to the origin and back as it is', async (t) => {
  const fields = ['Access-Control-Allow-Origin', '*', 'Access-Control-Allow-Headers', 'Content-Type'];
  const origin = await startOrigin(t, { answer: () => ({ status: 204, fields }) });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const asked = [ORIGIN, 'Access-Control-Request-Method: PUT', 'If-Match: "stale"'];
  const response = await exchange(ifmatch.port, 'OPTIONS', '/doc', asked);
  t.equal(response.status, 204);
  t.equal(response.field('access-control-allow-headers'), 'Content-Type');
  t.equal(origin.requests.length, 1, 'no probe for OPTIONS');
});

t.test(
  'cors: expose adds ETag to what is exposed and the conditional fields to what may be sent',
  async (t) => {
    const origin = await startOrigin(t, {
      answer: ({ method }) =>
        method === 'OPTIONS'
          ? {
              status: 204,
              fields: ['Access-Control-Allow-Origin', '*', 'Access-Control-Allow-Headers', 'Content-Type'],
            }
          : { status: 200, fields: ['ETag', '"v1"', ...ALLOW] },
    });
    const ifmatch = await startIfmatch(t, {
      origin: origin.url,
      yaml: 'routes:\n  - path: /doc\n    cors: expose',
    });
    const read = await exchange(ifmatch.port, 'GET', '/doc', [ORIGIN]);
    const exposed = read.all('access-control-expose-headers').join(', ');
    t.match(exposed, /\bETag\b/i);
    t.match(exposed, /\bX-Total\b/i);
    const refused = await exchange(ifmatch.port, 'PUT', '/doc', [ORIGIN, 'If-Match: "stale"'], 'new');
    t.equal(refused.status, 412);
    t.match(refused.all('access-control-expose-headers').join(', '), /\bETag\b/i);
    const asked = [ORIGIN, 'Access-Control-Request-Method: PUT', 'Access-Control-Request-Headers: if-match'];
    const preflight = await exchange(ifmatch.port, 'OPTIONS', '/doc', asked);
    const allowed = preflight.all('access-control-allow-headers').join(', ');
    t.match(allowed, /\bContent-Type\b/i);
    t.match(allowed, /\bIf-Match\b/i);
    t.match(allowed, /\bIf-None-Match\b/i);
    t.match(allowed, /\bIf-Unmodified-Since\b/i);
  },
);

t.test('cors: expose makes no empty members, and none that are there', async (t) => {
  for (const [lines, shown] of [
    [[''], ['ETag']],
    [[', X-A,'], ['X-A, ETag']],
    [
      ['X-A', 'etag'],
      ['X-A', 'etag'],
    ],
  ] as const) {
    const exposed = lines.flatMap((line) => ['Access-Control-Expose-Headers', line]);
    const origin = await startOrigin(t, {
      answer: () => ({ status: 200, fields: ['Access-Control-Allow-Origin', '*', ...exposed] }),
    });
    const yaml = 'routes: [{ path: /*, cors: expose }]';
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
    const response = await exchange(ifmatch.port, 'GET', '/doc', [ORIGIN]);
    t.same(response.all('access-control-expose-headers'), shown);
  }
});
