// Where a connection to the origin leads.

import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import t from 'tap';
import { closedPort } from '../fixtures/closed-port.ts';
import { openTestOrigin } from '../fixtures/origin-config.ts';

const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
const skip = addresses.includes('::1') ? false : 'this system has no IPv6';

t.test('an origin that is named by its IPv6 address is reached', { skip }, async (t) => {
  const server = http.createServer((_message, response) => void response.writeHead(204).end());
  await once(server.listen(0, '::1'), 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { client } = openTestOrigin(t, `http://[::1]:${(server.address() as AddressInfo).port}`);
  const options = { lane: 'open', deadlines: { start: 5_000, head: 5_000 }, lead: 1_024 } as const;
  const { exchange } = client.send({ method: 'GET', target: '/', fields: ['Host', 'x'] }, options);
  t.equal((await exchange.head).status, 204);
});

t.test('its brackets are no part of the address, on a system without IPv6 too', async (t) => {
  const { client } = openTestOrigin(t, `http://[::1]:${await closedPort()}`);
  const options = { lane: 'open', deadlines: { start: 5_000, head: 5_000 }, lead: 1_024 } as const;
  const { exchange } = client.send({ method: 'GET', target: '/', fields: ['Host', 'x'] }, options);
  const failure = await exchange.head.then(
    () => undefined,
    (error: Error) => error,
  );
  t.match(failure, {
    kind: 'unreachable',
    cause: { code: /^E(CONNREFUSED|ADDRNOTAVAIL|NETUNREACH|AFNOSUPPORT)$/ },
  });
});

t.test('a name server that is slow: connections that open together have one lookup', async (t) => {
  let lookups = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === 'GETADDRINFOREQWRAP') lookups += 1;
    },
  }).enable();
  t.teardown(() => hook.disable());
  const { client } = openTestOrigin(t, `http://localhost:${await closedPort()}`);
  const options = { lane: 'open', deadlines: { start: 5_000, head: 5_000 }, lead: 1_024 } as const;
  const openSome = async (): Promise<void> => {
    const send = () => client.send({ method: 'GET', target: '/', fields: ['Host', 'x'] }, options);
    const endings = await Promise.all([send(), send(), send()].map(({ exchange }) => exchange.ended));
    for (const ending of endings) t.match(ending, { kind: 'unreachable' }, 'each is told');
  };
  await openSome();
  t.equal(lookups, 1);
  await openSome();
  t.equal(lookups, 2, 'what was found is not kept: by now the name may lead elsewhere');
});
