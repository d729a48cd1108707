// The connections to an origin: verified TLS, Unix sockets, the Host it sees, and which connections are used again.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import { type OriginClient, openOrigin } from '../../src/origin/client.ts';
import { OriginFailure } from '../../src/origin/failure.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { openTestOrigin, originConfig } from '../fixtures/origin-config.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { collect } from '../fixtures/scripted-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const OPTIONS = { lane: 'write', deadlines: { start: 3000, head: 3000 }, lead: 1024 } as const;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

async function ask(client: OriginClient, method = 'GET', lane: 'write' | 'open' = 'write'): Promise<number> {
  const { exchange } = client.send(
    { method, target: '/', fields: ['Host', 'localhost'] },
    { ...OPTIONS, lane },
  );
  const { status } = await exchange.head;
  await collect(exchange.content);
  return status;
}

function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'ifmatch-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

const certify = (path: string): boolean => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-keyout', join(path, 'key.pem'), '-out', join(path, 'cert.pem')];
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject,
    ...files,
  ]);
  return made.status === 0;
};

const noOpenssl =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl to make a certificate';
t.test('TLS', { skip: noOpenssl }, async (t) => {
  const path = directory(t);
  t.ok(certify(path));
  const [key, cert] = [join(path, 'key.pem'), join(path, 'cert.pem')];
  const clientCertificates: boolean[] = [];
  const tls = {
    key: readFileSync(key),
    cert: readFileSync(cert),
    requestCert: true,
    rejectUnauthorized: false,
  };
  let requests = 0;
  const server = https.createServer(tls, (_request, response) => {
    requests += 1;
    response.end();
  });
  server.on('secureConnection', (socket) =>
    clientCertificates.push(socket.getPeerX509Certificate() !== undefined),
  );
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const named = `https://localhost:${port}`;
  const byAddress = `https://127.0.0.1:${port}`;

  for (const [name, url, given] of [
    ['a certificate of nobody known', named, {}],
    ['a certificate of another name', byAddress, { ca: cert }],
  ] as const) {
    t.test(`${name} is refused and nothing is sent`, async (t) => {
      const { client } = openTestOrigin(t, url, given);
      const { host } = new URL(url);
      const { exchange } = client.send({ method: 'PUT', target: '/', fields: ['Host', host] }, OPTIONS);
      const ending = await exchange.ended;
      t.ok(ending instanceof OriginFailure && ending.kind === 'unreachable' && !ending.sent);
      t.equal(requests, 0);
    });
  }
  t.test('its own authority vouches for it', async (t) => {
    t.equal(await ask(openTestOrigin(t, named, { ca: cert }).client), 200);
    t.equal(await ask(openTestOrigin(t, named, { ca: cert }).client, 'GET', 'open'), 200);
  });
  t.test('verify: false believes any', async (t) => {
    t.equal(await ask(openTestOrigin(t, byAddress, { verify: false }).client), 200);
  });
  t.test('a certificate of ours is shown', async (t) => {
    t.equal(await ask(openTestOrigin(t, named, { ca: cert, cert, key }).client), 200);
    t.same([clientCertificates[0], clientCertificates.at(-1)], [false, true]);
  });
});

t.test('a file of the TLS settings that is not there is an error', async (t) => {
  const given = { ca: join(directory(t), 'nothing.pem') };
  t.throws(() => openOrigin(originConfig('https://localhost:1', given), () => {}), { code: 'ENOENT' });
});

t.test('a Unix socket', async (t) => {
  const socket = join(directory(t), 'origin.sock');
  const server = http.createServer((request, response) => response.end(request.headers.host));
  await once(server.listen(socket), 'listening');
  t.teardown(() => server.close());
  const { client } = openTestOrigin(t, 'http://localhost', { socket });
  const { exchange } = client.send({ method: 'GET', target: '/', fields: ['Host', 'shop.example'] }, OPTIONS);
  t.equal((await collect(exchange.content)).text, 'shop.example');
});

t.test('the Host that the origin sees', async (t) => {
  const { client } = openTestOrigin(t, 'http://127.0.0.1:3000');
  t.equal(client.host('shop.example'), 'shop.example');
  const own = openTestOrigin(t, 'http://127.0.0.1:3000', { host: 'origin' }).client;
  t.equal(own.host('shop.example'), '127.0.0.1:3000');
  t.equal(openTestOrigin(t, 'http://legacy:80', { host: 'origin' }).client.host('x'), 'legacy');
});

t.test('connections serve on after a HEAD', async (t) => {
  const origin = await startRawOrigin(t, () => OK);
  const { client, warnings } = openTestOrigin(t, origin.url);
  for (let i = 0; i < 5; i++) for (const method of ['HEAD', 'PUT', 'GET']) await ask(client, method);
  t.ok(origin.bytes().length <= 2, 'fifteen requests on a connection or two');
  t.notMatch(origin.bytes().join(''), /connection: close/i);
  t.same(warnings, []);
});

t.test(
  'an origin that sends content after a HEAD is found out: one warning, no connection kept after a HEAD',
  async (t) => {
    const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';
    const origin = await startRawOrigin(t, ({ method }) => (method === 'HEAD' ? stray : OK));
    const { client, warnings } = openTestOrigin(t, origin.url);
    t.equal(await ask(client, 'HEAD'), 200);
    await until(() => warnings.length > 0, 'it is found out');
    t.equal(await ask(client, 'PUT'), 200, 'the stray bytes are not its answer');
    for (let i = 0; i < 3; i++) {
      t.equal(await ask(client, 'HEAD'), 200);
      t.equal(await ask(client, 'PUT'), 200);
    }
    t.equal(warnings.length, 1);
    t.match(warnings[0], /no longer reused after a HEAD/);
    t.match(origin.requests.findLast(({ method }) => method === 'HEAD')?.head, /connection: close/i);
  },
);

t.test('hanging reads leave the connections of writes alone', async (t) => {
  const origin = await startRawOrigin(t, ({ method }) => (method === 'GET' ? undefined : OK));
  const { client } = openTestOrigin(t, origin.url, { connections: 2 });
  const hanging = [1, 2, 3].map(() =>
    client.send({ method: 'GET', target: '/', fields: [] }, { ...OPTIONS, lane: 'open' }),
  );
  await settle();
  t.equal(origin.count('GET'), 2, 'no more connections than configured');
  t.equal(await ask(client, 'PUT'), 200);
  for (const { exchange } of hanging) exchange.cancel();
});

t.test('streamed content that the origin does not take is let go: nobody else reads it', async (t) => {
  const { client } = openTestOrigin(t, `http://127.0.0.1:${await closedPort()}`);
  const content = new PassThrough();
  content.write('part');
  const request = { method: 'PUT', target: '/', fields: ['Host', 'x'], content, length: 9 };
  const { exchange } = client.send(request, OPTIONS);
  t.match(await exchange.ended, { kind: 'unreachable', sent: false });
  t.equal(content.destroyed, true);
});

t.test(
  'a machine that went away in silence: one exchange finds it out, and no write follows it there',
  async (t) => {
    const kept = OK.replace('Content', 'Keep-Alive: timeout=60\r\nContent');
    const origin = await startRawOrigin(t, ({ target }) => (target === '/silent' ? undefined : kept));
    const { client } = openTestOrigin(t, origin.url);
    const connections = () => origin.bytes().length;
    await ask(client, 'PUT');
    await ask(client, 'GET', 'open');
    await ask(client, 'PUT');
    t.equal(connections(), 2, 'one for each lane, and kept');
    const probe = { method: 'HEAD', target: '/silent', fields: ['Host', 'localhost'] };
    const { exchange } = client.send(probe, {
      lane: 'probe',
      deadlines: { start: 3000, total: 50 },
      lead: 0,
    });
    t.match(await exchange.ended, { kind: 'timeout', sent: true });
    t.equal(connections(), 3);
    await ask(client, 'PUT');
    await ask(client, 'GET', 'open');
    t.equal(connections(), 5, 'each opens a new one, which leads to where the name leads now');
  },
);

t.test('a request that takes too long, while others are answered: their connections are kept', async (t) => {
  const origin = await startRawOrigin(t, ({ target }) => (target === '/slow' ? undefined : OK));
  const { client } = openTestOrigin(t, origin.url);
  const slow = { method: 'GET', target: '/slow', fields: ['Host', 'localhost'] };
  const { exchange } = client.send(slow, { lane: 'open', deadlines: { start: 3000, head: 2000 }, lead: 0 });
  await until(() => origin.requests.length === 1, 'it has left');
  await ask(client, 'PUT');
  t.equal(exchange.ending, undefined);
  t.match(await exchange.ended, { kind: 'timeout' });
  await ask(client, 'PUT');
  t.equal(origin.bytes().length, 2);
});
