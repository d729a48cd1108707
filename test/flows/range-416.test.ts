// A range that cannot be satisfied, and conditions: an origin's 416 counts only where a 200 would (RFC 9110 13.2.2, 14.2).

import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';

const DATE = 'Wed, 01 Jan 2020 00:00:00 GMT';
const EARLIER = 'Tue, 31 Dec 2019 00:00:00 GMT';
const CONTENT = 'whole';

/** Answers every Range by 416 without validators, and evaluates no condition. */
async function scene(t: Test) {
  const origin = await startRawOrigin(t, ({ method, head }) => {
    if (/^range:/im.test(head)) {
      return `HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */5\r\nContent-Length: 4\r\n\r\n${method === 'HEAD' ? '' : 'none'}`;
    }
    const validators = `ETag: "v1"\r\nLast-Modified: ${DATE}\r\nDate: ${new Date().toUTCString()}\r\n`;
    return `HTTP/1.1 200 OK\r\n${validators}Content-Length: 5\r\n\r\n${method === 'HEAD' ? '' : CONTENT}`;
  });
  return { origin, ifmatch: await startIfmatch(t, { origin: origin.url }) };
}

const rows: { name: string; fields: readonly string[]; status: 200 | 304 | 412 | 416 }[] = [
  { name: 'no condition', fields: [], status: 416 },
  { name: 'If-Range is true', fields: ['If-Range: "v1"'], status: 416 },
  { name: 'If-Range is true, by date', fields: [`If-Range: ${DATE}`], status: 416 },
  { name: 'If-Range is false', fields: ['If-Range: "v0"'], status: 200 },
  { name: 'If-Range is false, by date', fields: [`If-Range: ${EARLIER}`], status: 200 },
  { name: 'If-Range is weak', fields: ['If-Range: W/"v1"'], status: 200 },
  { name: 'If-Range is malformed', fields: ['If-Range: v1'], status: 200 },
  { name: 'If-Match is true', fields: ['If-Match: "v1"'], status: 416 },
  { name: 'If-Match is true, any', fields: ['If-Match: *'], status: 416 },
  { name: 'If-Match is false', fields: ['If-Match: "v0"'], status: 412 },
  { name: 'If-Unmodified-Since is true', fields: [`If-Unmodified-Since: ${DATE}`], status: 416 },
  { name: 'If-Unmodified-Since is false', fields: [`If-Unmodified-Since: ${EARLIER}`], status: 412 },
  { name: 'If-None-Match hits', fields: ['If-None-Match: "v1"'], status: 304 },
  {
    name: 'If-None-Match hits, If-Range is false',
    fields: ['If-None-Match: "v1"', 'If-Range: "v0"'],
    status: 304,
  },
  { name: 'If-None-Match does not hit', fields: ['If-None-Match: "v0"'], status: 416 },
  { name: 'If-Modified-Since: not modified', fields: [`If-Modified-Since: ${DATE}`], status: 304 },
  { name: 'If-Match and If-Range are true', fields: ['If-Match: "v1"', 'If-Range: "v1"'], status: 416 },
  { name: 'If-Match is true, If-Range is false', fields: ['If-Match: "v1"', 'If-Range: "v0"'], status: 200 },
];
for (const { name, fields, status } of rows) {
  t.test(`${name}: ${status}`, async (t) => {
    const { origin, ifmatch } = await scene(t);
    const response = await exchange(ifmatch.port, 'GET', '/doc', ['Range: bytes=100-', ...fields]);
    t.equal(response.status, status);
    if (status === 200) t.equal(response.content, CONTENT);
    if (status === 304) t.equal(response.field('etag'), '"v1"');
    if (status === 412) problem(t, response, 412);
    if (status === 416) {
      t.equal(response.field('content-range'), 'bytes */5', "the origin's own");
      t.equal(response.content, 'none');
    }
    if (fields.length === 0) t.equal(origin.requests.length, 1, 'nothing more is asked');
    // the answer is over: the next request on a connection to the origin gets its own
    t.equal((await exchange(ifmatch.port, 'GET', '/doc')).content, CONTENT);
  });
}

t.test(
  'resource: a read asks for the validators of what it reads, not of what is written there',
  async (t) => {
    const origin = await startRawOrigin(t, ({ method, target, head }) => {
      if (/^range:/im.test(head))
        return 'HTTP/1.1 416 X\r\nContent-Range: bytes */4\r\nContent-Length: 0\r\n\r\n';
      const tag = target === '/orders/1' ? '"order"' : '"form"';
      return `HTTP/1.1 200 OK\r\nETag: ${tag}\r\nContent-Length: 4\r\n\r\n${method === 'HEAD' ? '' : 'form'}`;
    });
    const yaml = 'routes:\n  - path: /orders/:id/approve\n    resource: /orders/:id';
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
    for (const [condition, status] of [
      ['If-None-Match: "form"', 304],
      ['If-None-Match: "order"', 416],
      ['If-Match: "form"', 416],
      ['If-Match: "order"', 412],
      ['If-Range: "form"', 416],
      ['If-Range: "order"', 200],
    ] as const) {
      const fields = ['Range: bytes=100-', condition];
      t.equal((await exchange(ifmatch.port, 'GET', '/orders/1/approve', fields)).status, status, condition);
    }
    t.same(
      origin.requests.filter(({ target }) => target !== '/orders/1/approve'),
      [],
    );
  },
);
