// Content that comes in pieces while its request waits for its turn: all of it is forwarded, or nothing.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const FIRSTS = [
  { name: 'with a length', bytes: bytesOf('PUT', '/a', [], 'first') },
  {
    name: 'in chunks',
    bytes: 'PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  },
];
for (const { name, bytes } of FIRSTS) {
  for (const condition of [[], ['If-Match: *']]) {
    t.test(`behind a PUT ${name}${condition.length > 0 ? ', conditional' : ''}`, async (t) => {
      const write = gate();
      const origin = await startOrigin(t, {
        delay: ({ target }) => (target === '/a' ? write.opened : Promise.resolve()),
      });
      origin.store('/b', 'old');
      const ifmatch = await startIfmatch(t, { origin: origin.url });
      const client = await connect(ifmatch.port);
      const second = bytesOf('PUT', '/b', condition, 'second');
      client.send(bytes + second.slice(0, -5));
      await until(() => origin.seen('PUT').length === 1, 'the first one is at work');
      for (const octet of second.slice(-5)) {
        client.send(octet);
        await settle();
      }
      write.open();
      t.equal((await client.response()).status, 201);
      t.equal((await client.response()).status, 200);
      t.equal(origin.content('/b'), 'second');
      client.close();
    });
  }
}
