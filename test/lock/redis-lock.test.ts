// The Redis lock keeps the contract, over a real server.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { lockContract } from '../fixtures/lock-contract.ts';
import { openRedisLock } from '../fixtures/redis-lock.ts';
import { connectionsOf, startRedis } from '../fixtures/redis-server.ts';
import { settle, until } from '../fixtures/until.ts';

/** Milliseconds within which what is on its way to the server and back has arrived. */
const ROUND_TRIP = 60;

t.test('contract', async (t) => {
  const redis = await startRedis(t);
  lockContract(t, async (t, { queue }) => {
    const { lock } = await openRedisLock(t, { port: redis.port, queue });
    return { lock, pass: (ms: number) => sleep(ms + ROUND_TRIP), writeMs: 7000 };
  });
});

t.test('a stop is no failure of the engine: nobody is warned', async (t) => {
  const { client, port } = await startRedis(t);
  const before = await connectionsOf({ client });
  const { lock, log } = await openRedisLock(t, { port });
  await lock.stop();
  t.equal(lock.engine().up, false, 'at once');
  await until(async () => (await connectionsOf({ client })) === before, 'nothing is left open');
  await settle();
  t.same(
    log.filter(({ level }) => level !== 'info'),
    [],
  );
});
