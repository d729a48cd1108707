// References to the environment within one scalar.
import t from 'tap';
import { fillIn } from '../../src/config/environment.ts';

const environment = { A: 'one', EMPTY: '', DOLLAR: '$' + '{A}', UNDEFINED: undefined };
const ref = (inner: string): string => `\${${inner}}`;

const rows: readonly (readonly [string, string | RegExp])[] = [
  ['plain $ text { }', 'plain $ text { }'],
  [ref('A'), 'one'],
  [`x${ref('A')}y${ref('A')}z`, 'xoneyonez'],
  [ref('EMPTY'), ''],
  [ref('EMPTY:-two'), 'two'],
  [ref('A:-two'), 'one'],
  [ref('B:-two'), 'two'],
  [ref('B:-'), ''],
  [ref('B:-a:-b'), 'a:-b'],
  [ref('B:-line\nbreak'), 'line\nbreak'],
  [ref('DOLLAR'), ref('A')],
  [`$${ref('A')}`, ref('A')],
  [`$${ref('A')}${ref('A')}`, `${ref('A')}one`],
  [ref('B'), /needs the environment variable B, which is not set/],
  [ref('S3_KEY2'), /needs the environment variable S3_KEY2/],
  [ref('UNDEFINED'), /needs the environment variable UNDEFINED/],
  [ref('toString'), /needs the environment variable toString/],
  [ref(''), /write \$\{NAME\}/],
  [ref('A-two'), /write \$\{NAME\}/],
  [`${ref('A').slice(0, -1)}`, /without \}/],
  [ref('B:-' + ref('A')), /cannot be nested/],
  [
    ref('B') + ref('C') + ref('B'),
    /variable B, [^;]*; a default[^;]*; needs the environment variable C[^;]*; a default[^;]*$/,
  ],
];
for (const [text, expected] of rows) {
  t.test(JSON.stringify(text), (t) => {
    const filled = fillIn(text, environment);
    if (typeof expected === 'string') t.same(filled, { value: expected });
    else t.match(filled, { fault: expected });
    t.end();
  });
}
