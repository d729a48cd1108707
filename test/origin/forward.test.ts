// The fate of a write for each outcome.

import t, { type Test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Fate } from '../../src/lock/lock.ts';
import { type ForwardSettings, forwardWrite } from '../../src/origin/forward.ts';
import { type Asked, ScriptedOrigin } from '../fixtures/scripted-origin.ts';

/** Nothing speaks against the write. */
const START = () => undefined;

const PUT = { method: 'PUT', target: '/doc', fields: ['Host', 'x'], content: [Buffer.from('x')] };
const W = 3000;
const U = 700;
const SETTINGS: ForwardSettings = {
  timeouts: { connect: 2000, read: 2500, write: W, uncertainty: U },
  release: 'end',
};

async function write(
  play: (asked: Asked) => void,
  settings = SETTINGS,
  refuseStart: () => GatewayError | undefined = START,
) {
  const origin = new ScriptedOrigin();
  const forwarded = forwardWrite(origin, PUT, settings, refuseStart);
  const asked = await origin.nth(0);
  play(asked);
  return { ...(await forwarded), asked };
}

/** `known`, or `unknown` when the quarantine is max(U, sentAt + W + U - now). */
function kindOf(t: Test, fate: Fate): string {
  if (fate.kind === 'unknown') {
    t.ok(fate.quarantineMs >= U && fate.quarantineMs <= W + U, `a quarantine of ${fate.quarantineMs} ms`);
  }
  return fate.kind;
}

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
