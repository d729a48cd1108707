// Origin URLs that are taken, and what is left of them; the refused ones are golden cases.
import t from 'tap';
import { bareHost, parseOriginUrl, portOf } from '../../src/config/origin-url.ts';

const rows: readonly (readonly [string, object])[] = [
  ['http://legacy:3000', { url: 'http://legacy:3000' }],
  ['HTTP://Legacy:3000/', { url: 'http://legacy:3000' }],
  ['https://legacy:443', { url: 'https://legacy' }],
  ['http://[::1]:3000', { url: 'http://[::1]:3000' }],
  ['http://169.253.255.255', { url: 'http://169.253.255.255' }],
  ['http://169.255.0.1', { url: 'http://169.255.0.1' }],
  ['http://[fe7f::1]', { url: 'http://[fe7f::1]' }],
  ['http://[fec0::1]', { url: 'http://[fec0::1]' }],
  ['unix+http:/run/a.sock', { url: 'http://localhost', socket: '/run/a.sock' }],
  ['unix+http:///run/a.sock', { url: 'http://localhost', socket: '/run/a.sock' }],
];
for (const [text, value] of rows) {
  t.test(`${text} is taken`, (t) => {
    t.same(parseOriginUrl(text), { value });
    t.end();
  });
}

const refused = [
  'http://a b',
  'http://a\tb',
  'http://b\u00fccher',
  'http://[fe80::1]',
  'http://[febf::1]',
  'http://169.254.0.1',
  'http://169.254.255.255',
  'http://a//',
  'http://a\\b',
  'http:\\\\a',
  'unix+http://legacy/run/legacy.sock',
  '',
];
for (const text of refused) {
  t.test(`${JSON.stringify(text)} is refused`, (t) => {
    t.hasProp(parseOriginUrl(text), 'fault');
    t.end();
  });
}

t.test('host and port are those of the connection', (t) => {
  t.equal(bareHost(new URL('http://[::1]:3000')), '::1');
  t.same(
    ['http://a', 'https://a', 'https://a:1'].map((url) => portOf(new URL(url))),
    [80, 443, 1],
  );
  t.end();
});
