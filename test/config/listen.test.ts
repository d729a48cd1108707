// Listen addresses, and which of them collide or lead back.
import t from 'tap';
import type { Listen } from '../../src/config/config.ts';
import { formatListen, isLoopbackOnly, parseListen, reaches, sameListener } from '../../src/config/listen.ts';

const notations: readonly (readonly [string, Listen | RegExp])[] = [
  ['0.0.0.0:8080', { host: '0.0.0.0', port: 8080 }],
  ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
  [':8080', { host: '0.0.0.0', port: 8080 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['[FD00::aB]:80', { host: 'fd00::ab', port: 80 }],
  ['my-host.internal:80', { host: 'my-host.internal', port: 80 }],
  ['LocalHost:80', { host: 'localhost', port: 80 }],
  ['unix:/run/x.sock', { socket: '/run/x.sock' }],
  ['8080', /write :8080/],
  ['80800', /ifmatch\.sock, not "80800"$/],
  ['::1:80', /must be an address/],
  ['[127.0.0.1]:80', /not an IPv6 address/],
  ['1.2.3:80', /not an IPv4 address/],
  ['host:65535', { host: 'host', port: 65535 }],
  ['host:65536', /at most 65535/],
  ['host', /must be an address/],
  ['http://host:80', /must be an address/],
  ['unix:x.sock', /absolute path/],
  ['unix:', /absolute path/],
  ['unix:///run/x.sock', { socket: '/run/x.sock' }],
  ['unix://host/run/x.sock', /path of its socket alone: no host/],
  [`unix:/${'a'.repeat(102)}`, { socket: `/${'a'.repeat(102)}` }],
  [`unix:/${'a'.repeat(103)}`, /104 octets; systems take at most 103/],
];
for (const [text, expected] of notations) {
  t.test(`listen ${text.slice(0, 20)}`, (t) => {
    const read = parseListen(text);
    if (expected instanceof RegExp) t.match(read, { fault: expected });
    else {
      t.same(read, { value: expected });
      t.same(parseListen(formatListen(expected)), read, 'and back');
    }
    t.end();
  });
}

const at = (text: string): Listen => {
  const read = parseListen(text);
  if ('value' in read) return read.value;
  throw new Error(read.fault);
};

for (const [text, only] of [
  ['127.0.0.1:80', true],
  ['[::1]:80', true],
  ['localhost:80', true],
  [':80', false],
  ['[::]:80', false],
  ['10.0.0.1:80', false],
  ['unix:/a', false],
] as const) {
  t.test(`${text} ${only ? 'is for this machine alone' : 'may be reached by another name'}`, async (t) =>
    t.equal(isLoopbackOnly(at(text)), only),
  );
}

const pairs: readonly (readonly [string, string, boolean])[] = [
  ['127.0.0.1:80', '127.0.0.1:80', true],
  ['127.0.0.1:80', '127.0.0.1:81', false],
  ['127.0.0.1:80', '127.0.0.2:80', false],
  ['0.0.0.0:80', '127.0.0.1:80', true],
  ['127.0.0.1:80', '[::]:80', true],
  ['127.0.0.1:0', '127.0.0.1:0', false],
  ['unix:/a', 'unix:/a', true],
  ['unix:/a', 'unix:/b', false],
  ['unix:/a', ':80', false],
];
for (const [a, b, same] of pairs) {
  t.test(`${a} and ${b} ${same ? 'collide' : 'do not collide'}`, (t) => {
    t.equal(sameListener(at(a), at(b)), same);
    t.equal(sameListener(at(b), at(a)), same);
    t.end();
  });
}

const ways: readonly (readonly [string, string, number, boolean])[] = [
  [':80', 'localhost', 80, true],
  [':80', '127.0.0.9', 80, true],
  [':80', '::1', 80, true],
  [':80', '::ffff:7f00:1', 80, true],
  [':80', '0.0.0.0', 80, true],
  [':80', 'legacy', 80, false],
  [':80', '127.example', 80, false],
  [':80', 'localhost', 81, false],
  ['127.0.0.1:80', '127.0.0.1', 80, true],
  ['127.0.0.1:80', 'localhost', 80, true],
  ['localhost:80', '127.0.0.1', 80, true],
  ['localhost:80', 'legacy', 80, false],
  ['127.0.0.1:80', '127.0.0.2', 80, false],
  ['127.0.0.1:80', '0.0.0.0', 80, true],
  ['10.0.0.1:80', '10.0.0.1', 80, true],
  ['10.0.0.1:80', 'localhost', 80, false],
  ['unix:/a', 'localhost', 80, false],
];
for (const [listen, host, port, expected] of ways) {
  t.test(`a request to ${host}:${port} ${expected ? 'arrives' : 'does not arrive'} at ${listen}`, (t) => {
    t.equal(reaches(at(listen), host, port), expected);
    t.end();
  });
}
