// The policy for fields, field by field: what goes to the origin, what goes on a probe, what comes back.

import t from 'tap';
import {
  forbiddenConnectionOption,
  forwardFields,
  probeFields,
  returnedFields,
  withoutClaimsOf,
  withoutConditions,
  withoutField,
} from '../../src/origin/fields.ts';

const STRANGER = {
  peer: '192.0.2.7',
  trusted: false,
  overrides: false,
  host: 'shop.example',
  version: '1.1',
  via: 'ifmatch-1',
};
const TRUSTED = { ...STRANGER, trusted: true };
const OURS = [
  ...['Via', '1.1 ifmatch-1', 'X-Forwarded-For', '192.0.2.7'],
  ...['X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'shop.example'],
];
const inEveryCase = (name: string): string[] => [name, name.toLowerCase(), name.toUpperCase()];

const ofTheConnection = [
  ...['Connection', 'Keep-Alive', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade', 'HTTP2-Settings'],
  ...['Proxy', 'Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Connection', 'Expect'],
];
const framing = ['Host', 'Content-Length'];
const overrides = [
  ...['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override', 'X-Original-URI', 'X-Original-URL'],
  ...['X-Rewrite-URL', 'X-Forwarded-Path', 'X-Forwarded-Prefix'],
];
const underscored = ['Content_Length', 'Transfer_Encoding', 'If_Match', 'X_HTTP_Method_Override', 'X_Any'];
const whereabouts = [
  ...['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Proto'],
  'X-Real-IP',
];

/** PHP folds "." into "_", others every octet that is no letter or digit. */
const folded = [
  ...['Content.Length', 'If.Match', 'X-HTTP.Method-Override', 'X!Original~URL', 'Proxy|Connection'],
  ...['X-Forwarded.For', 'X.Real.IP'],
];

for (const name of [...ofTheConnection, ...framing, ...overrides, ...underscored, ...folded]) {
  t.test(`${name} does not go to the origin, whoever sends it`, async (t) => {
    for (const spelling of inEveryCase(name)) {
      for (const arrival of [STRANGER, TRUSTED]) {
        t.same(forwardFields(['A', '1', spelling, 'x', 'B', '2'], arrival), ['A', '1', 'B', '2', ...OURS]);
      }
    }
  });
}

for (const name of whereabouts) {
  t.test(`${name} of a stranger is not believed`, async (t) => {
    for (const spelling of inEveryCase(name)) t.same(forwardFields([spelling, '1.2.3.4'], STRANGER), OURS);
  });
}

const endToEnd = [
  ...['Authorization', 'Cookie', 'Accept', 'Accept-Encoding', 'Accept-Language', 'Origin', 'User-Agent'],
  ...['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since', 'If-Range', 'If', 'Range'],
  ...['Content-Type', 'Content-Encoding', 'Content-Range', 'Cache-Control', 'Pragma', 'Max-Forwards'],
  ...['X.Any', 'Any!', '+', 'If.Not'],
  ...['Destination', 'Prefer', 'Via', 'X-Any', '__proto__'.replaceAll('_', '-'), 'constructor', 'toString'],
];
for (const name of endToEnd) {
  t.test(`${name} goes to the origin as it came`, async (t) => {
    for (const spelling of inEveryCase(name)) {
      t.same(forwardFields([spelling, ' v\xe9,"x" ', spelling, ''], STRANGER), [
        ...[spelling, ' v\xe9,"x" ', spelling, ''],
        ...OURS,
      ]);
    }
  });
}

t.test('lines keep their number, order, case and octets', async (t) => {
  const lines = ['X-b', '1', 'x-A', '2', 'X-B', '3', 'Cookie', 'a=1', 'x-a', '', 'Cookie', 'b=\xff'];
  t.same(forwardFields(lines, STRANGER), [...lines, ...OURS]);
});

t.test('a trusted peer is believed and extended', async (t) => {
  const rows = [
    { name: 'X-Forwarded-For', given: ['10.0.0.1'], line: 'X-Forwarded-For', value: '10.0.0.1, 192.0.2.7' },
    { name: 'X-Forwarded-For', given: ['a', 'b, c'], line: 'X-Forwarded-For', value: 'a, b, c, 192.0.2.7' },
    { name: 'X-Forwarded-Proto', given: ['https'], line: 'X-Forwarded-Proto', value: 'https' },
    { name: 'X-Forwarded-Host', given: ['a.example'], line: 'X-Forwarded-Host', value: 'a.example' },
    { name: 'X-Forwarded-Port', given: ['8443'], line: 'X-Forwarded-Port', value: '8443' },
    { name: 'X-Real-IP', given: ['10.0.0.1'], line: 'X-Real-IP', value: '10.0.0.1' },
    { name: 'Forwarded', given: ['for=a'], line: 'Forwarded', value: 'for=a, for=192.0.2.7' },
  ];
  for (const { name, given, line, value } of rows) {
    const fields = forwardFields(
      given.flatMap((each) => [name, each]),
      TRUSTED,
    );
    t.same(withoutField(fields, line.toLowerCase()).includes(line), false);
    t.equal(fields.filter((field) => field === line).length, 1, `${name} is one line`);
    t.equal(fields[fields.indexOf(line) + 1], value);
  }
});

t.test(
  'claims of a field that only ifmatch sends: by its name, and by those that may be folded into it',
  async (t) => {
    const kept = ['X-Fences', '1', 'X-Fenc', '2', 'XFence', '3', 'Y-Fence', '4'];
    const claims = ['X-Fence', '99', 'x-fence', '98', 'X.Fence', '97', 'x!fence', '96', 'X_FENCE', '95'];
    t.same(withoutClaimsOf([...claims, ...kept], 'X-Fence'), kept);
  },
);

t.test('of several lines of Forwarded the last one is extended', async (t) => {
  const fields = forwardFields(['Forwarded', 'for=a', 'A', '1', 'forwarded', 'for=b'], TRUSTED);
  t.same(fields.slice(0, 6), ['Forwarded', 'for=a', 'A', '1', 'forwarded', 'for=b, for=192.0.2.7']);
});

t.test('an IPv6 peer is bracketed and quoted in Forwarded, and bare in X-Forwarded-For', async (t) => {
  const fields = forwardFields(['Forwarded', 'for=a'], { ...TRUSTED, peer: '2001:db8::1' });
  t.equal(fields[1], 'for=a, for="[2001:db8::1]"');
  t.equal(fields[fields.indexOf('X-Forwarded-For') + 1], '2001:db8::1');
  const local = forwardFields(['Forwarded', 'for=a'], { ...TRUSTED, peer: '' });
  t.equal(local[1], 'for=a, for=unknown', 'a peer on a Unix socket has no address');
  const hops = forwardFields(['X-Forwarded-For', '10.0.0.1'], { ...TRUSTED, peer: '' });
  t.equal(hops[hops.indexOf('X-Forwarded-For') + 1], '10.0.0.1', 'and adds none');
  t.notOk(forwardFields([], { ...TRUSTED, peer: '' }).includes('X-Forwarded-For'));
});

t.test('no field name of the prototype chain does harm', async (t) => {
  const lines = ['constructor', 'y', 'toString', 'z', 'hasOwnProperty', '1', '__proto__', 'x'];
  t.same(forwardFields(lines, STRANGER).slice(0, 6), lines.slice(0, 6));
  t.equal(Reflect.get({}, 'x'), undefined);
});

const conditional = ['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since', 'If-Range'];
const notOnAProbe = [
  ...['Cache-Control', 'Pragma', 'Max-Forwards', 'Range', 'Digest', 'Content-Digest', 'Repr-Digest'],
  ...['Want-Digest', 'Want-Content-Digest', 'Want-Repr-Digest', 'Content-Disposition', 'Content-Encoding'],
  ...['Content-Language', 'Content-Location', 'Content-MD5', 'Content-Range', 'Content-Type'],
];
t.test('a probe carries no condition, nothing about content, and asks no cache', async (t) => {
  for (const name of ['If', ...conditional, ...notOnAProbe]) {
    for (const spelling of inEveryCase(name)) {
      t.same(probeFields(['A', '1', spelling, 'only-if-cached', 'B', '2']), [
        ...['A', '1', 'B', '2'],
        ...['Cache-Control', 'no-cache'],
      ]);
    }
  }
});

t.test('a probe carries what selects the representation', async (t) => {
  const kept = ['Host', 'Authorization', 'Cookie', 'Accept', 'Accept-Encoding', 'Accept-Language', 'Origin'];
  for (const name of [...kept, 'Prefer', 'Via', 'X-Tenant', 'User-Agent']) {
    t.same(probeFields([name, 'v']), [name, 'v', 'Cache-Control', 'no-cache']);
  }
});

t.test('withoutConditions takes every conditional field and nothing else', async (t) => {
  for (const name of conditional.flatMap(inEveryCase))
    t.same(withoutConditions(['A', '1', name, '2']), ['A', '1']);
  t.same(withoutConditions(['If-Matching', '1', 'Range', '2']), ['If-Matching', '1', 'Range', '2']);
  // of WebDAV, and the origin's to evaluate (RFC 4918 10.4)
  for (const name of inEveryCase('If'))
    t.same(withoutConditions(['A', '1', name, '2']), ['A', '1', name, '2']);
});

const notReturned = [
  ...['Connection', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Connection', 'TE', 'Trailer'],
  ...['Transfer-Encoding', 'Upgrade'],
];
t.test("fields of the origin's connection do not come back", async (t) => {
  for (const name of notReturned.flatMap(inEveryCase))
    t.same(returnedFields(200, ['A', '1', name, 'x']), ['A', '1']);
  const nominating = ['Connection', 'x-int, close', 'X-Int', '1', 'connection', ' X-OTHER ', 'x-other', '2'];
  t.same(returnedFields(200, [...nominating, 'ETag', '"e"']), ['ETag', '"e"']);
});

t.test('everything else of the origin comes back as it came', async (t) => {
  const lines = [
    'Set-Cookie',
    'a=1',
    'ETag',
    '"\xe9"',
    'set-cookie',
    'b=2',
    'Content-Length',
    '3',
    'X',
    '\x85',
  ];
  t.same(returnedFields(200, lines), lines);
});

t.test('a 204 has no Content-Length', async (t) => {
  t.same(returnedFields(204, ['content-length', '0', 'ETag', '"e"']), ['ETag', '"e"']);
});

t.test(
  'Via tells the version of the client, and X-Forwarded-Host nothing where there was no Host',
  async (t) => {
    const arrival = { ...STRANGER, version: '1.0', host: '' };
    t.same(forwardFields([], arrival), OURS.slice(0, 6).with(1, '1.0 ifmatch-1'));
  },
);

t.test('Connection may name only fields of the connection', async (t) => {
  const allowed = ['', 'close', 'Keep-Alive', 'upgrade, HTTP2-Settings', ' te ,, close\t'];
  for (const value of allowed) t.equal(forbiddenConnectionOption(value), undefined, value);
  const refused = [
    ...['If-Match', 'close,\tIF-MATCH', 'x,if-unmodified-since', 'authorization', 'cookie', 'host'],
    ...['content-length', 'x-forwarded-for', 'constructor', '__proto__', 'close;x', '"close"'],
  ];
  for (const value of refused) t.type(forbiddenConnectionOption(value), 'string', value);
  t.equal(forbiddenConnectionOption('close, If-Match, Cookie'), 'if-match', 'the first is named');
});
