// Chunks that never come to an end, or break off: the deadline ends them, and what was begun at the origin is cut off.

import t, { type Test } from 'tap';
import { type Arena, OK, put, startArena } from '../fixtures/attack.ts';
import { connect, type RawClient } from '../fixtures/raw-client.ts';
import { until } from '../fixtures/until.ts';

// Most of these wait for a deadline, and then for the client to be told.
t.jobs = 8;

const LIMITS = 'limits: { idle: 300ms, upload: 600ms }';
/** All content is read before any is sent. */
const buffering = (t: Test) => startArena(t, () => OK, { yaml: LIMITS });
const streaming = (t: Test) =>
  startArena(t, () => OK, { yaml: `${LIMITS}\nbuffer: 1KiB`, timeouts: { write: 300, uncertainty: 100 } });

const CHUNKED = 'Transfer-Encoding: chunked\r\nIf-Match: "v1"\r\n';
const FIRST = `1000\r\n${'x'.repeat(0x1000)}\r\n`;
const bytesAt = ({ origin }: Arena): string => origin.bytes().join('');
const writes = ({ origin }: Arena) =>
  origin.requests.filter(({ target, method }) => target === '/a' && method === 'PUT');

/** Nothing was sent: it was not applied. A part was sent: nobody knows, and who says anything says so. */
const NOT_APPLIED = /^($|HTTP\/1\.1 (400|408|413) )/;
const UNKNOWN = /^($|HTTP\/1\.1 502 [\s\S]*unknown whether it was applied)/;

async function ended(t: Test, client: RawClient, truth: RegExp): Promise<void> {
  await until(() => client.socket.readableEnded || client.socket.destroyed, 'the end of the connection');
  t.match(client.rest(), truth, 'what is said, if anything, is true');
  client.close();
}

const endless: { name: string; content: string; drip?: string }[] = [
  // 15
  { name: 'a chunk of 2^64-1 bytes', content: 'FFFFFFFFFFFFFFFF\r\nhello' },
  // 16
  { name: '1 MiB of zeros in a chunk size', content: '0'.repeat(1 << 20) },
  { name: 'zeros of a chunk size, one by one', content: '', drip: '0' },
];
for (const { name, content, drip } of endless) {
  const send = async (t: Test, arena: Arena, begin: string, truth: RegExp): Promise<void> => {
    const client = await connect(arena.ifmatch.port);
    client.send(put(CHUNKED, begin + content));
    const timer = setInterval(() => drip && client.send(drip), 20);
    await ended(t, client, truth);
    clearInterval(timer);
  };

  t.test(`${name}: over at the deadline, nothing at the origin`, async (t) => {
    const arena = await buffering(t);
    t.same(await arena.attack(t, () => send(t, arena, '', NOT_APPLIED)), []);
  });

  t.test(`${name} behind content that is streamed: cut off at the origin`, async (t) => {
    const arena = await streaming(t);
    await arena.attack(t, () => send(t, arena, FIRST, UNKNOWN), 'truncated');
    t.same(writes(arena), [], 'no whole write');
  });
}

const broken: { name: string; by: (client: RawClient) => void }[] = [
  // 17
  { name: 'LF alone behind a chunk', by: (client) => client.send('5\r\nhello\n0\r\n\r\n') },
  { name: 'letters where a chunk should end', by: (client) => client.send('5\r\nhelloXX0\r\n\r\n') },
  // 41
  { name: 'a reset', by: (client) => client.reset() },
  { name: 'an end without the last chunk', by: (client) => void client.socket.end() },
];
for (const { name, by } of broken) {
  t.test(`${name} amid streamed content: the origin's connection is cut, without a last chunk`, async (t) => {
    const arena = await streaming(t);
    await arena.attack(
      t,
      async () => {
        const client = await connect(arena.ifmatch.port);
        client.send(put(CHUNKED, FIRST));
        await until(
          () => arena.origin.bytes().some((bytes) => bytes.endsWith('xxx\r\n')),
          'the origin has the beginning',
        );
        t.equal(arena.ifmatch.lock().held, 1);
        by(client);
        await until(
          () => client.socket.destroyed || client.socket.readableEnded,
          'the end of the connection',
        );
        t.notMatch(client.rest(), /^HTTP\/1\.1 [23]/, 'nobody says that it was applied');
        client.close();
      },
      'truncated',
    );
    t.same(writes(arena), [], 'no whole write');
    t.notMatch(bytesAt(arena), /\r\n0\r\n\r\n/, 'no last chunk');
  });
}
