// The places of the workers: filled at the start, filled again, given up, and emptied by a stop.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Child } from '../../src/workers/fork.ts';
import { type Order, type Report, readOrder } from '../../src/workers/order.ts';
import { Pool } from '../../src/workers/pool.ts';
import { settle, until } from '../fixtures/until.ts';
import { Wire } from '../fixtures/wire.ts';

interface FakeChild extends Child {
  readonly orders: Order[];
  report(report: Report): void;
  /** It goes on without its channel. */
  disconnect(): void;
  die(how: string): void;
  readonly killed: () => boolean;
}

function fakeChild(pid: number): FakeChild {
  const wire = new Wire({ auto: true });
  const ended = Promise.withResolvers<string>();
  const orders: Order[] = [];
  let killed = false;
  wire.worker.onMessage((message) => {
    const order = readOrder(message);
    if (order !== undefined) orders.push(order);
  });
  const die = (how: string): void => {
    wire.killWorker();
    ended.resolve(how);
  };
  return {
    ...{ pid, orders, die, disconnect: () => wire.killWorker(), ended: ended.promise, killed: () => killed },
    channel: { orders: wire.primary, lock: wire.primary },
    report: (report) => wire.worker.send(report),
    kill() {
      killed = true;
      setImmediate(() => die('SIGKILL'));
    },
  };
}

/** A pool of `count` whose pauses are 20, 40, 80, 80 ... ms. `failures`: how often no process can be had, from when on. */
function pool(
  count: number,
  failures: { after: number; times: number } = { after: 0, times: 0 },
  pauses = { first: 20, longest: 80, settled: 500 },
) {
  const children: FakeChild[] = [];
  const forked: (number | undefined)[] = [];
  let failed = 0;
  const said: string[] = [];
  const say = (fields: object, message: string): void =>
    void said.push(`${message} ${JSON.stringify(fields)}`);
  const made = new Pool({
    count,
    fork: () => {
      if (children.length >= failures.after && failed < failures.times) {
        failed += 1;
        throw new Error('spawn ENOMEM');
      }
      const child = fakeChild(100 + children.length);
      children.push(child);
      return child;
    },
    orderFor: (number) => ({ op: 'start', number, via: 'v', source: { flags: {} } }),
    onFork: ({ pid }) => forked.push(pid),
    log: { info: say, warn: say, error: say },
    pauses,
  });
  const child = (at: number): FakeChild => {
    const found = children[at];
    if (found === undefined) throw new Error(`no child ${at}`);
    return found;
  };
  return { pool: made, children, child, forked, said };
}

const LISTENING: Report = { op: 'listening', data: 'http://127.0.0.1:80' };

t.test('it has started when the first listens; each is told its number', async (t) => {
  const { pool: made, children, child, forked, said } = pool(3);
  const started = made.start();
  t.same(forked, [100, 101, 102], 'whoever serves them hears of each');
  t.equal(made.up, 0);
  child(1).report(LISTENING);
  t.equal(await started, 'http://127.0.0.1:80');
  t.equal(made.up, 1);
  await until(() => children.every(({ orders }) => orders.length === 1), 'the orders');
  t.same(
    children.map(({ orders: [order] }) => order?.op === 'start' && order.number),
    [1, 2, 3],
  );
  child(0).report(LISTENING);
  await until(() => made.up === 2, 'the second is up');
  t.same(said, ['a worker is up {"worker":2,"pid":101}', 'a worker is up {"worker":1,"pid":100}']);
});

t.test('a worker whose channel is gone does not count any more, though it has not ended', async (t) => {
  const { pool: made, children, child } = pool(1);
  const started = made.start();
  child(0).report(LISTENING);
  await started;
  child(0).disconnect();
  await until(() => made.up === 0, 'it does not count');
  t.equal(children.length, 1, 'its place is still taken');
});

t.test('a worker that cannot start before any has ends it all, with its words', async (t) => {
  const { pool: made, children, child } = pool(3);
  const started = made.start();
  started.catch(() => {});
  child(2).report({ op: 'fault', message: '127.0.0.1:80 is in use' });
  await t.rejects(started, { message: '127.0.0.1:80 is in use' });
  await sleep(200);
  t.equal(children.length, 3, 'nobody else is started');
  t.ok(children.every((child) => child.killed()));
});

t.test('all die before any listens: given up', async (t) => {
  const { pool: made, children, child, said } = pool(2);
  const started = made.start();
  started.catch(() => {});
  child(0).die('exit code 7');
  await sleep(100);
  t.equal(children.length, 2, 'one may still come up');
  child(1).die('exit code 7');
  await t.rejects(started, { message: 'no worker came up: exit code 7' });
  await settle();
  t.equal(children.length, 2);
  t.same(said, [], 'no other takes a place');
});

t.test('one dies before another listens: its place is filled then', async (t) => {
  const { pool: made, children, child, said } = pool(2);
  const started = made.start();
  child(0).die('SIGSEGV');
  await sleep(50);
  child(1).report(LISTENING);
  await started;
  await until(() => children.length === 3, 'a third');
  t.equal(made.up, 1);
  t.match(
    said.filter((line) => line.startsWith('a worker ended')),
    [/"worker":1,"pid":100,"how":"SIGSEGV"/],
    'and its end is no secret',
  );
});

t.test('a place is filled again, after pauses that grow while they die at once', async (t) => {
  const { pool: made, children, child, said } = pool(1);
  const started = made.start();
  child(0).report(LISTENING);
  await started;
  for (let at = 0; at < 5; at += 1) {
    const died = performance.now();
    child(at).die('SIGKILL');
    await until(() => children.length === at + 2, 'the next');
    const least = [20, 40, 80, 80, 80][at] ?? 0;
    // timers of Node may be a millisecond early
    t.ok(performance.now() - died >= least - 1, `pause ${least}`);
    t.equal(made.up, 0);
  }
  const ended = said.filter((line) => line.startsWith('a worker ended'));
  t.equal(ended.length, 5);
  for (const [at, pauseMs] of [20, 40, 80, 80, 80].entries())
    t.match(ended[at], `"worker":1,"pid":${100 + at},"how":"SIGKILL","pauseMs":${pauseMs}}`);
  child(5).report({ op: 'fault', message: 'no' });
  await until(() => children.length === 7, 'one that cannot start is replaced too');
  t.match(said.at(-1), /"how":"no"/);
});

t.test('a worker that has listened for long did not die of its start: the pauses begin anew', async (t) => {
  const { pool: made, children, child, said } = pool(1);
  const started = made.start();
  child(0).report(LISTENING);
  await started;
  for (const at of [0, 1, 2]) {
    child(at).die('SIGKILL');
    await until(() => children.length === at + 2, 'the next');
  }
  child(3).report(LISTENING);
  await until(() => made.up === 1, 'it listens');
  await sleep(600);
  child(3).die('SIGKILL');
  await until(() => children.length === 5, 'the next');
  const pauses = said
    .filter((line) => line.startsWith('a worker ended'))
    .map((line) => /\d+(?=}$)/.exec(line)?.[0]);
  t.same(pauses, ['20', '40', '80', '20']);
});

t.test('no process is to be had for a place: it is tried again, and the others go on', async (t) => {
  const { pool: made, children, child, said } = pool(2, { after: 2, times: 3 });
  const started = made.start();
  child(0).report(LISTENING);
  child(1).report(LISTENING);
  await started;
  child(0).die('SIGKILL');
  await until(() => children.length === 3, 'there is one again');
  t.notOk(child(1).killed());
  const failures = said.filter((line) => line.includes('spawn ENOMEM'));
  t.equal(failures.length, 3);
  t.match(failures[0], /^a worker ended; another takes its place .*"worker":1/);
});

t.test('no process is to be had at the start: given up, with the reason', async (t) => {
  const { pool: made } = pool(2, { after: 0, times: 2 });
  await t.rejects(made.start(), { message: 'no worker came up: spawn ENOMEM' });
});

t.test('stop: each is told, and none is started any more', async (t) => {
  const { pool: made, children, child, said } = pool(3);
  const started = made.start();
  for (const one of children) one.report(LISTENING);
  await started;
  await until(() => made.up === 3, 'all');
  child(2).die('SIGKILL');
  const stopped = made.stop(5, 10_000);
  await until(() => child(0).orders.length === 2, 'the order');
  t.same(child(0).orders[1], { op: 'stop', delayMs: 5 });
  child(0).die('exit code 0');
  child(1).die('exit code 3');
  t.equal(await stopped, false);
  t.equal(children.length, 3);
  t.equal(said.filter((line) => /before it had finished.*"worker":[23]/.test(line)).length, 2);
});

t.test('stop: no timer is left to wait for', async (t) => {
  const { pool: made, child } = pool(1);
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const started = made.start();
  child(0).report(LISTENING);
  await started;
  const before = timers();
  const stopped = made.stop(0, 100_000);
  child(0).die('exit code 0');
  t.equal(await stopped, true);
  await until(() => timers() <= before, 'none is left');
});

t.test('stop: who does not end is killed', async (t) => {
  const { pool: made, child, said } = pool(2);
  const started = made.start();
  child(0).report(LISTENING);
  await started;
  const stopped = made.stop(0, 50);
  child(0).die('exit code 0');
  t.equal(await stopped, false);
  t.same([child(0).killed(), child(1).killed()], [false, true]);
  t.match(said.at(-1), /^killed workers that did not stop {"workers":1}/);
});

t.test('stop: all had finished, whatever one of them died of before', async (t) => {
  const { pool: made, children, child } = pool(2);
  const started = made.start();
  for (const one of children) one.report(LISTENING);
  await started;
  child(1).die('SIGKILL');
  await until(() => children.length === 3, 'another');
  const stopped = made.stop(0, 10_000);
  child(0).die('exit code 0');
  child(2).die('exit code 0');
  t.equal(await stopped, true);
});

t.test('stop: a place that is not filled yet is not waited for', async (t) => {
  const pauses = { first: 60_000, longest: 60_000, settled: 500 };
  const { pool: made, children, child, said } = pool(2, { after: 0, times: 0 }, pauses);
  const started = made.start();
  for (const one of children) one.report(LISTENING);
  await started;
  child(1).die('SIGKILL');
  await until(() => said.some((line) => line.startsWith('a worker ended')), 'its place is empty');
  let clean: boolean | undefined;
  void made.stop(0, 100_000).then((ended) => {
    clean = ended;
  });
  child(0).die('exit code 0');
  await until(() => clean !== undefined, 'it has stopped');
  t.equal(clean, true);
  t.equal(children.length, 2);
});
