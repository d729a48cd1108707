// A write that is refused: content that came with its head is no reason to end the client's connection, missing content is.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { until } from '../fixtures/until.ts';

const YAML = `lock: { queue: 1, wait: 5s }\nroutes: [{ path: /strict/*, mode: require }]`;

const refusals = [
  { name: 'a malformed condition', target: '/doc', fields: ['If-Match: v1'], status: 400 },
  { name: 'a condition that is demanded', target: '/strict/doc', fields: [], status: 428 },
  { name: 'a target that is none', target: '/a/../b', fields: [], status: 400 },
] as const;
for (const { name, target, fields, status } of refusals) {
  t.test(`${name}: ${status}, and the connection goes on behind the content`, async (t) => {
    const origin = await startRawOrigin(t, () => undefined);
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: YAML });
    const client = await connect(ifmatch.port);
    for (let i = 0; i < 3; i++) {
      client.send(bytesOf('PUT', target, [...fields, 'Content-Length: 5'], 'hello'));
      const response = await client.response();
      t.same([response.status, response.field('connection')], [status, 'keep-alive']);
    }
    client.send(bytesOf('PUT', target, [...fields, 'Content-Length: 5'], 'hell'));
    const last = await client.response();
    t.same(
      [last.status, last.field('connection')],
      [status, 'close'],
      'the rest would be taken for a request',
    );
    client.close();
    t.equal(origin.requests.length, 0);
  });
}

t.test('a full queue: 503, and the connection goes on', async (t) => {
  const origin = await startRawOrigin(t, () => undefined);
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: YAML });
  const bytes = bytesOf('PUT', '/doc', ['Content-Length: 5'], 'hello');
  const [holder, waiter, refused] = await Promise.all([1, 2, 3].map(() => connect(ifmatch.port)));
  if (holder === undefined || waiter === undefined || refused === undefined) throw new Error('unreachable');
  holder.send(bytes);
  await until(() => ifmatch.lock().held === 1, 'the first one holds the key');
  waiter.send(bytes);
  await until(() => ifmatch.lock().waiting === 1, 'the second one waits');
  for (let i = 0; i < 3; i++) {
    refused.send(bytes);
    const response = await refused.response();
    t.same([response.status, response.field('connection')], [503, 'keep-alive']);
  }
  for (const client of [holder, waiter, refused]) client.close();
});
