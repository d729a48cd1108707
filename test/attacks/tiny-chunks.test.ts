// Content in chunks of one byte: what is kept of it is its bytes, not an object for each.

import { queryObjects } from 'node:v8';
import t from 'tap';
import { OK, put, startArena } from '../fixtures/attack.ts';
import { connect } from '../fixtures/raw-client.ts';
import { until } from '../fixtures/until.ts';

const CHUNKS = 200_000;
const buffers = (): number => Number(queryObjects(Buffer, { format: 'count' }));

for (const condition of ['', 'If-Match: "v1"\r\n']) {
  t.test(
    `${CHUNKS} chunks of one byte${condition === '' ? '' : ', conditional'}: few pieces are kept, and the write is whole`,
    async (t) => {
      const arena = await startArena(t, () => OK);
      const got = await arena.attack(t, async () => {
        const before = buffers();
        const client = await connect(arena.ifmatch.port);
        client.send(put(`Transfer-Encoding: chunked\r\n${condition}`, '1\r\nx\r\n'.repeat(CHUNKS)));
        await until(() => client.socket.writableLength === 0, 'all has left the client');
        // another connection's request is answered behind what was there before
        const other = await connect(arena.ifmatch.port);
        other.send('GET /b HTTP/1.1\r\nHost: x\r\n\r\n');
        t.equal((await other.response()).status, 200);
        other.close();
        t.ok(buffers() - before < 2000, `${buffers() - before} pieces`);
        client.send('0\r\n\r\n');
        t.equal((await client.response()).status, 200);
        client.close();
      });
      const written = got
        .filter(({ method }) => method === 'PUT')
        .map(({ head, content }) => [head, content]);
      t.equal(written.length, 1);
      t.match(written[0]?.[0], new RegExp(`content-length: ${CHUNKS}\\r`, 'i'));
      t.equal(written[0]?.[1], 'x'.repeat(CHUNKS));
    },
  );
}
