// Prefer: return=representation: who asks for it, and the 412 that carries it.

import t from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { refuse } from '../../src/guard/refuse.ts';
import { representationWanted, withRepresentation } from '../../src/guard/representation-wanted.ts';
import { fieldValue, fieldValues } from '../../src/semantics/fields.ts';
import { anExchange, someTools } from '../fixtures/guarded-exchange.ts';
import { type Asked, ScriptedOrigin } from '../fixtures/scripted-origin.ts';

const rows: [readonly string[], boolean][] = [
  [[], false],
  [['return=representation'], true],
  [['Return = "representation"'], true],
  [['respond-async, return=representation; foo="bar"'], true],
  [['respond-async', 'wait=5,\treturn=representation'], true],
  [['return=minimal'], false],
  [['return=minimal, return=representation'], false],
  [['return=representation, return=minimal'], true],
  [['return, return=representation'], false],
  [['return=""', 'return=representation'], false],
  [['return=a-b, return=representation'], false],
  [['return;x, return=representation'], false],
  [['return; x=representation'], false],
  [['return-x=1, returns=1, return=representation'], true],
  [['return=Representation'], false],
  [['return'], false],
  [['return=representations'], false],
  [['x-return=representation'], false],
  [['foo; return=representation'], false],
  [['foo="a, return=representation"'], false],
  [['foo="a\\", return=representation"'], false],
  [['foo=bar; baz="a, return=minimal", return=representation'], true],
  [['foo="", return=representation'], true],
  [['foo="a, return=representation'], false],
  [['', ' ,, return=representation'], true],
];
t.test('the first preference named return counts', async (t) => {
  for (const [values, wanted] of rows) {
    const fields = values.flatMap((value) => ['prefer', value]);
    t.equal(representationWanted(fields), wanted, values.join(' | '));
  }
});

t.test('a long Prefer takes no time', async (t) => {
  for (const piece of ['"', '"\\', '\\', '"a', ',', '"a",', 'return=']) {
    const started = performance.now();
    t.equal(representationWanted(['prefer', `${piece.repeat(16_000)}"`]), false);
    t.ok(performance.now() - started < 1000, piece);
  }
});

const PLAIN = refuse(new GatewayError('precondition-failed', 'x'), { field: 'if-match', sent: [] });

async function answered(play: (asked: Asked) => void, resource = '/doc') {
  const origin = new ScriptedOrigin();
  const exchange = anExchange('PUT', {
    fields: ['Cookie', 'c', 'If-Match', '"v1"', 'Range', 'bytes=0-1'],
    resource,
  });
  const tools = { ...someTools(t, origin), buffer: 10 };
  const result = withRepresentation(exchange, tools, PLAIN);
  const asked = await origin.nth(0);
  play(asked);
  return { answer: await result, asked };
}

t.test('the 412 with the current representation', async (t) => {
  const shown = [
    'ETag',
    '"v2"',
    'Content-Type',
    'text/plain',
    'Set-Cookie',
    'secret',
    'Content-Language',
    'de',
  ];
  const { answer, asked } = await answered(
    (asked) => void asked.start().answer(200, shown, 'current'),
    '/doc/1',
  );
  t.equal(answer.status, 412);
  t.equal(answer.content.toString(), 'current');
  t.same([asked.request.method, asked.request.target], ['GET', '/doc/1']);
  t.same(asked.request.fields, ['Host', 'x', 'Cookie', 'c', 'Cache-Control', 'no-cache']);
  const wanted = {
    ...{ etag: '"v2"', 'content-type': 'text/plain', 'content-language': 'de', 'content-length': '7' },
    ...{
      'content-location': '/doc/1',
      'preference-applied': 'return=representation',
      'cache-control': 'no-store',
    },
  };
  for (const [name, value] of Object.entries(wanted)) t.same(fieldValues(answer.fields, name), [value], name);
  t.equal(fieldValue(answer.fields, 'set-cookie'), undefined);
  t.match(fieldValue(answer.fields, 'proxy-status'), /precondition-failed if-match/);
  t.match(fieldValues(answer.fields, 'vary').join(), /Prefer/);
});

t.test("the origin's own Content-Location stands", async (t) => {
  const { answer } = await answered(
    (asked) => void asked.start().answer(200, ['Content-Location', '/doc.en'], 'x'),
  );
  t.same(fieldValues(answer.fields, 'content-location'), ['/doc.en']);
});

t.test('none to be had: the plain 412', async (t) => {
  const plays: ((asked: Asked) => void)[] = [
    (asked) => void asked.start().answer(404),
    (asked) => void asked.start().answer(200, [], 'more than ten bytes'),
    (asked) => void asked.fail('unreachable'),
    (asked) => void asked.start().head(200).data('x').fail('reset'),
  ];
  for (const play of plays) t.same((await answered(play)).answer, PLAIN);
});
