// Workers that are killed and stopped at any moment, an origin that applies what it got whoever has gone: the chain holds.

import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { breaks } from '../fixtures/chain.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect, type RawClient } from '../fixtures/raw-client.ts';
import { type Served, startServed } from '../fixtures/served.ts';

const { IFMATCH_SOAK = '2' } = process.env;

/** How long it goes on, in milliseconds. */
const SOAK = Math.max(5, Number(IFMATCH_SOAK)) * 1000;
const WORKERS = 3;
const KEYS = 12;
const CLIENTS = 36;
/** A client that gets no answer for so long goes and comes again, milliseconds. */
const PATIENCE = 1_500;
/** C, W and U: what the origin is allowed is W + U. */
const KEPT = { connect: 300, write: 800, uncertainty: 700 };
/** The origin's longest work, milliseconds. */
const WORK = 1_200;

t.setTimeout(3 * SOAK + 300_000);

const work = (): Promise<void> => sleep(Math.random() * (Math.random() < 0.5 ? WORK : 50));

/** Writes back what it has read, again and again, on a new connection whenever one breaks. */
async function client(port: number, etagOf: (path: string) => string | undefined, until: number) {
  let connection: RawClient | undefined;
  let acknowledged = 0;
  while (Date.now() < until) {
    const path = `/${Math.floor(Math.random() * KEYS)}`;
    try {
      connection ??= await connect(port);
      connection.send(bytesOf('PUT', path, [`If-Match: ${etagOf(path)}`], `${Math.random()}`));
      const impatience = setTimeout(() => connection?.close(), PATIENCE);
      const { status } = await connection.response('PUT').finally(() => clearTimeout(impatience));
      if (status === 200) acknowledged += 1;
    } catch {
      connection?.close();
      connection = undefined;
      await sleep(20);
    }
  }
  connection?.close();
  return acknowledged;
}

/** About every second a worker is killed, or stopped for a while that may be longer than any lease. */
async function faults(served: Served, until: number): Promise<{ killed: number; stopped: number }> {
  const done = { killed: 0, stopped: 0 };
  while (Date.now() < until) {
    await sleep(600 + Math.random() * 600);
    const pids = [...served.pids().values()];
    const pid = pids[Math.floor(Math.random() * pids.length)];
    if (pid === undefined) continue;
    try {
      if (Math.random() < 0.7) {
        process.kill(pid, 'SIGKILL');
        done.killed += 1;
      } else {
        process.kill(pid, 'SIGSTOP');
        done.stopped += 1;
        setTimeout(() => resume(pid), 100 + Math.random() * 2_000);
      }
    } catch {
      // it is dead already
    }
  }
  return done;
}

function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // it was killed meanwhile
  }
}

async function run(t: Test, timeouts: typeof KEPT) {
  const origin = await startOrigin(t, { delay: work });
  for (let key = 0; key < KEYS; key += 1) origin.store(`/${key}`, 'start');
  const { connect: C, write: W, uncertainty: U } = timeouts;
  const yaml = `origin: { url: '${origin.url}', timeouts: { connect: ${C}ms, write: ${W}ms, uncertainty: ${U}ms } }`;
  const served = await startServed(t, { workers: WORKERS, origin: origin.url, yaml });
  const end = Date.now() + SOAK;
  const clients = Array.from({ length: CLIENTS }, () =>
    client(served.port, (path) => origin.etag(path), end),
  );
  const [done, ...acknowledged] = await Promise.all([faults(served, end), ...clients]);
  for (const pid of served.pids().values()) resume(pid);
  await sleep(WORK);
  return { origin, done, acknowledged: acknowledged.reduce((sum, count) => sum + count, 0) };
}

t.test('no write replaces a version it was not made from', async (t) => {
  const { origin, done, acknowledged } = await run(t, KEPT);
  const { length } = origin.applied;
  t.comment(`${length} writes applied, ${acknowledged} acknowledged, ${JSON.stringify(done)}`);
  t.ok(length > 20, `${length} writes`);
  t.ok(done.killed > 0, JSON.stringify(done));
  t.ok(acknowledged <= length);
  t.equal(breaks(origin.applied), 0);
});

t.test('control: an origin that works for longer than it may breaks the chain', async (t) => {
  const { origin, done } = await run(t, { connect: 300, write: 60, uncertainty: 1 });
  const lost = breaks(origin.applied);
  t.ok(lost > 0, `${lost} of ${origin.applied.length} writes, ${JSON.stringify(done)}`);
});
