// The current representation for a 412: whole, or none.

import t from 'tap';
import { fetchRepresentation } from '../../src/origin/fetch-representation.ts';
import { type Asked, ScriptedOrigin } from '../fixtures/scripted-origin.ts';

function start(limit = 10) {
  const origin = new ScriptedOrigin();
  const client = new AbortController();
  const request = {
    target: '/doc',
    fields: ['Host', 'x'],
    timeoutMs: 3000,
    limit,
    clientGone: client.signal,
  };
  return { origin, client, result: fetchRepresentation(origin, request) };
}

t.test('a 200 is given back whole', async (t) => {
  const { origin, result } = start();
  const asked = await origin.nth(0);
  asked.start().head(200, ['ETag', '"v1"']).data('01234').data('56789').end();
  t.same(await result, { fields: ['ETag', '"v1"'], content: Buffer.from('0123456789') });
  t.same(asked.request, { method: 'GET', target: '/doc', fields: ['Host', 'x'] });
  t.same([asked.options.lane, asked.options.deadlines], ['open', { total: 3000 }]);
});

t.test('a 200 without content is content too', async (t) => {
  const { origin, result } = start(0);
  (await origin.nth(0)).start().answer(200);
  t.same((await result)?.content.length, 0);
});

const nothing: { name: string; play: (asked: Asked) => void }[] = [
  ...[203, 204, 206, 301, 304, 401, 404, 500].map((status) => ({
    name: `a ${status}`,
    play: (asked: Asked) => void asked.start().head(status).data('x'),
  })),
  {
    name: 'more than the limit',
    play: (asked) => void asked.start().head(200).data('012345').data('678901'),
  },
  { name: 'more than the limit at once', play: (asked) => void asked.start().head(200).data('01234567890') },
  { name: 'a cut', play: (asked) => void asked.start().head(200).data('0').fail('reset') },
  { name: 'no answer', play: (asked) => void asked.start().fail('reset') },
  { name: 'nobody there', play: (asked) => void asked.fail('unreachable') },
];
for (const { name, play } of nothing) {
  t.test(`${name}: none`, async (t) => {
    const { origin, result } = start();
    const asked = await origin.nth(0);
    play(asked);
    t.equal(await result, undefined);
    t.ok(asked.ending !== undefined, 'nothing is left open');
  });
}

t.test('a client that goes ends it', async (t) => {
  for (const phase of ['asked', 'sent', 'answered'] as const) {
    const { origin, client, result } = start();
    const asked = await origin.nth(0);
    if (phase !== 'asked') asked.start();
    if (phase === 'answered') asked.head(200).data('0');
    client.abort();
    t.equal(await result, undefined, phase);
    t.equal(phase === 'asked' ? asked.start().aborted : asked.aborted, true);
  }
});
