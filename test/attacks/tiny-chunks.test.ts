// Content in chunks of one byte, of requests and of answers: what is kept of it is its bytes, not an object for each.

import { queryObjects } from 'node:v8';
import t from 'tap';
import { OK, put, startArena } from '../fixtures/attack.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
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

t.test(`an answer of ${CHUNKS} such chunks that its reader leaves waiting stops nobody else`, async (t) => {
  const tiny = '1\r\nx\r\n'.repeat(CHUNKS);
  const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${tiny}0\r\n\r\n`;
  const arena = await startArena(t, ({ method }) => (method === 'PUT' ? answer : OK));
  await arena.attack(t, async () => {
    const before = buffers();
    const client = await connect(arena.ifmatch.port);
    client.socket.pause();
    client.send(bytesOf('PUT', '/a', [], 'x'));
    await until(() => arena.origin.count('PUT') === 1, 'the write arrives');
    await arena.ifmatch.idle();
    t.ok(buffers() - before < CHUNKS / 2, `${buffers() - before} pieces, those of Node included`);
    client.socket.resume();
    const began = performance.now();
    t.equal((await exchange(arena.ifmatch.port, 'GET', '/b')).status, 200);
    t.ok(performance.now() - began < 5000, `answered after ${Math.round(performance.now() - began)} ms`);
    const { status, content, complete } = await client.response();
    t.same([status, content.length, complete], [200, CHUNKS, true]);
    client.close();
  });
});
