// The Redis lock keeps the contract, over a real server.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { lockContract } from '../fixtures/lock-contract.ts';
import { openRedisLock } from '../fixtures/redis-lock.ts';
import { startRedis } from '../fixtures/redis-server.ts';

/** Milliseconds within which what is on its way to the server and back has arrived. */
const ROUND_TRIP = 60;

t.test('contract', async (t) => {
  const redis = await startRedis(t);
  lockContract(t, async (t, { queue }) => {
    const { lock } = await openRedisLock(t, { port: redis.port, queue });
    return { lock, pass: (ms: number) => sleep(ms + ROUND_TRIP), writeMs: 7000 };
  });
});
