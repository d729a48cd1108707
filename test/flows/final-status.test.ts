// A final status that comes before the content has no content of its own to leave with: it is immediate even so (RFC 9110 10.1.1).

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';

/** Content that nobody wants is waited for longer. Milliseconds. */
const IMMEDIATELY = 1_000;

const cases: { name: string; method: string; fields: string[]; status: number }[] = [
  { name: 'a HEAD', method: 'HEAD', fields: [], status: 200 },
  { name: 'a HEAD with a false condition', method: 'HEAD', fields: ['If-Match: "v0"'], status: 412 },
  { name: 'a GET of nothing', method: 'GET', fields: [], status: 200 },
  { name: 'a GET of what the client has', method: 'GET', fields: ['If-None-Match: "\xe9"'], status: 304 },
  { name: 'an OPTIONS', method: 'OPTIONS', fields: [], status: 204 },
  {
    name: 'a stale write whose client wants the current representation, which is empty',
    method: 'PUT',
    fields: ['If-Match: "v0"', 'Prefer: return=representation'],
    status: 412,
  },
];
for (const { name, method, fields, status } of cases) {
  for (const announced of ['Content-Length: 3', 'Transfer-Encoding: chunked']) {
    t.test(`${name} that withholds its content, ${announced}: ${status} at once`, async (t) => {
      const origin = await startRawOrigin(t, (request) =>
        request.method === 'OPTIONS'
          ? 'HTTP/1.1 204 No Content\r\nX-Name: \xe9\r\n\r\n'
          : 'HTTP/1.1 200 OK\r\nETag: "\xe9"\r\nAccess-Control-X: \xe9\r\nX-Name: \xe9\r\nContent-Length: 0\r\n\r\n',
      );
      const ifmatch = await startIfmatch(t, { origin: origin.url });
      const client = await connect(ifmatch.port);
      const began = performance.now();
      client.send(bytesOf(method, '/doc', [...fields, 'Expect: 100-continue', announced]));
      const response = await client.response(method);
      const ms = performance.now() - began;
      t.ok(ms < IMMEDIATELY, `after ${Math.round(ms)} ms`);
      t.same([response.interim, response.status], [[], status]);
      t.equal(response.field('connection'), 'close');
      const shown = response.field(status === 412 ? 'access-control-x' : 'x-name');
      t.equal(shown, '\xe9', 'an octet is an octet');
      client.close();
      await ifmatch.idle();
    });
  }
}
