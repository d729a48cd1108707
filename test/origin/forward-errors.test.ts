// What the client of a failed exchange is told, and reads, which end with their client.

import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { OriginFailure } from '../../src/origin/failure.ts';
import {
  type ForwardSettings,
  forwardRead,
  gatewayGaveUp,
  readError,
  writeError,
} from '../../src/origin/forward.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';

const GET = { method: 'GET', target: '/doc', fields: ['Host', 'x'] };
const SETTINGS: ForwardSettings = {
  timeouts: { connect: 2000, read: 2500, write: 3000, uncertainty: 700 },
  release: 'end',
};

t.test('what is unknown is called so', async (t) => {
  for (const [status, code] of [
    [502, 'write-unknown'],
    [504, 'write-timeout'],
  ] as const) {
    const error = gatewayGaveUp({ status, statusText: '', fields: [] });
    t.equal(error?.code, code);
    t.match(error?.detail, /unknown whether it was applied/);
  }
  for (const status of [200, 404, 500, 503])
    t.equal(gatewayGaveUp({ status, statusText: '', fields: [] }), undefined);
});

const kinds = [
  { kind: 'unreachable', sent: false, write: 'origin-unreachable', read: 'origin-unreachable' },
  { kind: 'timeout', sent: false, write: 'origin-busy', read: 'origin-busy' },
  { kind: 'cancelled', sent: false, write: 'client-gone', read: 'client-gone' },
  { kind: 'timeout', sent: true, write: 'write-timeout', read: 'origin-timeout' },
  { kind: 'reset', sent: true, write: 'write-unknown', read: 'origin-invalid' },
  { kind: 'invalid', sent: true, write: 'write-unknown', read: 'origin-invalid' },
  { kind: 'cancelled', sent: true, write: 'write-unknown', read: 'origin-invalid' },
] as const;
t.test('the error for each failure', async (t) => {
  for (const { kind, sent, write, read } of kinds) {
    const failure = new OriginFailure(kind, sent);
    t.equal(writeError(failure).code, write, `${kind}, ${sent ? 'sent' : 'not sent'}`);
    t.equal(readError(failure).code, read, `${kind}, ${sent ? 'sent' : 'not sent'}`);
    if (!sent && kind !== 'cancelled') t.match(writeError(failure).detail, /Nothing was sent/);
  }
  const late = new GatewayError('content-timeout', 'late');
  t.equal(
    writeError(new OriginFailure('content', true, late)),
    late,
    'what the client did wrong is its own error',
  );
});

t.test('a read ends with its client', async (t) => {
  for (const phase of ['asked', 'sent', 'answered']) {
    const origin = new ScriptedOrigin();
    const client = new AbortController();
    const forwarded = forwardRead(origin, GET, SETTINGS, client.signal);
    const asked = await origin.nth(0);
    t.same([asked.options.lane, asked.options.deadlines], ['open', { start: 2000, head: 2500 }]);
    if (phase !== 'asked') asked.start();
    if (phase === 'answered') {
      asked.head(200).data('part');
      await forwarded;
    }
    client.abort();
    if (phase === 'asked') t.equal(asked.start().sent, false);
    else t.equal(asked.aborted, true);
    if (phase !== 'answered') await t.rejects(forwarded, { name: 'GatewayError' });
  }
});

t.test('a read that fails is a GatewayError', async (t) => {
  const origin = new ScriptedOrigin();
  const forwarded = forwardRead(origin, GET, SETTINGS, new AbortController().signal);
  (await origin.nth(0)).start().fail('reset');
  await t.rejects(forwarded, { name: 'GatewayError', code: 'origin-invalid' });
});
