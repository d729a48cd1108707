// The faulty way: what is cut is lost, what is stalled comes late, and what leads elsewhere does so at once.

import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { until } from '../fixtures/until.ts';
import { Forwarder } from './forwarder.ts';

/** Says its name to whoever connects, and repeats what it hears. */
async function echo(t: Test, name: string): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(name);
    socket.pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function way(t: Test, target: number): Promise<Forwarder> {
  const forwarder = await Forwarder.open(target);
  t.teardown(() => forwarder.close());
  return forwarder;
}

interface Listener {
  readonly socket: Socket;
  heard(): string;
  closed(): boolean;
}

function connect(t: Test, port: number): Listener {
  const socket = net.connect(port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  t.teardown(() => socket.destroy());
  return { socket, heard: () => text, closed: () => closed };
}

t.test('it passes everything on', async (t) => {
  const { port } = await way(t, await echo(t, 'a'));
  const client = connect(t, port);
  client.socket.write('bc');
  await until(() => client.heard() === 'abc', 'the echo');
});

t.test('cut: connections end, new ones too, until it is restored', async (t) => {
  const forwarder = await way(t, await echo(t, 'a'));
  const client = connect(t, forwarder.port);
  await until(() => client.heard() === 'a', 'the name');
  forwarder.cut();
  await until(() => client.closed(), 'its end');
  const next = connect(t, forwarder.port);
  await until(() => next.closed(), 'the end of the next one');
  t.equal(next.heard(), '');
  forwarder.restore();
  const last = connect(t, forwarder.port);
  await until(() => last.heard() === 'a', 'the name again');
});

t.test('stalled: nothing arrives, nothing ends; restored, all of it arrives in order', async (t) => {
  const forwarder = await way(t, await echo(t, 'a'));
  const client = connect(t, forwarder.port);
  await until(() => client.heard() === 'a', 'the name');
  forwarder.stall();
  client.socket.write('b');
  await sleep(30);
  client.socket.write('c');
  await sleep(30);
  t.equal(client.heard(), 'a');
  t.notOk(client.closed());
  forwarder.restore();
  await until(() => client.heard() === 'abc', 'what was held back');
});

t.test('cut while stalled: what was held back is lost', async (t) => {
  const forwarder = await way(t, await echo(t, 'a'));
  const client = connect(t, forwarder.port);
  await until(() => client.heard() === 'a', 'the name');
  forwarder.stall();
  client.socket.write('b');
  await sleep(30);
  forwarder.cut();
  forwarder.restore();
  await until(() => client.closed(), 'its end');
  t.equal(client.heard(), 'a');
});

t.test('pointed elsewhere: the next connection leads there', async (t) => {
  const forwarder = await way(t, await echo(t, 'a'));
  const client = connect(t, forwarder.port);
  await until(() => client.heard() === 'a', 'the name');
  forwarder.point(await echo(t, 'z'));
  await until(() => client.closed(), 'the end of the old one');
  const next = connect(t, forwarder.port);
  await until(() => next.heard() === 'z', 'the other name');
});
