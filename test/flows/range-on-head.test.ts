// Range on a HEAD: it has a meaning for GET alone (RFC 9110 14.2), though nginx and others take it for one on a HEAD too.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';

const VALIDATORS = 'ETag: "v1"\r\nLast-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\n';

for (const range of ['bytes=0-1', 'bytes=100-']) {
  for (const { fields, status } of [
    { fields: [], status: 200 },
    { fields: ['If-Range: "v1"'], status: 200 },
    { fields: ['If-Match: "v1"'], status: 200 },
    { fields: ['If-None-Match: "v1"'], status: 304 },
    { fields: ['If-Match: "v0"'], status: 412 },
  ]) {
    t.test(`HEAD, Range: ${range} ${fields}: ${status}`, async (t) => {
      const origin = await startRawOrigin(t, ({ head }) => {
        if (/^range: bytes=0-1/im.test(head)) {
          return `HTTP/1.1 206 Partial Content\r\n${VALIDATORS}Content-Range: bytes 0-1/5\r\nContent-Length: 2\r\n\r\n`;
        }
        if (/^range:/im.test(head)) {
          return 'HTTP/1.1 416 X\r\nContent-Range: bytes */5\r\nContent-Length: 0\r\n\r\n';
        }
        return `HTTP/1.1 200 OK\r\n${VALIDATORS}Content-Length: 5\r\n\r\n`;
      });
      const ifmatch = await startIfmatch(t, { origin: origin.url });
      const response = await exchange(ifmatch.port, 'HEAD', '/doc', [`Range: ${range}`, ...fields]);
      t.equal(response.status, status);
      t.equal(response.field('content-range'), undefined);
      if (status === 200) t.equal(response.field('content-length'), '5', 'of the whole');
      t.equal(origin.requests.length, 1, 'nothing more is asked');
    });
  }
}
