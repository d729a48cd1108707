// Answers made here: problem details that a client can act on, for every code.

import t from 'tap';
import { type ErrorCode, GatewayError, PROBLEMS } from '../../src/errors.ts';
import type { MadeAnswer } from '../../src/guard/exchange.ts';
import { fieldName, refuse, refuseError, shownFields } from '../../src/guard/refuse.ts';
import { fieldValue, fieldValues } from '../../src/semantics/fields.ts';

const CODES = Object.keys(PROBLEMS) as ErrorCode[]; // the keys of a const object are its codes
const bodyOf = ({ content }: MadeAnswer): Record<string, unknown> => JSON.parse(content.toString());

for (const code of CODES) {
  t.test(`${code} is a problem`, async (t) => {
    const { title, status, proxyError } = PROBLEMS[code];
    const answer = refuse(new GatewayError(code, 'Do this next.'));
    t.equal(answer.status, status);
    t.same(bodyOf(answer), { type: `urn:ifmatch:${code}`, title, status, detail: 'Do this next.' });
    t.equal(fieldValue(answer.fields, 'content-type'), 'application/problem+json');
    t.equal(fieldValue(answer.fields, 'content-length'), String(answer.content.length));
    t.equal(fieldValue(answer.fields, 'cache-control'), 'no-store');
    t.equal(fieldValue(answer.fields, 'x-content-type-options'), 'nosniff');
    t.equal(fieldValue(answer.fields, 'proxy-status'), `ifmatch; error=${proxyError}; details="${code}"`);
    t.equal(fieldValue(answer.fields, 'allow') !== undefined, status === 405);
  });
}

t.test('the failed condition and what was sent', async (t) => {
  const sent = ['If-Match', '"a"', 'Cookie', 'secret', 'if-match', '"b"'];
  const answer = refuse(new GatewayError('precondition-failed', 'x'), { field: 'if-match', sent });
  t.match(bodyOf(answer), { field: 'If-Match', sent: '"a", "b"' });
  t.match(fieldValue(answer.fields, 'proxy-status'), /details="precondition-failed if-match"$/);
  t.notMatch(answer.content.toString(), /secret/);
});

t.test('no answer grows with what was sent, and none can be broken by it', async (t) => {
  const sent = ['If-Match', `"</script>\xe9\x85${'x'.repeat(20_000)}"`];
  const answer = refuse(new GatewayError('precondition-failed', 'x'), { field: 'if-match', sent });
  t.ok(answer.content.length < 1000);
  t.match(String(bodyOf(answer)['sent']), /^"<\/script>\xe9\x85x/);
  for (const value of answer.fields) t.match(value, /^[\x20-\x7e]*$/);
});

t.test('what the origin showed: CORS and Vary always, validators only where they are named', async (t) => {
  const origin = [
    ...[
      'ETag',
      '"v2"',
      'Access-Control-Allow-Origin',
      'https://a.example',
      'Vary',
      'Origin',
      'vary',
      'Cookie',
    ],
    ...[
      'Last-Modified',
      'x',
      'Set-Cookie',
      'secret',
      'Server',
      'legacy',
      'access-control-expose-headers',
      'ETag',
    ],
  ];
  const cors = [
    ...['Access-Control-Allow-Origin', 'https://a.example', 'Vary', 'Origin', 'vary', 'Cookie'],
    ...['access-control-expose-headers', 'ETag'],
  ];
  t.same(shownFields(origin, []), cors);
  const { fields } = refuse(new GatewayError('precondition-failed', 'x'), { origin, shown: ['etag'] });
  t.equal(fieldValue(fields, 'etag'), '"v2"');
  t.same(fieldValues(fields, 'vary'), ['Origin', 'Cookie']);
  t.equal(fieldValue(fields, 'set-cookie'), undefined);
  t.equal(fieldValue(fields, 'last-modified'), undefined);
});

t.test("the origin's own status, where it is for the client", async (t) => {
  const answer = refuse(new GatewayError('probe-undecided', 'x'), {
    status: 405,
    origin: ['Allow', 'PUT'],
    shown: ['allow'],
  });
  t.equal(answer.status, 405);
  t.equal(bodyOf(answer)['status'], 405);
  t.same(fieldValues(answer.fields, 'allow'), ['PUT'], 'what the origin allows, not what we forward');
});

t.test('Retry-After where waiting helps', async (t) => {
  const answer = refuse(new GatewayError('lock-timeout', 'x', { retryAfter: 3 }));
  t.equal(fieldValue(answer.fields, 'retry-after'), '3');
  t.equal(fieldValue(refuse(new GatewayError('lock-timeout', 'x')).fields, 'retry-after'), undefined);
});

t.test('an error without a code shows nothing of itself', async (t) => {
  const answer = refuseError(new Error('connect ECONNREFUSED 10.0.0.7:5432'));
  t.equal(answer.status, 500);
  t.notMatch(answer.content.toString(), /ECONN|10\.0|5432/);
  t.equal(refuseError(new GatewayError('lock-timeout', 'x')).status, 503);
});

t.test('field names are written as in the RFC', async (t) => {
  t.equal(fieldName('if-unmodified-since'), 'If-Unmodified-Since');
  t.equal(fieldName('if-match'), 'If-Match');
});

t.test('every status of the table says whose fault it is', async (t) => {
  for (const [code, { status, fault, retry }] of Object.entries(PROBLEMS)) {
    if (fault === 'client') t.ok(status >= 400 && (status < 500 || [501, 505].includes(status)), code);
    if (fault === 'origin') t.ok(status >= 500, code);
    if (code.startsWith('write-'))
      t.equal(retry, 'reread', `${code}: never repeat what may have been applied`);
  }
});
