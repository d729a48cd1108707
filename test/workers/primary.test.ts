// The process above the workers: what it tells them and the admin listener, and that nothing of it stays open.

import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { openLog } from '../../src/app/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Child } from '../../src/workers/fork.ts';
import { type Order, type Report, readOrder } from '../../src/workers/order.ts';
import { startPrimary } from '../../src/workers/primary.ts';
import { askAdmin } from '../fixtures/ask-admin.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { until } from '../fixtures/until.ts';
import { Wire } from '../fixtures/wire.ts';

const LISTENING: Report = { op: 'listening', data: 'http://127.0.0.1:80' };

/** A worker without a process: it says `first` when it is told to start, and ends when it is told to stop at once. */
function fakeWorker(first: Report | undefined, orders: Order[]) {
  const wire = new Wire({ auto: true });
  const ended = Promise.withResolvers<string>();
  const die = (how: string): void => {
    wire.killWorker();
    ended.resolve(how);
  };
  wire.worker.onMessage((message) => {
    const order = readOrder(message);
    if (order !== undefined) orders.push(order);
    if (order?.op === 'start' && first !== undefined) wire.worker.send(first);
    if (order?.op === 'stop' && order.delayMs === 0) die('exit code 0');
  });
  const channel = { orders: wire.primary, lock: new Wire({ auto: true }).primary };
  const child: Child = { pid: 1, channel, ended: ended.promise, kill: () => die('SIGKILL') };
  return { child, die, report: (report: Report) => wire.worker.send(report) };
}

/** Whoever takes the place of one of the two says nothing by itself. */
async function startTwo(t: Test, first: Report = LISTENING) {
  const adminPort = await closedPort();
  const text = `listen: 127.0.0.1:1\nadmin: 127.0.0.1:${adminPort}\norigin: http://127.0.0.1:2\nworkers: 2\ndrain: { delay: 0s }\n`;
  const loaded = loadConfig({ text, env: {}, flags: {} });
  if ('faults' in loaded) throw new Error(JSON.stringify(loaded.faults));
  const orders: Order[] = [];
  const workers: ReturnType<typeof fakeWorker>[] = [];
  const fork = (): Child => {
    const worker = fakeWorker(workers.length < 2 ? first : undefined, orders);
    workers.push(worker);
    return worker.child;
  };
  const { events } = openLog('silent', { write: () => {} });
  const starting = startPrimary(loaded.config, { text, flags: {} }, events, fork);
  t.teardown(() => starting.then((running) => running.stop(0)).catch(() => {}));
  const ready = async () => (await askAdmin(adminPort, '/readyz')).status;
  const up = async () => JSON.parse((await askAdmin(adminPort, '/status')).content).workers;
  return { starting, adminPort, orders, workers, ready, up };
}

async function isOpen(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return opened;
}

t.test('all workers go by one pseudonym, by which a loop through them is seen', async (t) => {
  const { starting, orders } = await startTwo(t);
  await starting;
  await until(() => orders.length === 2, 'both are told');
  const told = orders.map((order) => (order.op === 'start' ? [order.number, order.via] : []));
  t.same(told.map(([number]) => number).sort(), [1, 2]);
  t.equal(new Set(told.map(([, via]) => via)).size, 1);
});

t.test('it is ready while a worker listens, and until the first word to stop', async (t) => {
  const { starting, workers, ready, up } = await startTwo(t);
  const running = await starting;
  t.equal(await ready(), 200);
  for (const { die } of workers) die('SIGKILL');
  t.equal(await ready(), 503);
  t.same(await up(), { up: 0, of: 2 });
  await until(() => workers.length > 2, 'another takes a place');
  t.equal(await ready(), 503, 'and does not listen yet');
  workers.at(-1)?.report(LISTENING);
  await until(async () => (await ready()) === 200, 'it listens');
  const stopped = running.stop(1);
  t.equal(await ready(), 503, 'though it listens on');
  t.equal(running.stop(), stopped, 'a second word changes nothing');
  for (const { die } of workers) die('exit code 0');
  t.equal(await stopped, true);
});

t.test('it stops: clean, and its admin listener ends with it', async (t) => {
  const { starting, adminPort } = await startTwo(t);
  const running = await starting;
  t.equal(await isOpen(adminPort), true);
  t.equal(await running.stop(), true);
  t.equal(await isOpen(adminPort), false);
});

t.test('no worker can start: its admin listener does not stay open', async (t) => {
  const { starting, adminPort } = await startTwo(t, { op: 'fault', message: 'in use' });
  await t.rejects(starting, { message: 'in use' });
  t.equal(await isOpen(adminPort), false);
});
