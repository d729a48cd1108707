// The scripts in a real server against a model of them, over random histories: whose turn it is, and who is woken.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import t from 'tap';
import { ACQUIRE, EXTEND, RELEASE } from '../../src/lock/redis-scripts.ts';
import { QueueModel } from '../fixtures/queue-model.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { until } from '../fixtures/until.ts';

const { client, port } = await startRedis(t);
const [GUARD, LOCK, QUEUE, SIGNS] = ['m:guard', 'm:l', 'm:q', 'm:w'];
const LEASE = 60_000;
const ALIVE = 50_000;

/** Tokens that begin like others; those of `gone` have a process that nobody can wake. */
const TOKENS = ['p-1', 'p-10', 'p-100', 'p-2', 'q-1', 'gone-1', 'gone-10'];
const isGone = (token: string) => token.startsWith('gone');
const memberOf = (token: string) => `m:wake:${isGone(token) ? 'gone' : 'here'}|${token}`;

const woken: string[] = [];
const subscriber = new Redis({ port, host: '127.0.0.1' });
t.teardown(() => subscriber.disconnect());
subscriber.on('message', (_channel, token) => woken.push(token));
await subscriber.subscribe('m:wake:here');

const ask = (token: string) =>
  client.eval(ACQUIRE.lua, 4, GUARD, LOCK, QUEUE, SIGNS, 'tag', 0, '', token, LEASE, ALIVE, memberOf(token));
const leave = (token: string, quarantineMs: number) =>
  client.eval(RELEASE.lua, 3, LOCK, QUEUE, SIGNS, token, memberOf(token), quarantineMs);

interface Step {
  readonly token: string;
  /** `time`: the lock ends by itself. `silence`: it has not looked for long. */
  readonly what: 'ask' | 'leave' | 'quarantine' | 'extend' | 'silence' | 'time';
}

const step: fc.Arbitrary<Step> = fc.record({
  token: fc.constantFrom(...TOKENS),
  what: fc.oneof(
    { arbitrary: fc.constant('ask' as const), weight: 6 },
    { arbitrary: fc.constantFrom('leave' as const, 'quarantine' as const), weight: 3 },
    { arbitrary: fc.constantFrom('extend' as const, 'silence' as const, 'time' as const), weight: 1 },
  ),
});

async function take({ token, what }: Step, model: QueueModel): Promise<void> {
  if (what === 'ask') {
    const reply = await ask(token);
    assert.ok(Array.isArray(reply));
    assert.equal(reply[0], model.ask(token), `${token} asks`);
  } else if (what === 'leave' || what === 'quarantine') {
    const reply = await leave(token, what === 'quarantine' ? LEASE : 0);
    assert.equal(reply, model.leave(token, what === 'quarantine'), `${token} leaves`);
  } else if (what === 'extend') {
    const tokens = [token, 'p', ''];
    const reply = await client.eval(EXTEND.lua, 3, LOCK, LOCK, LOCK, LEASE, ...tokens);
    assert.deepEqual(reply, [model.holder === token ? 1 : 0, 0, 0], `${token} extends`);
  } else if (what === 'silence') {
    model.silent.add(token);
    await client.zadd(SIGNS, 'XX', 1, memberOf(token));
  } else {
    model.holder = undefined;
    await client.del(LOCK);
  }
}

async function anyHistory(steps: readonly Step[]): Promise<void> {
  await client.del(GUARD, LOCK, QUEUE, SIGNS);
  woken.length = 0;
  const model = new QueueModel(isGone);
  for (const step of steps) {
    await take(step, model);
    const value = await client.get(LOCK);
    const holder = value?.startsWith('Q:') ? 'quarantine' : value?.split(':')[0];
    assert.equal(holder, model.holder, 'who holds it');
    assert.deepEqual(
      await client.zrange(QUEUE, '0', '-1'),
      model.line.map(memberOf),
      'who waits, in which order',
    );
    assert.equal(await client.zcard(SIGNS), model.line.length, 'a sign of life for each of them');
    for (const key of [QUEUE, SIGNS]) assert.notEqual(await client.pttl(key), -1, 'which ends by itself');
  }
  await until(() => woken.length >= model.wakes.length, 'every wake arrives');
  assert.deepEqual(woken, model.wakes, 'who was woken');
}

t.test('every history is as the model has it', async (t) => {
  const histories = fc.array(step, { minLength: 1, maxLength: 40 });
  await t.resolves(fc.assert(fc.asyncProperty(histories, anyHistory), { numRuns: 150 }));
});
