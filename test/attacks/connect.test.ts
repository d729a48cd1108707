// CONNECT: from there on Node's parser and its listeners are off the connection, and what happens on it is ours.

import t from 'tap';
import { OK, startArena } from '../fixtures/attack.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const CONNECT = 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n';
/** More than a socket and its client's kernel take at once. */
const LARGE = 16 * 1024 * 1024;

const leaves = [
  { name: 'a RST', leave: 'reset' },
  { name: 'a FIN', leave: 'close' },
] as const;

for (const { name, leave } of leaves) {
  t.test(`${name} right behind CONNECT: the client is gone, and nobody else`, async (t) => {
    const arena = await startArena(t);
    const got = await arena.attack(t, async () => {
      for (let i = 0; i < 20; i++) {
        const client = await connect(arena.ifmatch.port);
        client.send(CONNECT);
        client[leave]();
        await settle();
      }
    });
    t.same(got, []);
  });

  t.test(`${name} behind CONNECT, while the answer to a write before it is owed`, async (t) => {
    const written = gate();
    const arena = await startArena(t, ({ method, target, socket }) => {
      if (method !== 'PUT' || target !== '/a') return OK;
      written.opened.then(() => socket.write(OK));
      return undefined;
    });
    const { origin, ifmatch } = arena;
    const got = await arena.attack(t, async () => {
      const client = await connect(ifmatch.port);
      client.send(bytesOf('PUT', '/a', [], 'x') + CONNECT);
      await until(() => origin.count('PUT') === 1, 'the write arrives');
      client[leave]();
      await settle();
      written.open();
      await settle();
    });
    t.equal(got.filter(({ method }) => method === 'PUT').length, 1);
  });
}

t.test('CONNECT behind a GET with a large answer: all of it comes, and then the end', async (t) => {
  const content = 'x'.repeat(LARGE);
  const arena = await startArena(t, ({ target }) =>
    target === '/large' ? `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n${content}` : OK,
  );
  await arena.attack(t, async () => {
    const client = await connect(arena.ifmatch.port);
    client.send(bytesOf('GET', '/large') + CONNECT);
    const response = await client.response();
    t.equal(response.content.length, LARGE);
    await until(() => client.socket.closed, 'the end of the connection');
    t.equal(client.rest(), '');
  });
});
