// A conditional write at each point where it waits, against each thing that can happen there.

import t, { type Test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { checkFirst, checkUnlocked } from '../../src/guard/check-first.ts';
import type { Answer } from '../../src/guard/exchange.ts';
import type { Lease } from '../../src/lock/lock.ts';
import { anExchange, type ExchangeOptions, someTools } from '../fixtures/guarded-exchange.ts';
import { IDLE, KNOWN } from '../fixtures/lock-under-test.ts';
import { collect, ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { settle } from '../fixtures/until.ts';

t.jobs = 8;

const CURRENT = ['ETag', '"v1"'];
const IF_MATCH = ['If-Match', '"v1"'];

async function scene(t: Test, options: ExchangeOptions & { method?: string } = {}) {
  const origin = new ScriptedOrigin();
  const tools = someTools(t, origin);
  const exchange = anExchange(options.method ?? 'PUT', { fields: IF_MATCH, ...options });
  /** The code of a refusal, or the status passed. */
  const told = (answer: Promise<Answer>): Promise<string | number> =>
    answer.then(
      (made) => (made.made ? (exchange.outcome.code ?? made.status) : made.status),
      (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
    );
  const run = () => told(checkFirst(exchange, tools));
  const hold = (): Promise<Lease> =>
    tools.lock.acquire(exchange.keys[0] ?? '', { waitMs: 1, signal: new AbortController().signal });
  return { origin, tools, exchange, run, hold, told };
}

t.test('probe, then write, then release at the end of the answer', async (t) => {
  const { origin, tools, exchange, run } = await scene(t);
  const told = run();
  const probe = await origin.nth(0);
  t.same(tools.lock.state(), { held: 1, waiting: 0, quarantined: 0 }, 'held before the probe leaves');
  probe.start().answer(200, CURRENT);
  const write = (await origin.nth(1)).start();
  write.head(200).data('part');
  t.equal(await told, 200);
  t.equal(tools.lock.state().held, 1, 'the client has its answer, the origin is still at it');
  write.end();
  await tools.idle();
  t.same(origin.got(), ['HEAD', 'PUT']);
  t.match(exchange.outcome, { verdict: 'perform' });
  t.type(exchange.outcome.lockMs, 'number');
  t.type(exchange.outcome.probeMs, 'number');
});

t.test('the conditional fields go along with the write, and not with the probe', async (t) => {
  const { origin, run } = await scene(t);
  const told = run();
  const probe = (await origin.nth(0)).start().answer(200, CURRENT);
  const write = (await origin.nth(1)).start().answer(200);
  await told;
  t.notOk(probe.request.fields.includes('If-Match'));
  t.ok(write.request.fields.includes('If-Match'));
});

t.test('a client that goes while it waits for the lock asks the origin nothing', async (t) => {
  const { origin, tools, exchange, run, hold } = await scene(t);
  const lease = await hold();
  const told = run();
  await settle();
  t.equal(tools.lock.state().waiting, 1);
  exchange.leave();
  t.equal(await told, 'client-gone');
  t.same(tools.lock.state(), { held: 1, waiting: 0, quarantined: 0 });
  tools.lock.release(lease, KNOWN);
  await settle();
  t.same(tools.lock.state(), IDLE);
  t.same(origin.asked, []);
});

const untilGone = [
  'the probe has no connection',
  'the probe is sent',
  'the write has no connection',
] as const;
for (const phase of untilGone) {
  t.test(`a client that goes while ${phase}: nothing is written, nothing stays locked`, async (t) => {
    const { origin, tools, exchange, run } = await scene(t);
    const told = run();
    const probe = await origin.nth(0);
    if (phase !== 'the probe has no connection') probe.start();
    if (phase === 'the write has no connection') {
      probe.answer(200, CURRENT);
      await origin.nth(1);
    }
    exchange.leave();
    origin.asked.at(-1)?.start();
    t.equal(await told, 'client-gone');
    await tools.idle();
    await settle();
    t.notOk(origin.got().includes('PUT'));
  });
}

const written = [
  { name: 'before the answer', head: false },
  { name: 'amid the answer', head: true },
];
for (const { name, head } of written) {
  t.test(`a client that goes ${name} to a write that was sent changes nothing`, async (t) => {
    const { origin, tools, exchange, run } = await scene(t);
    const told = run();
    (await origin.nth(0)).start().answer(200, CURRENT);
    const write = (await origin.nth(1)).start();
    if (head) write.head(201);
    exchange.leave();
    await settle();
    t.equal(tools.lock.state().held, 1, 'the key stays locked');
    t.equal(write.aborted, false, 'the origin goes on');
    if (!head) write.head(201);
    write.end();
    t.equal(await told, 201);
    await tools.idle();
    t.same(origin.got(), ['HEAD', 'PUT']);
  });
}

const probeFails = [
  { name: 'an error of the origin', fail: 'reset', told: 'probe-error' },
  { name: 'a deadline', fail: 'timeout', told: 'probe-timeout' },
] as const;
for (const { name, fail, told: wanted } of probeFails) {
  t.test(`${name} during the probe: nothing is written, nothing stays locked`, async (t) => {
    const { origin, tools, run } = await scene(t);
    const told = run();
    (await origin.nth(0)).start().fail(fail);
    t.equal(await told, wanted);
    await tools.idle();
    await settle();
    t.same(origin.got(), ['HEAD']);
  });
}

const writeFails = [
  { name: 'not connected', started: false, head: undefined, told: 'origin-unreachable', quarantined: 0 },
  { name: 'sent', started: true, head: undefined, told: 'write-unknown', quarantined: 1 },
  { name: 'as the head came', started: true, head: 'same turn', told: 'write-unknown', quarantined: 1 },
  { name: 'amid the answer', started: true, head: 'before', told: 200, quarantined: 1 },
];
for (const { name, started, head, told: wanted, quarantined } of writeFails) {
  t.test(
    `a write that fails, ${name}: ${quarantined ? 'its key is quarantined' : 'its key is free'}`,
    async (t) => {
      const { origin, tools, exchange, run } = await scene(t);
      const told = run();
      (await origin.nth(0)).start().answer(200, CURRENT);
      const write = await origin.nth(1);
      if (started) write.start();
      if (head !== undefined) write.head(200);
      if (head === 'before') await settle();
      write.fail(started ? 'reset' : 'unreachable');
      t.equal(await told, wanted);
      await settle();
      t.same(tools.lock.state(), { held: 0, waiting: 0, quarantined });
      t.equal(exchange.outcome.fate, quarantined ? 'unknown' : undefined);
      t.equal(origin.asked.length, 2, 'never repeated');
    },
  );
}

for (const status of [502, 504]) {
  t.test(`${status} to the write: unknown, said so, and quarantined`, async (t) => {
    const { origin, tools, run } = await scene(t);
    const told = run();
    (await origin.nth(0)).start().answer(200, CURRENT);
    (await origin.nth(1)).start().answer(status, [], 'page of a gateway');
    t.equal(await told, status === 502 ? 'write-unknown' : 'write-timeout');
    await settle();
    t.same(tools.lock.state(), { held: 0, waiting: 0, quarantined: 1 });
  });
}

t.test('a false condition: nothing is written, nothing stays locked', async (t) => {
  const { origin, tools, run } = await scene(t);
  const told = run();
  (await origin.nth(0)).start().answer(200, ['ETag', '"v2"']);
  t.equal(await told, 'precondition-failed');
  t.same(tools.lock.state(), IDLE);
  t.same(origin.got(), ['HEAD']);
});

t.test('the lock does not come in time: 503, the origin is asked nothing', async (t) => {
  const { origin, tools, exchange, hold, told } = await scene(t);
  await hold();
  t.equal(await told(checkFirst(exchange, { ...tools, waitMs: 20 })), 'lock-timeout');
  t.same(origin.asked, []);
  t.same(tools.lock.state(), { held: 1, waiting: 0, quarantined: 0 });
});

t.test('a safe method is checked without the lock', async (t) => {
  const { origin, tools, exchange, told } = await scene(t, { method: 'PROPFIND' });
  const answer = checkUnlocked(exchange, tools);
  (await origin.nth(0)).start().answer(200, CURRENT);
  const request = await origin.nth(1);
  t.same(tools.lock.state(), IDLE);
  request.start().answer(207, [], 'x');
  t.equal(await told(answer), 207);
  t.same(origin.got(), ['HEAD', 'PROPFIND']);

  const stale = await scene(t, { method: 'PROPFIND' });
  const refused = stale.told(checkUnlocked(stale.exchange, stale.tools));
  (await stale.origin.nth(0)).start().answer(200, ['ETag', '"v2"']);
  t.equal(await refused, 'precondition-failed');
});

t.test('an answer passes with its content', async (t) => {
  const { origin, exchange, tools } = await scene(t);
  const answer = checkFirst(exchange, tools);
  (await origin.nth(0)).start().answer(200, CURRENT);
  (await origin.nth(1)).start().answer(200, ['X', '1', 'Connection', 'x'], 'done');
  const passed = await answer;
  if (passed.made) throw new Error('it must pass');
  t.same(passed.fields, []);
  t.same(await collect(passed.content), { text: 'done', end: 'complete' });
});
