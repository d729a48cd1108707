// cors: expose adds what scripts need, only where the origin allowed the script to read the answer at all.

import t from 'tap';
import { exposeConditions } from '../../src/app/cors.ts';
import { anExchange } from '../fixtures/guarded-exchange.ts';

const ALLOWED = ['Access-Control-Allow-Origin', 'https://a.example'];
const ORIGIN = ['Origin', 'https://a.example'];
const PREFLIGHT = [...ORIGIN, 'Access-Control-Request-Method', 'PUT'];
const CONDITIONS = 'If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since';

const rows: {
  name: string;
  method?: string;
  fields?: readonly string[];
  cors?: 'pass' | 'expose';
  given: readonly string[];
  added: readonly string[];
}[] = [
  { name: 'cors: pass', cors: 'pass', given: ALLOWED, added: ALLOWED },
  { name: 'a request of no other site', fields: [], given: ALLOWED, added: ALLOWED },
  { name: 'an origin that allows nothing', given: ['A', '1'], added: ['A', '1'] },
  { name: 'an answer', given: ALLOWED, added: [...ALLOWED, 'Access-Control-Expose-Headers', 'ETag'] },
  {
    name: 'an answer that exposes others',
    given: [...ALLOWED, 'access-control-expose-headers', 'X-A'],
    added: [...ALLOWED, 'access-control-expose-headers', 'X-A, ETag'],
  },
  {
    name: 'an answer that exposes it',
    given: [...ALLOWED, 'Access-Control-Expose-Headers', 'x-a, etag'],
    added: [...ALLOWED, 'Access-Control-Expose-Headers', 'x-a, etag'],
  },
  {
    name: 'an answer with an empty list',
    given: [...ALLOWED, 'Access-Control-Expose-Headers', ''],
    added: [...ALLOWED, 'Access-Control-Expose-Headers', 'ETag'],
  },
  {
    name: 'an answer with empty members',
    given: [...ALLOWED, 'Access-Control-Expose-Headers', ' ,X-A,\t, X-B,'],
    added: [...ALLOWED, 'Access-Control-Expose-Headers', 'X-A, X-B, ETag'],
  },
  {
    name: 'an answer that exposes it on another line',
    given: [...ALLOWED, 'Access-Control-Expose-Headers', 'X-A', 'access-control-expose-headers', 'etag'],
    added: [...ALLOWED, 'Access-Control-Expose-Headers', 'X-A', 'access-control-expose-headers', 'etag'],
  },
  {
    name: 'a preflight',
    method: 'OPTIONS',
    fields: PREFLIGHT,
    given: ALLOWED,
    added: [...ALLOWED, 'Access-Control-Allow-Headers', CONDITIONS],
  },
  {
    name: 'a preflight that allows some',
    method: 'OPTIONS',
    fields: PREFLIGHT,
    given: [...ALLOWED, 'Access-Control-Allow-Headers', 'content-type, if-match'],
    added: [
      ...ALLOWED,
      'Access-Control-Allow-Headers',
      'content-type, if-match, If-None-Match, If-Modified-Since, If-Unmodified-Since',
    ],
  },
  {
    name: 'OPTIONS that is no preflight',
    method: 'OPTIONS',
    given: ALLOWED,
    added: [...ALLOWED, 'Access-Control-Expose-Headers', 'ETag'],
  },
];
for (const { name, method = 'GET', fields = ORIGIN, cors = 'expose', given, added } of rows) {
  t.test(name, async (t) => {
    const exchange = anExchange(method, { fields, route: { cors } });
    t.same(exposeConditions(exchange, { fields: given, status: 200 }), { fields: added, status: 200 });
  });
}
