// What docker compose starts with the profile replicas, from the same files: a balancer, two instances, Redis, an origin.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openLog } from '../../src/app/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import { start } from '../../src/start.ts';
import { withoutNginx as skip, startDav, startNginx } from '../fixtures/nginx.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRedis } from '../fixtures/redis-server.ts';

const EXAMPLES = new URL('../../config/examples/', import.meta.url).pathname;

/** What is inside of the file's http block, with the names of compose replaced by addresses. */
function balancer(listen: number, replicas: readonly number[]): string {
  const conf = readFileSync(join(EXAMPLES, 'replicas-nginx.conf'), 'utf8');
  const [, inside = ''] = /^http \{\n(.*)^\}/ms.exec(conf) ?? [];
  return replicas
    .reduce((text, port, at) => text.replace(`replica-${at + 1}:8080`, `127.0.0.1:${port}`), inside)
    .replace('listen 8080', `listen 127.0.0.1:${listen}`);
}

t.test('two instances behind a balancer: a stale write gets 412 from either', { skip }, async (t) => {
  const origin = await startDav(t);
  const redis = await startRedis(t);
  const served = [0, 0];
  const replicas = await Promise.all(
    served.map(async (_, at) => {
      const env = {
        IFMATCH_ORIGIN: `http://127.0.0.1:${origin}`,
        IFMATCH_REDIS: `redis://127.0.0.1:${redis.port}`,
        IFMATCH_BALANCER: '127.0.0.0/8',
      };
      const file = join(EXAMPLES, 'replicas.yaml');
      const loaded = loadConfig({ file, flags: { listen: '127.0.0.1:0', admin: 'off' }, env });
      if ('faults' in loaded) throw new Error(JSON.stringify(loaded.faults));
      const count = () => {
        served[at] = (served[at] ?? 0) + 1;
      };
      // a fresh engine guards for longer than a test should wait; flows of their own look at that
      const config = { ...loaded.config, lock: { ...loaded.config.lock, guard: 'off' as const } };
      const running = await start(
        config,
        openLog('info', { write: (line) => line.includes('"request"') && count() }),
      );
      t.teardown(() => running.stop(0));
      return Number(new URL(running.data).port);
    }),
  );
  const { port } = await startNginx(t, (nginx) => balancer(nginx.port, replicas));

  t.equal((await exchange(port, 'PUT', '/shared.txt', ['If-None-Match: *'], 'one')).status, 201);
  problem(t, await exchange(port, 'PUT', '/shared.txt', ['If-None-Match: *'], 'two'), 412);
  for (let round = 0; round < 10; round += 1) {
    const tag = (await exchange(port, 'GET', '/shared.txt')).field('etag');
    // nginx makes its tag of second and length: each content has a length of its own
    const write = (_: unknown, at: number) =>
      exchange(port, 'PUT', '/shared.txt', [`If-Match: ${tag}`], 'x'.repeat(round * 10 + at + 5));
    const statuses = (await Promise.all(Array.from({ length: 8 }, write))).map(({ status }) => status);
    t.same(statuses.toSorted(), [204, 412, 412, 412, 412, 412, 412, 412], `round ${round}`);
  }
  t.ok(
    served.every((requests) => requests > 10),
    `both served: ${served.join(' and ')}`,
  );
});
