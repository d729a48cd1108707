// A crowd that comes while the gateway is busy: it waits to be accepted, and is not turned away to try again later.

import net, { type Socket } from 'node:net';
import t from 'tap';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf } from '../fixtures/raw-client.ts';
import { startServed } from '../fixtures/served.ts';
import { LONG, until } from '../fixtures/until.ts';

/** More than Node's own backlog of 511, and less than any kernel's limit since Linux 5.4. */
const CROWD = 1_000;

for (const workers of [1, 2]) {
  t.test(`${CROWD} clients, ${workers} workers`, async (t) => {
    const origin = await startOrigin(t);
    origin.store('/doc', 'here');
    // they share 128 connections to the origin, and nobody is to be sent away by a deadline
    const yaml = `origin: { url: '${origin.url}', timeouts: { connect: 40s, read: 40s } }`;
    const served = await startServed(t, { workers, origin: origin.url, yaml });
    served.process.kill('SIGSTOP');
    let connected = 0;
    let answered = 0;
    const clients: Socket[] = [];
    t.teardown(() => {
      for (const client of clients) client.destroy();
    });
    for (let n = 0; n < CROWD; n++) {
      const client = net.connect({ port: served.port, host: '127.0.0.1' });
      client.once('connect', () => {
        connected += 1;
      });
      client.once('data', (data) => {
        if (data.toString('latin1').startsWith('HTTP/1.1 200')) answered += 1;
      });
      clients.push(client);
    }
    await until(() => connected === CROWD, 'all are connected', LONG);
    served.process.kill('SIGCONT');
    for (const client of clients) client.write(bytesOf('GET', '/doc'));
    await until(() => answered === CROWD, 'all are answered', LONG);
  });
}
