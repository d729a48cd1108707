// parseTarget: what is refused, what passes byte for byte, and absolute-form.

import fc from 'fast-check';
import t from 'tap';
import { parseTarget } from '../../src/route/target.ts';
import { aTarget } from '../fixtures/routes.ts';
import { anAcceptedTarget, aPathLikeText, aRequestTarget } from '../fixtures/targets.ts';

function codeOf(requestTarget: string, host: string | undefined = 'x'): string {
  const target = parseTarget(requestTarget, host);
  return 'code' in target ? target.code : 'accepted';
}

const refused: { name: string; code: string; targets: string[] }[] = [
  {
    name: 'a raw backslash in the path',
    code: 'target-invalid',
    targets: ['/guarded\\x', '/open/x\\..\\..\\guarded/x', '/\\guarded/x', '/\\evil.test/x'],
  },
  {
    name: 'a dot segment',
    code: 'target-dot-segment',
    targets: [
      '/./guarded/x',
      '/guarded/x/.',
      '/guarded/x/..',
      '/open/../guarded/x',
      '/..',
      '/.',
      '/.//guarded/x',
    ],
  },
  {
    name: 'an encoded dot segment',
    code: 'target-dot-segment',
    targets: ['/%2e/guarded/x', '/guarded/x/%2e', '/%2E%2e/x', '/open/.%2e/x', '/open/%2e./x'],
  },
  {
    name: 'a dot segment behind an encoded separator',
    code: 'target-dot-segment',
    targets: [
      '/open/..%2fguarded',
      '/open%2f..%2fguarded',
      '/open%2F.',
      '/%2e%2e%5cguarded',
      '/a%5C..',
      '/a/.%5cb',
    ],
  },
  {
    name: 'a dot segment with parameters',
    code: 'target-dot-segment',
    targets: ['/open/..;/guarded', '/..;x=1/a', '/a/.;', '/a/%2e%2e%3Bx/b', '/a;b%2f..%2fc', '/a/..;%2f/b'],
  },
  {
    name: 'a fragment',
    code: 'target-invalid',
    targets: ['/guarded/x#frag', '/open#/guarded', '/guarded/x?a=1#f', '/#', 'http://x/#f'],
  },
  {
    name: 'an encoded control character',
    code: 'target-invalid',
    targets: ['/guarded/%00', '/x%00', '/%0d%0aX:y', '/%1F', '/%7f', '/a%09b'],
  },
  {
    name: 'a malformed triplet',
    code: 'target-invalid',
    targets: ['/%zz', '/%', '/%u0041', '/a%4', '/%4/x', '/%%41'],
  },
  {
    name: 'a raw control, space or something that is no octet',
    code: 'target-invalid',
    targets: ['/a b', '/a\0', '/a\r\nb', '/\x7f', '/?a b', '/?\x01', '/?\x7f', '/\u0141', '/?\u0141'],
  },
  {
    name: 'no path at all',
    code: 'target-invalid',
    targets: [
      '',
      '*',
      'x',
      'x:80',
      'example.com:443',
      '?a',
      'http:/x/a',
      'http:x',
      '\\x',
      'mailto:a@b',
      '://x/',
    ],
  },
  {
    name: 'a foreign authority or scheme',
    code: 'target-foreign',
    targets: [
      'http://evil.test/guarded/x',
      'https://x/a',
      'ftp://x/a',
      'http://u:p@x/a',
      'http://x@evil.test/',
      'http://@x/',
      'http:///a',
      'http://',
      'http://x:81/a',
      'http://x:080/',
      'http://x./a',
      'http://%78/a',
      'http://x\\evil/',
    ],
  },
];

for (const row of refused) {
  t.test(`refuses ${row.name}`, (t) => {
    for (const target of row.targets) t.equal(codeOf(target), row.code, JSON.stringify(target));
    t.end();
  });
}

t.test('what is to be changed is said', (t) => {
  for (const [target, says] of [
    ['/a#b', /fragment/],
    ['/a?b#c', /fragment/],
    ['/a\\b', /%5C/],
    ['/a b', /path without control characters and spaces/],
    ['/?a b', /query without control characters and spaces/],
    ['/a%4', /two hexadecimal digits/],
    ['/a%00', /encoded control characters/],
  ] as const)
    t.match(parseTarget(target, 'x'), { code: 'target-invalid', detail: says }, target);
  t.end();
});

const passing: { name: string; targets: string[] }[] = [
  {
    name: 'names that only look like dot segments',
    targets: ['/guarded/..a', '/guarded/...', '/guarded/a..b', '/.a'],
  },
  { name: 'double-encoded dots', targets: ['/open/%252e%252e/guarded', '/%252e', '/a%252f..b'] },
  {
    name: 'odd characters',
    targets: ['/guarded/"<>{}|^`', '/[x]', "/'x'", '/a:b', '/%20', '/+', '/a@b', '/~', '/%7E'],
  },
  {
    name: 'octets that are not UTF-8',
    targets: ['/%c0%ae%c0%ae', '/%ff', '/\x80\xff', '/caf\xe9', '/%C3%A9'],
  },
  { name: 'encoded separators', targets: ['/guarded%2fx', '/guarded%2Fx', '/guarded%5cx', '/%2fguarded/x'] },
  {
    name: 'doubled slashes',
    targets: ['//guarded/x', '///guarded/x', '/guarded//x', '//', '//evil.test/x', '//@evil/x'],
  },
  {
    name: 'segment parameters',
    targets: ['/guarded;v=1/x', '/;x/guarded/x', '/guarded/x;jsessionid=1', '/a%3Bb'],
  },
  { name: 'a URL as a path', targets: ['/http://evil/', '/https:/x'] },
  {
    name: 'any query',
    targets: [
      '/?',
      '/??a',
      '/?/../guarded',
      '/?_method=DELETE',
      '/?a=1&',
      '/?%zz',
      '/?%00',
      '/?a\\b',
      '/?\xe9',
      '/?%',
    ],
  },
];

for (const row of passing) {
  t.test(`passes ${row.name} byte for byte`, (t) => {
    for (const target of row.targets) t.equal(aTarget(target).raw, target, JSON.stringify(target));
    t.end();
  });
}

t.test('passes a query of 16 kB and a segment of any length', (t) => {
  const long = `/g/${'a'.repeat(5000)}?${'b'.repeat(16_000)}`;
  t.equal(aTarget(long).raw, long);
  t.end();
});

t.test('splits path and query at the first question mark', (t) => {
  t.match(aTarget('/a?b?c'), { path: '/a', query: '?b?c' });
  t.match(aTarget('/a?'), { path: '/a', query: '?' });
  t.match(aTarget('/a'), { path: '/a', query: '' });
  t.end();
});

const absolute: { name: string; target: string; host: string; raw: string }[] = [
  { name: 'of the same authority', target: 'http://x/guarded/x?a', host: 'x', raw: '/guarded/x?a' },
  { name: 'with the scheme in any case', target: 'HTTP://x/a', host: 'x', raw: '/a' },
  { name: 'with the host in any case', target: 'http://EXAMPLE.test/a', host: 'example.TEST', raw: '/a' },
  { name: 'with a default port', target: 'http://x:80/a', host: 'x', raw: '/a' },
  { name: 'with an empty port', target: 'http://x:/a', host: 'x', raw: '/a' },
  { name: 'when Host has the default port', target: 'http://x/a', host: 'x:80', raw: '/a' },
  { name: 'with another port in both', target: 'http://x:8080/a', host: 'x:8080', raw: '/a' },
  { name: 'with an IPv6 address', target: 'http://[::1]:80/a', host: '[::1]', raw: '/a' },
  { name: 'without a path', target: 'http://x', host: 'x', raw: '/' },
  { name: 'without a path but with a query', target: 'http://x?a=/b', host: 'x', raw: '/?a=/b' },
  { name: 'with a doubled slash', target: 'http://x//y/a', host: 'x', raw: '//y/a' },
];

for (const row of absolute) {
  t.test(`reduces absolute-form ${row.name}`, (t) => {
    t.match(parseTarget(row.target, row.host), { raw: row.raw });
    t.end();
  });
}

t.test('refuses absolute-form without a Host field or with an empty one', (t) => {
  t.match(parseTarget('http://x/', undefined), { code: 'target-foreign' });
  t.match(parseTarget('http:///', ''), { code: 'target-foreign' });
  t.match(parseTarget('http://u@x/', 'u@x'), { code: 'target-foreign' });
  t.end();
});

t.test('never throws and never changes the text it accepts', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(aRequestTarget, aPathLikeText),
      fc.option(fc.constantFrom('x', 'x:80', '')),
      (text, host) => {
        const target = parseTarget(text, host ?? undefined);
        if ('code' in target) return target.detail !== '';
        const unchanged = text.endsWith(target.raw) || /^http:\/\/[^/?]*(\?|$)/i.test(text);
        return unchanged && target.path + target.query === target.raw && target.raw.startsWith('/');
      },
    ),
    { numRuns: 5000 },
  );
  t.end();
});

t.test('accepts no target that has a dot segment in any reading', (t) => {
  fc.assert(
    fc.property(anAcceptedTarget, (target) =>
      target.readings.flat().every((segment) => segment !== '.' && segment !== '..'),
    ),
    { numRuns: 5000 },
  );
  t.end();
});
