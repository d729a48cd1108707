// A write that waits for the lock until the time of a stop is over: its client is told that nothing was sent, before it is cut off.
import t from 'tap';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { startServed } from '../fixtures/served.ts';
import { settle, until } from '../fixtures/until.ts';

// Each waits for drain.timeout.
t.jobs = 2;

for (const workers of [1, 2]) {
  t.test(`${workers} workers: 503, which says so`, async (t) => {
    const origin = await startRawOrigin(t, () => undefined);
    const yaml = `origin: { url: '${origin.url}', timeouts: { write: 1h } }\ndrain: { delay: 0s, timeout: 300ms }`;
    const served = await startServed(t, { workers, origin: origin.url, yaml });
    const [holder, waiter] = [await connect(served.port), await connect(served.port)];
    t.teardown(() => [holder, waiter].map((client) => client.close()));
    holder.send(bytesOf('PUT', '/doc', [], 'x'));
    await until(() => origin.count('PUT') === 1, 'the write arrives');
    waiter.send(bytesOf('PUT', '/doc', [], 'y'));
    await settle();
    served.process.kill('SIGTERM');
    await until(() => served.process.exitCode !== null, 'the end of the process');
    const answer = await waiter.response();
    t.match(problem(t, answer, 503), { type: 'urn:ifmatch:shutting-down', detail: /nothing was sent/ });
    t.equal(answer.field('retry-after'), '1');
    t.equal(origin.count('PUT'), 1);
  });
}
