// Secrets on their way through: none is ever in the log, at no level, whatever goes wrong.

import t from 'tap';
import { aFile, runCli } from '../fixtures/cli.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { provoke, startLogged } from '../fixtures/log-text.ts';
import { bytesOf } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { until } from '../fixtures/until.ts';

// Each waits a while for what may still be written.
t.jobs = 4;

const OK: RawScript = () => 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';
const SECRET = 'canary-7f3a';
const secretFields = [
  ...[`Authorization: Bearer ${SECRET}`, `Cookie: session=${SECRET}`, `Proxy-Authorization: Basic ${SECRET}`],
  ...[`X-Api-Key: ${SECRET}`, `Referer: http://x/?token=${SECRET}`, `Origin: http://${SECRET}`],
];
const secretAnswer = `Set-Cookie: session=${SECRET}\r\nX-Secret: ${SECRET}\r\nLocation: /x?token=${SECRET}\r\n`;
const ends =
  (bytes: string): RawScript =>
  (request) =>
    void request.socket.end(bytes, 'latin1');
const origins: readonly (readonly [name: string, script: RawScript])[] = [
  [
    'that answers well',
    () => `HTTP/1.1 200 OK\r\n${secretAnswer}ETag: "v1"\r\nContent-Length: ${SECRET.length}\r\n\r\n${SECRET}`,
  ],
  [
    'that denies',
    () => `HTTP/1.1 403 No\r\n${secretAnswer}Content-Length: ${SECRET.length}\r\n\r\n${SECRET}`,
  ],
  ['that redirects', () => `HTTP/1.1 302 No\r\n${secretAnswer}Content-Length: 0\r\n\r\n`],
  ['that fails', () => `HTTP/1.1 500 No\r\n${secretAnswer}Content-Length: 0\r\n\r\n`],
  ['that answers garbage', ends(`${SECRET} ${SECRET}\r\n\r\n`)],
  ['that breaks off amid the fields', ends(`HTTP/1.1 200 OK\r\n${secretAnswer}`)],
  [
    'that breaks off amid the content',
    ends(`HTTP/1.1 200 OK\r\n${secretAnswer}Content-Length: 1000\r\n\r\n${SECRET}`),
  ],
  [
    'with two lengths',
    () => `HTTP/1.1 200 OK\r\n${secretAnswer}Content-Length: 1\r\nContent-Length: 2\r\n\r\n${SECRET}`,
  ],
  ['with a malformed field', () => `HTTP/1.1 200 OK\r\n${secretAnswer}X Y: ${SECRET}\x01\r\n\r\n`],
  ['with 20 kB of fields', () => `HTTP/1.1 200 OK\r\nX: ${SECRET.repeat(2000)}\r\n\r\n`],
  ['that says nothing', () => undefined],
];

const secretRequests = (path: string): string[] => [
  ...['"v1"', '"stale"', SECRET, `"${SECRET}"`].map((tag) =>
    bytesOf('PUT', `${path}?token=${SECRET}`, [...secretFields, `If-Match: ${tag}`], SECRET),
  ),
  bytesOf('PUT', `${path}?token=${SECRET}`, secretFields, SECRET),
  bytesOf('GET', `${path}?token=${SECRET}`, secretFields),
  bytesOf('OPTIONS', `${path}?token=${SECRET}`, secretFields),
];
/** Refused before anything is sent. */
const refusals: readonly (readonly [name: string, bytes: string])[] = [
  ['a query behind a dot segment', bytesOf('GET', `/../x?token=${SECRET}`, secretFields)],
  ['a fragment', bytesOf('GET', `/x#access_token=${SECRET}`, secretFields)],
  ['user information in the target', bytesOf('GET', `http://user:${SECRET}@legacy.example/x`, secretFields)],
  ['another authority', bytesOf('GET', `http://evil.test/x?token=${SECRET}`, secretFields)],
  ['two Authorization lines', bytesOf('GET', '/x', [...secretFields, `Authorization: ${SECRET}`])],
  ['a nominated field', bytesOf('GET', '/x', [...secretFields, `Connection: ${SECRET}`])],
  ['a malformed Host', bytesOf('GET', '/x', [...secretFields, `Host: ${SECRET}@x y`])],
  ['an unknown expectation', bytesOf('GET', '/x', [...secretFields, `Expect: ${SECRET}`])],
  [
    'a parse error',
    `GET /x HTTP/1.1\r\nHost: x\r\n${secretFields.join('\r\n')}\r\nX Y: ${SECRET}\x01\r\n\r\n`,
  ],
  ['too many fields', bytesOf('GET', '/x', [...secretFields, `X: ${SECRET.repeat(2000)}`])],
  [
    'chunks that break',
    bytesOf('PUT', '/x', [...secretFields, 'Transfer-Encoding: chunked']) + `zz\r\n${SECRET}\r\n`,
  ],
  [
    'a WebSocket',
    bytesOf('GET', `/x?token=${SECRET}`, [...secretFields, 'Upgrade: websocket', 'Connection: upgrade']),
  ],
];

for (const level of ['trace', 'warn']) {
  for (const [name, script] of origins) {
    t.test(`row 137: level ${level}: an origin ${name}: no secret is in the log`, async (t) => {
      const logged = await startLogged(t, (await startRawOrigin(t, script)).url, level);
      const all = ['/doc', '/off/doc', '/observe/doc', '/required/doc'].flatMap(secretRequests);
      await Promise.all(all.map((bytes) => provoke(logged.port, bytes)));
      await until(
        () => Object.values(logged.running.lock()).every((size) => size === 0),
        'the lock is empty',
      );
      t.notMatch(logged.text(), SECRET);
      if (level === 'trace') t.ok(logged.text().includes('/doc'), 'and there are lines');
    });
  }
  t.test(`row 137: level ${level}: an origin that is down: no secret is in the log`, async (t) => {
    const logged = await startLogged(t, `http://127.0.0.1:${await closedPort()}`, level);
    const all = ['/doc', '/off/doc', '/observe/doc'].flatMap(secretRequests);
    await Promise.all(all.map((bytes) => provoke(logged.port, bytes)));
    t.ok(logged.text().includes('/doc'));
    t.notMatch(logged.text(), SECRET);
  });
  for (const [name, bytes] of refusals) {
    t.test(`row 137: level ${level}: a request refused for ${name}: no secret is in the log`, async (t) => {
      const logged = await startLogged(t, (await startRawOrigin(t, OK)).url, level);
      await provoke(logged.port, bytes);
      t.notMatch(logged.text(), SECRET);
    });
  }
}

t.test('row 137: user information in the URL of the origin is refused and not repeated', async (t) => {
  const url = `http://user:${SECRET}@legacy:3000`;
  const file = aFile(t, 'ifmatch.yaml', `origin: ${url}\n`);
  const none = ['--listen', '127.0.0.1:0', '--admin', 'off'];
  const runs: readonly (readonly [args: string[], env: Record<string, string>])[] = [
    [['check', file], {}],
    [['serve', '--config', file, ...none], {}],
    [['serve', '--origin', url, ...none], {}],
    [['serve', ...none], { IFMATCH_ORIGIN: url }],
    [['explain', '--origin', url, 'PUT', '/x'], {}],
  ];
  for (const [args, env] of runs) {
    const { code, out, err } = await runCli(t, args, env);
    t.equal(code, 1, args.join(' '));
    t.notMatch(out + err, SECRET);
  }
});
