// Origins that pad the frames of their answers, as RFC 9112 has a recipient put up with: the write was performed, so its answer
// has to come through, and the next writer must not wait for a quarantine.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n';

const rows: { name: string; answer: string }[] = [
  { name: 'a chunk whose size is padded with spaces', answer: `${CHUNKED}\r\n5   \r\nhello\r\n0   \r\n\r\n` },
  { name: 'whitespace in an extension', answer: `${CHUNKED}\r\n5 ; a = b\r\nhello\r\n0 ; last\r\n\r\n` },
  {
    name: 'a size of 16 digits',
    answer: `${CHUNKED}\r\n0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n`,
  },
  {
    name: 'a trailer with a space before its colon',
    answer: `${CHUNKED}\r\n5\r\nhello\r\n0\r\nX : y\r\n\r\n`,
  },
  { name: 'a space before each colon', answer: 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello' },
];
for (const { name, answer } of rows) {
  t.test(`the answer to a write has ${name}: it comes through, and its fate is known`, async (t) => {
    const origin = await startRawOrigin(t, ({ method }) =>
      method === 'HEAD'
        ? 'HTTP/1.1 200 OK\r\nETag : "v1"\r\n\r\n'
        : answer.replace('200 OK\r\n', '200 OK\r\nETag\t : "v1"\r\n'),
    );
    const ifmatch = await startIfmatch(t, { origin: origin.url, timeouts: { uncertainty: 60_000 } });
    for (const method of ['PUT', 'PUT', 'GET', 'PROPFIND']) {
      const content = method === 'PUT' ? 'x' : undefined;
      const response = await exchange(ifmatch.port, method, '/doc', ['If-Match: "v1"'], content);
      t.same([response.status, response.content], [200, 'hello'], method);
      t.same(response.field('etag'), '"v1"', 'the whitespace is taken out');
    }
    t.equal(ifmatch.lock().quarantined, 0);
    await ifmatch.idle();
  });
}
