// The log under attack: one JSON object a line whatever comes, nothing that a terminal obeys.

import { pino } from 'pino';
import t, { type Test } from 'tap';
import { provoke, startLogged } from '../fixtures/log-text.ts';
import { bytesOf } from '../fixtures/raw-client.ts';
import { type RawScript, startRawOrigin } from '../fixtures/raw-origin.ts';
import { watchRejections } from '../fixtures/thrown.ts';

// Each waits a while for what may still be written.
t.jobs = 4;

/** Nothing of this may stand raw in a line: C0, DEL, C1, line and paragraph separators, directions of text. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;
const MEMBERS = new Set([
  ...[
    'level',
    'time',
    'msg',
    'method',
    'path',
    'route',
    'mode',
    'status',
    'ms',
    'plan',
    'verdict',
    'field',
    'would',
    'code',
  ],
  ...['dateOnly', 'unguarded', 'lockMs', 'probeMs', 'fate', 'cause', 'clientGone'],
]);

/** Asserts what a log is made of, and returns its objects. */
function parseLog(t: Test, text: string): Record<string, unknown>[] {
  t.ok(text === '' || text.endsWith('\n'), 'the last line is whole');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      t.notMatch(line, UNPRINTABLE, 'nothing unprintable is written raw');
      const object: Record<string, unknown> = JSON.parse(line);
      const members = [...line.matchAll(/(?<=[{,])"(\w+)":/g)].map(([, name]) => name);
      t.equal(members.filter((name) => name === 'level').length, 1, 'one level');
      t.same(
        Object.keys(object).filter((name) => !MEMBERS.has(name)),
        [],
        'no forged member',
      );
      t.ok([30, 40, 50].includes(Number(object['level'])), 'the level is our own');
      return object;
    });
}

const OK: RawScript = () => 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';
const octets = Array.from({ length: 32 }, (_, n) => String.fromCharCode(0x80 + n)).join('');
const injections: readonly (readonly [name: string, bytes: string])[] = [
  ['an encoded line end and an object', bytesOf('GET', '/%0d%0a{"level":60}')],
  ['quotes and an object in the path', bytesOf('GET', '/","level":60,"msg":"forged')],
  ['quotes in the query', bytesOf('GET', '/x?","level":60,"msg":"forged')],
  ['an encoded ESC', bytesOf('GET', '/%1b[2J%1b]0;x%07')],
  ['an encoded C1 control', bytesOf('GET', '/%9b2J%85')],
  ['C1 controls in the path', bytesOf('GET', `/${octets}`)],
  ['U+009B as UTF-8 in the path', bytesOf('GET', '/\xc2\x9b2J')],
  ['U+2028 as UTF-8 in the path', bytesOf('GET', '/\xe2\x80\xa8x\xe2\x80\xae')],
  ['U+2028 encoded in the path', bytesOf('GET', '/%e2%80%a8x%e2%80%ae')],
  ['C1 controls in an absolute target', bytesOf('GET', `http://legacy.example/${octets}`)],
  ['C1 controls in the query', bytesOf('GET', `/x?${octets}`)],
  ['C1 controls in Host', bytesOf('GET', '/x', [`Host: a${octets}b`])],
  ['C1 controls in If-Match', bytesOf('PUT', '/x', [`If-Match: "${octets}"`], 'x')],
  ['C1 controls in a malformed If-Match', bytesOf('PUT', '/x', [`If-Match: ${octets}`], 'x')],
  ['an object in Connection', bytesOf('GET', '/x', ['Connection: ","level":60', `X: ${octets}`])],
  ['an object in Expect', bytesOf('GET', '/x', ['Expect: ","level":60\x9b'])],
  ['an object for a method', `{"level":60} / HTTP/1.1\r\nHost: x\r\n\r\n`],
  ['a line end amid the request line', 'GET /x\n{"level":60} HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a NUL', 'GET /x\0 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a backslash at the end', bytesOf('GET', '/x\\')],
  ['a surrogate', bytesOf('GET', '/\xed\xa0\x80')],
  ['8 kB of path', bytesOf('GET', `/${'"'.repeat(8000)}`)],
  ['a fragment', bytesOf('GET', '/x#","level":60')],
];
for (const level of ['debug', 'info', 'warn', 'error']) {
  t.test(`row 136: level ${level}: every line is one object of our own, whatever was sent`, async (t) => {
    const rejections = watchRejections(t);
    const logged = await startLogged(t, (await startRawOrigin(t, OK)).url, level);
    const attacks = injections.flatMap(([name, bytes]) =>
      ['/', '/off/'].map((path) => ({ name, bytes: bytes.replace(/^([A-Z]+) \//, `$1 ${path}`) })),
    );
    await Promise.all(
      attacks.map(async ({ name, bytes }) => {
        t.match(await provoke(logged.port, bytes), /^HTTP\/1\.1 \d/, `${name}: an answer`);
      }),
    );
    const lines = parseLog(t, logged.text());
    if (level === 'info') t.ok(lines.length > 10, 'and there are lines');
    t.same(rejections, []);
  });
}

t.test('row 136: an origin cannot write the log either', async (t) => {
  const hostile = `\u009b2J\u0085${octets}`;
  const answers = [
    `HTTP/1.1 2 ${hostile}\r\n\r\n`,
    `HTTP/1.1 200 ${hostile}\r\nContent-Length: 0\r\n\r\n`,
    `{"level":60}${hostile}\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n${hostile}: x\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nContent-Length: ","level":60\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nETag: "${hostile}"\r\nTransfer-Encoding: ","level":60${hostile}\r\n\r\n`,
    `HTTP/1.1 302 OK\r\nLocation: ${hostile}\r\nContent-Length: 0\r\n\r\n`,
  ];
  for (const answer of answers) {
    const logged = await startLogged(t, (await startRawOrigin(t, () => answer)).url, 'debug');
    const requests = ['/', '/off/', '/observe/'].flatMap((path) => [
      bytesOf('GET', path),
      bytesOf('PUT', path, ['If-Match: "v1"'], 'x'),
    ]);
    await Promise.all(requests.map((bytes) => provoke(logged.port, bytes)));
    t.ok(parseLog(t, logged.text()).length >= 6);
  }
});

t.test('the log is checked by what can find something', async (t) => {
  let text = '';
  pino(
    {},
    {
      write: (line: string) => {
        text += line;
      },
    },
  ).info({ path: '\u009b' });
  t.match(text, UNPRINTABLE, 'pino alone writes C1 controls raw');
});
