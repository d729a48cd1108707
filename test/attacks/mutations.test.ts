// Ten thousand broken variants of one good write: whatever is made of each, what must hold after any attack holds.

import t from 'tap';
import { OK, startArena } from '../fixtures/attack.ts';
import { deliver } from '../fixtures/attack-rows.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';

const GOOD = bytesOf('PUT', '/a', ['Content-Type: a/b', 'If-Match: "v1"', 'X-Any: one, two'], 'hello world');
const CHUNKED =
  bytesOf('PUT', '/a', ['If-Match: "v1"', 'Transfer-Encoding: chunked']) +
  '5\r\nhello\r\n3;e=f\r\nyou\r\n0\r\n\r\n';
const STALE = GOOD.replace('"v1"', '"v0"');
const SOURCES = [GOOD, CHUNKED, STALE, GOOD + GOOD];
const TOKENS = [
  ...['\r\n', '\n', '\r', '\r\n\r\n', ' ', '\t', ':', ',', '"', '\x00', '\xff', '0', '%', '/', ';'],
  ...[
    'Host: x\r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    'If-Match: *\r\n',
    'Connection: close\r\n',
  ],
  ...[
    'Expect: 100-continue\r\n',
    'Upgrade: websocket\r\n',
    'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
    'HTTP/1.0',
    'PUT ',
  ],
];
const ROUNDS = 10;
const AT_ONCE = 1000;

/** Numbers below n, the same in every run (Marsaglia's xorshift). */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}
const below = numbers(0x1f3a7c9d);

/** One to three bits flipped, tokens put in, parts taken out or doubled. */
function mutate(bytes: string): string {
  let mutant = bytes;
  for (let times = 1 + below(3); times > 0; times--) {
    const at = below(mutant.length);
    const [before, after] = [mutant.slice(0, at), mutant.slice(at)];
    const length = 1 + below(20);
    switch (below(4)) {
      case 0:
        mutant = before + String.fromCharCode(after.charCodeAt(0) ^ (1 << below(8))) + after.slice(1);
        break;
      case 1:
        mutant = before + (TOKENS[below(TOKENS.length)] ?? '') + after;
        break;
      case 2:
        mutant = before + after.slice(length);
        break;
      default:
        mutant = before + after.slice(0, length) + after;
    }
  }
  return mutant;
}

const arena = await startArena(t, () => OK, {
  yaml: 'limits: { idle: 300ms, upload: 500ms, arrival: 1s }\nlock: { queue: 2000 }',
});

const ANSWER = /^HTTP\/1\.1 (100|200|204|4\d\d|50[158]) /;

/** Ends the sending side behind the bytes and waits for the other side's end. Returns answers that are none to this. */
async function attempt(bytes: string): Promise<string[]> {
  const client = await connect(arena.ifmatch.port);
  await deliver(client, bytes, 'in one segment');
  client.socket.end();
  if (!client.socket.closed) await new Promise((resolve) => client.socket.once('close', resolve));
  const answers = client.rest().split(/(?=HTTP\/1\.1 )/);
  return answers
    .filter((answer) => answer !== '' && !ANSWER.test(answer))
    .map((answer) => `${bytes} -> ${answer}`);
}

for (let round = 0; round < ROUNDS; round++) {
  // 42
  t.test(`${AT_ONCE} mutants, round ${round}`, async (t) => {
    const mutants = Array.from({ length: AT_ONCE }, (_, i) => mutate(SOURCES[i % SOURCES.length] ?? GOOD));
    await arena.attack(t, async () => {
      const strange = await Promise.all(mutants.map(attempt));
      t.same(strange.flat(), []);
    });
  });
}
