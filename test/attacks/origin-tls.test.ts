// TLS of the origin: what cannot be verified gets nothing, whatever a client writes into Host.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { watchRejections } from '../fixtures/thrown.ts';

const run = promisify(execFile);
const LOCALHOST = 'subjectAltName=DNS:localhost';
/** DNS:localhost NUL .evil.test */
const NUL_NAME = '2.5.29.17=DER:30:16:82:14:6c:6f:63:61:6c:68:6f:73:74:00:2e:65:76:69:6c:2e:74:65:73:74';

/** A certificate authority and server certificates of it, made by openssl; undefined without openssl. */
async function certificates(
  t: Test,
): Promise<(((names: string, days: number) => Promise<tls.TlsOptions>) & { ca: string }) | undefined> {
  const directory = t.testdir({});
  const file = (name: string): string => join(directory, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory });
  try {
    await openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=authority',
    );
  } catch {
    return undefined;
  }
  let number = 0;
  const issue = async (names: string, days: number): Promise<tls.TlsOptions> => {
    number += 1;
    const [csr, own, pem, ext] = ['csr', 'key', 'pem', 'ext'].map((suffix) => `${number}.${suffix}`) as [
      string,
      string,
      string,
      string,
    ];
    await openssl('req', ...key, '-keyout', own, '-out', csr, '-subj', '/CN=server');
    writeFileSync(file(ext), names);
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    await openssl('x509', '-req', '-in', csr, ...signer, '-days', String(days), '-extfile', ext, '-out', pem);
    return { key: readFileSync(file(own)), cert: readFileSync(file(pem)) };
  };
  return Object.assign(issue, { ca: file('ca.pem') });
}

/** An https origin on localhost; `got`: what it could read, decrypted. */
async function startTlsOrigin(t: Test, options: tls.TlsOptions): Promise<{ url: string; got: () => string }> {
  let got = '';
  const server = tls.createServer(options, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      got += data.toString('latin1');
      socket.write('HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n');
    });
  });
  server.on('tlsClientError', () => {});
  await once(server.listen(0, 'localhost'), 'listening');
  t.teardown(() => server.close());
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, got: () => got };
}

const MODES = 'routes:\n  - { path: /off/*, mode: off }\n  - { path: /observe/*, mode: observe }';

t.test('row 150: TLS of the origin', async (t) => {
  const issue = await certificates(t);
  if (issue === undefined) {
    t.plan(0, 'openssl is not there');
    return;
  }
  const good = await issue(LOCALHOST, 2);
  const old: tls.TlsOptions = {
    ...good,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  };
  const trusted = `, ca: ${issue.ca}`;
  const refused: readonly (readonly [name: string, tls.TlsOptions, trust: string, why: RegExp])[] = [
    ['signed by nobody that is trusted', good, '', /unable to verify|self-signed/],
    ['that has expired', await issue(LOCALHOST, -1), trusted, /expired/],
    ['for another host', await issue('subjectAltName=DNS:other.example', 2), trusted, /does not match/],
    ['for a host with a NUL in it', await issue(NUL_NAME, 2), trusted, /does not match/],
    ['in TLS 1.1', old, trusted, /version/],
  ];
  for (const [name, options, trust, why] of refused) {
    t.test(`a certificate ${name} is refused, whatever Host says, and nothing is sent`, async (t) => {
      const rejections = watchRejections(t);
      const origin = await startTlsOrigin(t, options);
      const ifmatch = await startIfmatch(t, { origin: `{ url: ${origin.url}${trust} }`, yaml: MODES });
      for (const host of ['localhost', 'other.example', 'legacy.example']) {
        for (const path of ['/doc', '/off/doc', '/observe/doc']) {
          for (const condition of ['If-Match: "v1"', 'X-None: 1']) {
            const response = await exchange(ifmatch.port, 'PUT', path, [`Host: ${host}`, condition], 'x');
            t.equal(response.status, 502, `${path}, Host: ${host}, ${condition}`);
            t.notMatch(response.content, /unknown/i, 'nothing was sent, and it says so');
          }
          t.equal((await exchange(ifmatch.port, 'GET', path, [`Host: ${host}`])).status, 502);
        }
      }
      t.equal(origin.got(), '');
      await ifmatch.idle();
      t.match(ifmatch.log.map(({ cause }) => String(cause)).join('\n'), why, 'the log says why');
      t.same(rejections, []);
    });
  }
  const accepted: readonly (readonly [name: string, settings: string])[] = [
    ['of a trusted authority is accepted', trusted],
    ['of nobody is accepted where verification is turned off', ', verify: false'],
  ];
  for (const [name, settings] of accepted) {
    for (const host of ['localhost', 'legacy.example']) {
      t.test(`a certificate ${name}, with Host: ${host}`, async (t) => {
        const origin = await startTlsOrigin(t, good);
        const ifmatch = await startIfmatch(t, { origin: `{ url: ${origin.url}${settings} }`, yaml: MODES });
        for (const path of ['/doc', '/off/doc', '/observe/doc']) {
          const response = await exchange(ifmatch.port, 'PUT', path, [`Host: ${host}`, 'If-Match: "v1"'], '');
          t.equal(response.status, 200, path);
        }
        t.match(origin.got(), /^PUT \/doc HTTP/m);
      });
    }
  }
});
