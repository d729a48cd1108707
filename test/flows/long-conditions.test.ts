// A long list of tags, which a client may have of all that it has stored (RFC 9110 13.1.2): an origin that takes it gets no more.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { exchange } from '../fixtures/raw-client.ts';

const lists: { name: string; lines: string[] }[] = [
  { name: '3800 short ones, without spaces', lines: [`If-None-Match: ${'"a",'.repeat(3_800)}"v1"`] },
  {
    name: 'four lines',
    lines: Array.from({ length: 4 }, (_, at) => `If-None-Match: ${'"a",'.repeat(900)}"v${at}"`),
  },
];
for (const { name, lines } of lists) {
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    t.test(`${method} with ${name}`, async (t) => {
      const got: string[][] = [];
      const origin = createServer((request, response) => {
        if (request.method === method) got.push(request.rawHeaders);
        response.writeHead(200, { ETag: '"v1"', 'Content-Length': 0 }).end();
      });
      await once(origin.listen(0, '127.0.0.1'), 'listening');
      t.teardown(() => {
        origin.closeAllConnections();
        origin.close();
      });
      const { port } = origin.address() as AddressInfo;
      const direct = await exchange(port, method, '/doc', lines);
      t.equal(direct.status, 200, 'the origin itself takes it');
      const ifmatch = await startIfmatch(t, { origin: `http://127.0.0.1:${port}` });
      const { status } = await exchange(ifmatch.port, method, '/doc', lines);
      t.equal(status, method === 'DELETE' ? 412 : 304);
      const [asCame, forwarded] = got.map((fields) =>
        fields.filter((_, at) => /^if-none/i.test(fields[at - 1] ?? '')),
      );
      t.same(forwarded, method === 'DELETE' ? undefined : asCame, 'as it came');
    });
  }
}
