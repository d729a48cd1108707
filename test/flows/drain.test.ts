// A stop with clients that never come to an end: it is over by drain.timeout, and so are their connections.

import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { startServed } from '../fixtures/served.ts';
import { until } from '../fixtures/until.ts';

// Each waits for drain.timeout.
t.jobs = 4;

const SSE: RawScript = () => 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n';

/** A client that reads an endless stream of events. */
async function reader(t: Test, port: number) {
  const client = await connect(port);
  t.teardown(() => client.close());
  client.send(bytesOf('GET', '/events'));
  await until(() => client.rest().includes('data: 1'), 'the first event');
  return client;
}

for (const workers of [1, 2]) {
  t.test(`${workers} workers: a write that the origin never answers does not keep the process`, async (t) => {
    const origin = await startRawOrigin(t, () => undefined);
    const yaml = `origin: { url: '${origin.url}', timeouts: { write: 1h } }\ndrain: { delay: 0s, timeout: 300ms }`;
    const served = await startServed(t, { workers, origin: origin.url, yaml });
    const client = await connect(served.port);
    t.teardown(() => client.close());
    client.send(bytesOf('PUT', '/doc', [], 'x'));
    await until(() => origin.count('PUT') === 1, 'the write arrives');
    served.process.kill('SIGTERM');
    await until(() => served.process.exitCode !== null, 'the end of the process');
    t.equal(served.process.exitCode, 1);
    const said = served.lines().map(({ msg }) => msg);
    t.ok(said.includes('stopped before everything in flight had ended'));
    t.match(
      served.lines().filter(({ msg }) => msg === 'request'),
      [{ method: 'PUT', path: '/doc', fate: 'unknown' }],
    );
    t.equal(said.at(-1), 'stopped', 'after the lines of what was cut');
  });
}

for (const workers of [1, 2]) {
  t.test(
    `${workers} workers: clients without a request that do not go: a clean stop, and a short one`,
    async (t) => {
      const origin = await startRawOrigin(t, () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      const yaml = 'drain: { delay: 0s, timeout: 300ms }';
      const served = await startServed(t, { workers, origin: origin.url, yaml });
      for (const bytes of ['', bytesOf('GET', '/doc')]) {
        const socket = net.connect({ port: served.port, host: '127.0.0.1', allowHalfOpen: true });
        t.teardown(() => socket.destroy());
        await once(socket, 'connect');
        if (bytes !== '') {
          socket.write(bytes);
          await once(socket, 'data');
        }
      }
      served.process.kill('SIGTERM');
      t.equal((await served.finished).code, 0);
      t.same(
        served.lines().filter(({ level }) => Number(level) > 30),
        [],
      );
    },
  );
}

for (const mode of ['off', 'enforce']) {
  t.test(`${mode}: a reader of events: the stop ends, and every connection with it`, async (t) => {
    const origin = await startRawOrigin(t, SSE);
    const ifmatch = await startIfmatch(t, {
      origin: origin.url,
      yaml: `routes: [{ path: /*, mode: ${mode} }]`,
    });
    const client = await reader(t, ifmatch.port);
    await ifmatch.stop();
    await until(() => client.socket.closed, "the end of the client's connection");
    await until(
      () => origin.requests[0]?.socket.destroyed === true,
      'the end of the connection to the origin',
    );
  });

  for (const workers of [1, 2]) {
    t.test(`${mode}, ${workers} workers: a reader of events is cut, and the exit code says so`, async (t) => {
      const origin = await startRawOrigin(t, SSE);
      const yaml = `drain: { delay: 0s, timeout: 300ms }\nroutes: [{ path: /*, mode: ${mode} }]`;
      const served = await startServed(t, { workers, origin: origin.url, yaml });
      await reader(t, served.port);
      served.process.kill('SIGTERM');
      await until(() => served.process.exitCode !== null, 'the end of the process');
      t.equal(served.process.exitCode, 1);
    });
  }
}

for (const workers of [1, 2]) {
  for (const { timeout, code } of [
    { timeout: '20s', code: 0 },
    { timeout: '300ms', code: 1 },
  ]) {
    t.test(
      `${workers} workers, drain.timeout ${timeout}: a write of unknown fate, and a stop: nothing is forgotten unsaid`,
      async (t) => {
        let applied = false;
        const origin = await startRawOrigin(t, () => {
          setTimeout(() => {
            applied = true;
          }, 1500);
          return undefined;
        });
        const yaml = `origin: { url: '${origin.url}', timeouts: { write: 200ms, uncertainty: 2s } }\ndrain: { delay: 0s, timeout: ${timeout} }`;
        const served = await startServed(t, { workers, origin: origin.url, yaml });
        t.equal((await exchange(served.port, 'PUT', '/doc', [], 'x')).status, 504);
        served.process.kill('SIGTERM');
        await until(() => served.process.exitCode !== null, 'the end of the process');
        t.equal(served.process.exitCode, code);
        if (code === 0) t.ok(applied, 'no successor lets another write in before it');
        else
          t.ok(
            served
              .lines()
              .some(({ level, msg }) => level === 50 && /^stopped (although|before)/.test(`${msg}`)),
            'and it is said why',
          );
      },
    );
  }
}
