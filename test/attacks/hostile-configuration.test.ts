// Configurations and surroundings meant to harm: more hostile texts are in test/config; what runs is here.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { runtimeFault } from '../../src/commands/runtime.ts';
import { loadConfig } from '../../src/config/load.ts';
import { attackLegacy } from '../fixtures/aftermath.ts';
import { aFile, runCli, startCli } from '../fixtures/cli.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { connect, exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { watchRejections } from '../fixtures/thrown.ts';
import { until } from '../fixtures/until.ts';

t.jobs = 4;

const ORIGIN = 'origin: http://legacy:3000\n';
const laughs = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]`).join(
  '\n',
);
const texts: readonly (readonly [row: number, name: string, text: string | Buffer])[] = [
  [140, 'a billion laughs', `${ORIGIN}a0: &a0 [x]\n${laughs}\n`],
  [141, 'an alias to itself', `${ORIGIN}routes: &a [*a]\n`],
  [142, 'nesting of 20 000', `${ORIGIN}routes: ${'['.repeat(20_000)}`],
  [142, 'a NUL', `${ORIGIN}\0`],
  [142, 'UTF-16', Buffer.from(`\ufeff${ORIGIN}`, 'utf16le')],
  [143, 'a tag of another language', `${ORIGIN}admin: !!js/function 'function () {}'\n`],
  [143, 'a merge key', `${ORIGIN}<<: { admin: off }\n`],
  [144, '__proto__', `${ORIGIN}__proto__: { admin: off }\n`],
  [145, 'two documents', `${ORIGIN}---\n${ORIGIN}`],
  [145, 'a key twice', ORIGIN + ORIGIN],
  [146, 'a regular expression', `${ORIGIN}routes:\n  - path: /(a+)+$/x\n    mode: offf\n`],
  [147, 'a password in the URL', 'origin: http://u:hunter2@legacy\n'],
];
for (const [row, name, text] of texts) {
  t.test(`row ${row}: serve and check refuse ${name}`, async (t) => {
    const file = aFile(t, 'ifmatch.yaml', '');
    writeFileSync(file, text);
    const listen = ['--listen', '127.0.0.1:0', '--admin', 'off'];
    for (const args of [
      ['check', file],
      ['serve', '--config', file, ...listen],
    ]) {
      const { code, out, err } = await runCli(t, args);
      t.same([code, out], [1, '']);
      t.ok(err.startsWith(file), 'every fault has its place');
      t.notMatch(err, /hunter2/);
    }
  });
}

const mappings = ['', 'origin', 'origin.timeouts', 'lock', 'limits', 'drain', 'routes[0]'];
const POLLUTION = '{ polluted: yes, mode: off, verify: off }';
for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
  for (const place of mappings) {
    t.test(`row 144: ${key} in ${place || 'the file'} is a fault and pollutes nothing`, async (t) => {
      const hostile = `${key}: ${key === 'constructor' ? `{ prototype: ${POLLUTION} }` : POLLUTION}`;
      const parts: Record<string, string> = {
        '': `origin: http://a\n${hostile}`,
        'origin.timeouts': `origin: { url: http://a, timeouts: { ${hostile} } }`,
        origin: `origin: { url: http://a, ${hostile} }`,
        'routes[0]': `origin: http://a\nroutes: [{ path: /a, ${hostile} }]`,
      };
      const loaded = loadConfig({
        text: parts[place] ?? `origin: http://a\n${place}: { ${hostile} }`,
        env: {},
        flags: {},
      });
      t.match(loaded, { faults: [{ message: new RegExp(`unknown key "${key}"`) }] });
      const bare: Record<string, unknown> = {};
      t.same(
        [bare['polluted'], bare['mode'], bare['verify'], Object.keys(Object.prototype)],
        [undefined, undefined, undefined, []],
      );
    });
  }
}

for (const [method, fields, content] of [
  ['GET', [], undefined],
  ['PUT', [], 'x'],
  ['PUT', ['If-Match: *'], 'x'],
  ['OPTIONS', [], undefined],
] as const) {
  for (const mode of ['enforce', 'off']) {
    t.test(
      `row 147: an origin that leads back here is a loop that ends: ${method} ${fields.join()} in mode ${mode}`,
      async (t) => {
        const rejections = watchRejections(t);
        let hops = 0;
        const relay = net.createServer((socket) => {
          hops += 1;
          const onward = net.connect(ifmatch.port, '127.0.0.1');
          for (const end of [socket, onward]) end.on('error', () => {});
          socket.pipe(onward).pipe(socket);
        });
        await once(relay.listen(0, '127.0.0.1'), 'listening');
        t.teardown(() => relay.close());
        const origin = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
        const ifmatch = await startIfmatch(t, { origin, yaml: `routes:\n  - { path: /*, mode: ${mode} }` });
        const response = await exchange(ifmatch.port, method, '/doc', fields, content);
        t.ok([502, 508].includes(response.status), `${response.status}`);
        t.ok(hops <= 2, `${hops} hops`);
        await ifmatch.idle();
        t.same(rejections, []);
      },
    );
  }
}

t.test('row 149: what is no readable file ends the start with 1 and its name', async (t) => {
  const directory = t.testdir({ 'a-directory': {}, circle: t.fixture('symlink', 'circle') });
  for (const name of ['missing', 'a-directory', 'circle', 'missing/below']) {
    const { code, out, err } = await runCli(t, [
      'serve',
      '--config',
      join(directory, name),
      '--listen',
      '127.0.0.1:0',
    ]);
    t.same([code, out], [1, ''], name);
    t.ok(err.includes(name), err);
  }
});

const versions: readonly (readonly [version: string, safe: boolean])[] = [
  ...([
    ['18.20.8', false],
    ['20.20.2', false],
    ['21.7.3', false],
    ['22.22.9', false],
    ['22.3.0', false],
  ] as const),
  ...([
    ['22.23.0', true],
    ['22.100.0', true],
    ['23.11.0', false],
    ['24.20.9', false],
    ['24.21.0', true],
  ] as const),
  ...([
    ['25.9.0', false],
    ['26.0.0', true],
    ['27.1.0', true],
    ['100.0.0', true],
    ['', false],
    ['2.23.0', false],
  ] as const),
];
for (const [version, safe] of versions) {
  t.test(`row 151: Node ${version || 'of no version'} ${safe ? 'will do' : 'is refused'}`, async (t) => {
    t.equal(runtimeFault(version) === undefined, safe);
  });
}

const S = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
const put = (lines: string, content: string): string =>
  `PUT /a HTTP/1.1\r\nHost: x\r\n${lines}\r\n${content}`;
const smuggling: readonly (readonly [row: number, bytes: string])[] = [
  [2, put('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `5\r\nhello\r\n0\r\n\r\n${S}`)],
  [6, put('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${S}`)],
  [6, put('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${S}`)],
  [12, put('Content-Length: 0\r\n', '').replaceAll('\r\n', '\n')],
  [12, put('X: 1\nIf-Match: "v0"\r\nContent-Length: 0\r\n', '')],
  [12, put('X: a\rb\r\nContent-Length: 0\r\n', '')],
];

t.test('rows 151 and 45: --insecure-http-parser in the environment makes nothing insecure', async (t) => {
  const origin = await startRawOrigin(t, () => 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n');
  const args = ['serve', '--origin', origin.url, '--listen', '127.0.0.1:0', '--admin', 'off'];
  const served = startCli(t, args, { NODE_OPTIONS: '--insecure-http-parser' });
  let over = false;
  void served.finished.then(() => {
    over = true;
  });
  await until(() => over || served.out().includes('\n'), 'it is ready, or refuses to start');
  if (over) {
    t.pass('refuses to start');
    return;
  }
  const ready: { data: string } = JSON.parse(served.out().split('\n', 1)[0] ?? '');
  const port = Number(new URL(ready.data).port);
  for (const [row, bytes] of smuggling) {
    const client = await connect(port);
    client.send(bytes);
    t.equal((await client.response()).status, 400, `row ${row}: ${JSON.stringify(bytes.slice(0, 60))}`);
    await until(() => client.socket.readableEnded || client.socket.destroyed, 'the connection ends');
    client.close();
  }
  t.same(origin.bytes(), []);
  t.equal((await exchange(port, 'PUT', '/a', ['If-Match: "v1"'], 'x')).status, 200);
});

t.test('row 144: a gateway goes on as before after hostile configurations', async (t) => {
  for (const [, , text] of texts) loadConfig({ text: text.toString(), env: {}, flags: {} });
  const { aftermath } = await attackLegacy(t);
  await aftermath();
});
