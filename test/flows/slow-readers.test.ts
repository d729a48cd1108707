// Clients that ask for much and read nothing: they take no connection from other writers, and are cut off.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { gate, until } from '../fixtures/until.ts';

const CONNECTIONS = 4;
const BIG = 30_000_000;

t.test(
  'as many as there are connections: another write gets through, and limits.send ends them',
  async (t) => {
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n${'x'.repeat(BIG)}`;
    const origin = await startRawOrigin(t, ({ method }) =>
      method === 'POST' ? answer : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    );
    const ifmatch = await startIfmatch(t, {
      origin: origin.url,
      connections: CONNECTIONS,
      yaml: 'limits: { send: 8s }',
      timeouts: { connect: 20_000 }, // the next write waits that long for a connection
    });
    const readers = [];
    for (let i = 0; i < CONNECTIONS; i++) {
      const reader = await connect(ifmatch.port);
      reader.socket.pause();
      reader.send(bytesOf('POST', `/big${i}`, [], 'x'));
      readers.push(reader);
    }
    await until(() => origin.count('POST') === CONNECTIONS, 'every connection is taken');
    t.equal(
      (await exchange(ifmatch.port, 'PUT', '/other', [], 'x')).status,
      200,
      'another write gets through',
    );
    const cut = (): number => ifmatch.log.filter(({ method }) => method === 'POST').length;
    t.equal(cut(), 0, 'not because the readers are gone');
    await ifmatch.idle();
    await until(() => cut() === CONNECTIONS, 'the readers are cut off');
    for (const line of ifmatch.log.filter(({ method }) => method === 'POST')) {
      t.match(line, { status: 200, clientGone: true });
    }
    await until(
      () => origin.requests.filter(({ method }) => method === 'POST').every(({ socket }) => socket.destroyed),
      'the origin need not go on',
    );
    for (const reader of readers) reader.close();
  },
);

t.test(
  'an origin that says nothing for longer than limits.send: its client, who took it all, is kept',
  async (t) => {
    const more = gate();
    const origin = await startRawOrigin(t, ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nold');
      void more.opened.then(() => socket.write('new'));
      return undefined;
    });
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: 'limits: { send: 200ms }' });
    const client = await connect(ifmatch.port);
    t.teardown(() => client.close());
    client.send(bytesOf('GET', '/events'));
    await until(() => client.rest().endsWith('old'), 'the first of it');
    await sleep(1_000);
    more.open();
    t.equal((await client.response()).content, 'oldnew');
  },
);
