// Workers whose lock is in Redis: it is kept there by the process above them, and shared with every other instance.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRedis } from '../fixtures/redis-server.ts';
import { secondHasCome } from '../fixtures/second-writer.ts';
import { startServed } from '../fixtures/served.ts';
import { gate, until } from '../fixtures/until.ts';

t.setTimeout(120_000);

t.test(
  'a write by a worker keeps out another instance, and leaves nothing locked behind a stop',
  async (t) => {
    const write = gate();
    const redis = await startRedis(t);
    const origin = await startOrigin(t, { delay: () => write.opened });
    const lock = `lock: { engine: redis, url: "redis://127.0.0.1:${redis.port}", guard: off }`;
    const yaml = `${lock}\ndrain: { delay: 1ms, timeout: 10s }`;
    const served = await startServed(t, { workers: 2, origin: origin.url, yaml });
    const other = await startIfmatch(t, { origin: origin.url, yaml: lock });
    const tag = origin.store('/doc', 'start');

    const first = exchange(served.port, 'PUT', '/doc', [`If-Match: ${tag}`], 'of a worker');
    await until(() => origin.seen('PUT').length === 1, 'it arrives');
    const second = exchange(other.port, 'PUT', '/doc', [`If-Match: ${tag}`], 'of another instance');
    await secondHasCome(redis, origin);
    served.process.kill('SIGTERM');
    write.open();
    t.same([(await first).status, (await second).status], [200, 412]);
    const { code, err } = await served.finished;
    t.same([code, err], [0, '']);
    await other.idle();
    await until(
      async () => (await redis.client.keys('ifmatch:{lock}:*:l')).length === 0,
      'nothing is locked',
    );
  },
);
