// The fate of a write for each outcome.

import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Fate } from '../../src/lock/lock.ts';
import type { Asked } from '../fixtures/scripted-origin.ts';
import { kindOf, SETTINGS, W, write } from '../fixtures/scripted-write.ts';

const outcomes: { name: string; play: (asked: Asked) => void; told: number | string; fate: Fate['kind'] }[] =
  [
    ...[200, 201, 202, 204, 301, 304, 400, 404, 409, 412, 428, 500, 501, 503].map((status) => ({
      name: `${status} complete`,
      play: (asked: Asked) => void asked.start().answer(status),
      told: status,
      fate: 'known' as const,
    })),
    ...[502, 504].map((status) => ({
      name: `${status}: a gateway gave up`,
      play: (asked: Asked) => void asked.start().answer(status),
      told: status,
      fate: 'unknown' as const,
    })),
    {
      name: 'connection refused',
      play: (asked) => void asked.fail('unreachable'),
      told: 'origin-unreachable',
      fate: 'known',
    },
    {
      name: 'no such host',
      play: (asked) => void asked.fail('unreachable'),
      told: 'origin-unreachable',
      fate: 'known',
    },
    {
      name: 'connecting takes too long',
      play: (asked) => void asked.fail('timeout'),
      told: 'origin-busy',
      fate: 'known',
    },
    {
      name: 'reset after it was sent',
      play: (asked) => void asked.start().fail('reset'),
      told: 'write-unknown',
      fate: 'unknown',
    },
    {
      name: 'bad framing',
      play: (asked) => void asked.start().fail('invalid'),
      told: 'write-unknown',
      fate: 'unknown',
    },
    {
      name: 'no answer in time',
      play: (asked) => void asked.start().fail('timeout'),
      told: 'write-timeout',
      fate: 'unknown',
    },
    ...(['reset', 'invalid'] as const).flatMap((kind) => [
      {
        name: `${kind} behind the head, in the same moment`,
        play: (asked: Asked) => void asked.start().head(200).fail(kind),
        told: 'write-unknown',
        fate: 'unknown' as const,
      },
      {
        name: `${kind} amid the content`,
        play: (asked: Asked) => {
          asked.start().head(200).data('half');
          setImmediate(() => asked.fail(kind));
        },
        told: 200,
        fate: 'unknown' as const,
      },
    ]),
  ];
for (const { name, play, told, fate } of outcomes) {
  t.test(`a write, ${name}: ${told}, fate ${fate}`, async (t) => {
    const { answer, settled, asked } = await write(play);
    t.equal(answer instanceof GatewayError ? answer.code : answer.status, told);
    t.equal(kindOf(t, await settled), fate);
    t.same(asked.options.deadlines, { start: 2000, head: W });
    t.equal(asked.options.lane, 'write');
  });
}

t.test('a write that may not start: client-gone, fate known', async (t) => {
  const { answer, settled, asked } = await write(
    (asked) => void asked.start(),
    SETTINGS,
    () => new GatewayError('client-gone', 'Nothing was sent.'),
  );
  t.match(answer, { code: 'client-gone' });
  t.same(await settled, { kind: 'known' });
  t.equal(asked.sent, false);
});
