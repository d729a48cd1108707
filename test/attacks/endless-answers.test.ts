// Answers of the origin that never end: nobody can make them pile up until no slot is left for others.

import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect, exchange, type RawClient } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { until } from '../fixtures/until.ts';

t.jobs = 6;

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 2\r\n\r\nok';
const EVENTS = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n: hi\n\r\n';
const HALF = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 90\r\n\r\nhalf';
/** As many as there may be exchanges with the origin at once. */
const SLOTS = 4;

/** A gateway with few slots in front of an origin whose answer for /endless is `endless`, and has no end. */
async function scene(t: Test, endless: string, mode = 'enforce') {
  const origin = await startRawOrigin(t, ({ target }) => (target === '/endless' ? endless : OK));
  const yaml = `routes: [{ path: /endless, mode: ${mode} }]`;
  const ifmatch = await startIfmatch(t, { origin: origin.url, connections: SLOTS, yaml });
  const streams = origin.requests.filter.bind(origin.requests);
  return {
    port: ifmatch.port,
    /** Answers that the origin still gives. */
    open: () => streams(({ target, socket }) => target === '/endless' && !socket.destroyed).length,
    asked: () => streams(({ target }) => target === '/endless').length,
  };
}

const refused = [
  { name: 'refused with 412', field: 'If-Match: "other"', status: 412 },
  { name: 'answered 304', field: 'If-None-Match: *', status: 304 },
];
for (const { name, field, status } of refused) {
  for (const [what, answer] of [
    ['a stream of events', EVENTS],
    ['content that stalls', HALF],
  ] as const) {
    t.test(`${what} ${name}: the origin's side ends, and the slot is free again`, async (t) => {
      const { port, open } = await scene(t, answer);
      for (let n = 0; n < SLOTS; n++)
        t.equal((await exchange(port, 'GET', '/endless', [field])).status, status);
      await until(() => open() === 0, 'the origin has no answer to give any more');
      t.equal((await exchange(port, 'GET', '/x')).status, 200);
    });
  }
}

const behind = [
  { name: 'nothing', bytes: '' },
  { name: 'another request', bytes: bytesOf('GET', '/x') },
  { name: 'garbage', bytes: 'garbage\r\n\r\n' },
  { name: 'an octet that begins no request', bytes: '\0' },
];
const leaving = [
  { by: 'FIN', leave: (client: RawClient) => client.close() },
  { by: 'RST', leave: (client: RawClient) => client.reset() },
];
for (const mode of ['enforce', 'off']) {
  for (const { name, bytes } of behind) {
    for (const { by, leave } of leaving) {
      t.test(
        `mode ${mode}: who sends ${name} behind a stream, and leaves by ${by}, leaves no stream behind`,
        async (t) => {
          const { port, open, asked } = await scene(t, EVENTS, mode);
          const clients = await Promise.all(Array.from({ length: SLOTS }, () => connect(port)));
          for (const client of clients) client.send(bytesOf('GET', '/endless'));
          await until(() => asked() === SLOTS, 'all streams are open');
          for (const client of clients) if (bytes !== '') client.send(bytes);
          for (const client of clients) setTimeout(() => leave(client), 50);
          await until(() => open() === 0, 'the origin has no answer to give any more');
          t.equal((await exchange(port, 'GET', '/x')).status, 200);
        },
      );
    }
  }
}

t.test('malformed chunks of a request whose answer is a stream: its departure is seen', async (t) => {
  const { port, open, asked } = await scene(t, EVENTS);
  const client = await connect(port);
  client.send('GET /endless HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  await until(() => asked() === 1, 'the stream is open');
  client.send('zz\r\n');
  setTimeout(() => client.close(), 50);
  await until(() => open() === 0, 'the origin has no answer to give any more');
});
