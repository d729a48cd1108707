// Clients that leave amid a write: it is finished or was never begun, its lock goes, and nothing is said that is untrue.

import t from 'tap';
import { OK, startArena } from '../fixtures/attack.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { settle, until } from '../fixtures/until.ts';

const arena = await startArena(t, ({ method, socket }) => {
  if (method !== 'PUT') return OK;
  setTimeout(() => socket.write(OK), 30);
  return undefined;
});
const { origin, ifmatch } = arena;

const puts = [
  { name: 'unconditional', fields: [] },
  { name: 'with the current tag', fields: ['If-Match: "v1"'] },
];

for (const { name, fields } of puts) {
  // 40
  t.test(
    `a FIN right behind a whole PUT, ${name}: performed once or not at all, and answered truly if at all`,
    async (t) => {
      const got = await arena.attack(t, async () => {
        const client = await connect(ifmatch.port);
        client.socket.end(bytesOf('PUT', '/a', fields, 'hi'));
        await until(
          () => client.socket.readableEnded || client.socket.destroyed,
          'the end of the connection',
        );
        const before = origin.requests.filter(
          ({ method, target }) => method === 'PUT' && target === '/a',
        ).length;
        t.match(client.rest(), /^($|HTTP\/1\.1 200 )/);
        if (client.rest() !== '') t.ok(before > 0, 'a 200 is the answer of the origin');
      });
      t.ok(got.filter(({ method }) => method === 'PUT').length <= 1);
    },
  );

  // 40, 41
  t.test(`a RST right behind a whole PUT, ${name}: performed once or not at all`, async (t) => {
    const got = await arena.attack(t, async () => {
      const client = await connect(ifmatch.port);
      client.send(bytesOf('PUT', '/a', fields, 'hi'));
      await settle();
      client.reset();
      await settle();
    });
    t.ok(got.filter(({ method }) => method === 'PUT').length <= 1);
  });

  // 41; streamed content is in slow-chunks
  for (const leave of ['reset', 'close'] as const) {
    t.test(`${leave} amid a chunked PUT, ${name}: nothing at the origin`, async (t) => {
      const got = await arena.attack(t, async () => {
        const client = await connect(ifmatch.port);
        client.send(
          `${bytesOf('PUT', '/a', [...fields, 'Transfer-Encoding: chunked'])}5\r\nhello\r\n5\r\nhe`,
        );
        await settle();
        client[leave]();
        await settle();
      });
      t.same(
        got.filter(({ method }) => method === 'PUT'),
        [],
      );
    });
  }
}
