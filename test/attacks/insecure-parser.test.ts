// NODE_OPTIONS=--insecure-http-parser in the environment does not make the parser lenient.

import t from 'tap';
import { OK, put, SMUGGLED } from '../fixtures/attack.ts';
import { startCli } from '../fixtures/cli.ts';
import { connect } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { until } from '../fixtures/until.ts';

const origin = await startRawOrigin(t, () => OK);
const args = ['serve', '--origin', origin.url, '--listen', '127.0.0.1:0', '--admin', 'off'];
const started = startCli(t, args, { NODE_OPTIONS: '--insecure-http-parser' });
await until(
  () => started.out().includes('"ready"') || started.process.exitCode !== null,
  'it is ready or refuses to start',
);
const port = Number(/"data":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(started.out())?.[1]);

const LENGTH = 'Content-Length: 2\r\n';
const STALE = 'If-Match: "v0"\r\n';
// 45: 2, 6 and 12 again
const rows = [
  {
    name: 'TE.CL',
    bytes: put('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
  },
  {
    name: 'CL.TE',
    bytes: put('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\nG${SMUGGLED}`),
  },
  { name: 'a space before the colon', bytes: put('Transfer-Encoding : chunked\r\n', '0\r\n\r\n') },
  { name: 'a folded coding', bytes: put('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n') },
  { name: 'an empty coding and a length', bytes: put(`Transfer-Encoding: \r\n${LENGTH}`, 'hi') },
  { name: 'LF alone throughout', bytes: put(STALE + LENGTH, 'hi').replaceAll('\r\n', '\n') },
  { name: 'one LF alone between fields', bytes: put(`A: b\n${STALE}${LENGTH}`, 'hi') },
  { name: 'CR alone in a value', bytes: put(`A: b\r${STALE}${LENGTH}`, 'hi') },
  { name: 'CR alone behind a line', bytes: put(`A: b\r\n\rX: y\r\n${LENGTH}`, 'hi') },
];
for (const { name, bytes } of rows) {
  t.test(
    `${name}: 400, and the end of the connection`,
    { skip: !port && 'it refuses to start' },
    async (t) => {
      const client = await connect(port);
      client.send(bytes);
      t.equal((await client.response()).status, 400);
      await until(() => client.socket.readableEnded || client.socket.destroyed, 'the end of the connection');
      t.equal(client.rest(), '');
      client.close();
      t.same(origin.bytes(), [], 'nothing at the origin');
    },
  );
}

t.test('it serves, or says why it does not', async (t) => {
  if (!port) {
    t.not((await started.finished).err, '');
    return;
  }
  const client = await connect(port);
  client.send(put(LENGTH, 'hi'));
  t.equal((await client.response()).status, 200);
  client.close();
});
