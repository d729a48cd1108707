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
  const relayed = gatewayGaveUp({ status: 503, statusText: '', fields: ['VIA', '1.1 varnish'] });
  t.equal(relayed?.code, 'write-unknown', 'of Varnish, whose origin was too slow');
  t.equal(gatewayGaveUp({ status: 500, statusText: '', fields: ['Via', '1.1 varnish'] }), undefined);
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
  { kind: 'cancelled', sent: true, write: 'write-unknown', read: 'client-gone' },
] as const;
t.test('the error for each failure', async (t) => {
  for (const { kind, sent, write, read } of kinds) {
    const failure = new OriginFailure(kind, sent);
    t.equal(writeError(failure).code, write, `${kind}, ${sent ? 'sent' : 'not sent'}`);
    t.equal(readError(failure).code, read, `${kind}, ${sent ? 'sent' : 'not sent'}`);
    if (!sent && kind !== 'cancelled') t.match(writeError(failure).detail, /Nothing was sent/);
  }
});

const brokenContent = [
  { code: 'content-timeout', sent: false, write: 'content-timeout' },
  { code: 'client-gone', sent: false, write: 'client-gone' },
  { code: 'content-timeout', sent: true, write: 'write-unknown' },
  { code: 'content-too-large', sent: true, write: 'write-unknown' },
  { code: 'request-invalid', sent: true, write: 'write-unknown' },
  { code: 'client-gone', sent: true, write: 'write-unknown' },
  { code: 'write-timeout', sent: true, write: 'write-timeout' },
  { code: 'lock-lost-before-send', sent: true, write: 'lock-lost-before-send' },
] as const;
for (const { code, sent, write } of brokenContent) {
  t.test(
    `content that broke off by ${code}, ${sent ? 'a part of it sent' : 'nothing sent'}: ${write}`,
    (t) => {
      const failure = new OriginFailure('content', sent, new GatewayError(code, 'The cause.'));
      t.equal(writeError(failure).code, write);
      t.equal(readError(failure).code, code, 'a read that changes nothing has the cause itself');
      t.end();
    },
  );
}

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
