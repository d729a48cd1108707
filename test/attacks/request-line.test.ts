// Request lines and hosts that servers read differently, and methods that are not to be forwarded.

import t, { type Test } from 'tap';
import { type Arena, startArena } from '../fixtures/attack.ts';
import { REFUSED, type Row, testRows } from '../fixtures/attack-rows.ts';
import { connect } from '../fixtures/raw-client.ts';

const start = (t: Test): Promise<Arena> => startArena(t, undefined, { yaml: 'limits: { arrival: 1s }' });
const HOST = 'Host: x\r\n';
const line = (first: string, fields = HOST): string => `${first}\r\n${fields}\r\n`;
const get = (fields: string): string => line('GET /a HTTP/1.1', fields);

const rows: Row[] = [
  // 24
  { name: 'no Host', bytes: get(''), ...REFUSED },
  { name: 'two equal Hosts', bytes: get(HOST + HOST), ...REFUSED },
  { name: 'two Hosts', bytes: get(`${HOST}host: y\r\n`), ...REFUSED },
  ...['', 'a b/c?d@e', 'x:99999'].map((host) => ({
    name: `Host ${JSON.stringify(host)}`,
    bytes: get(`Host: ${host}\r\n`),
    ...REFUSED,
  })),
  { name: 'absolute-form of another authority', bytes: line('GET http://y/a HTTP/1.1'), answers: [400] },
  // 25
  { name: 'HTTP/2.0', bytes: line('GET /a HTTP/2.0'), ...REFUSED, or: [[505]] },
  { name: 'HTTP/1.2', bytes: line('GET /a HTTP/1.2'), ...REFUSED, or: [[505]] },
  {
    name: 'HTTP/0.9, which ends with limits.arrival',
    bytes: 'GET /a\r\n',
    ...REFUSED,
    or: [[408], [505], []],
    deliveries: ['in one segment'],
  },
  { name: 'HTTP/0.9 with an empty line', bytes: 'GET /a\r\n\r\n', ...REFUSED, or: [[505], []] },
  { name: "HTTP/2's preface", bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ...REFUSED, or: [[505]] },
  // 26
  ...[
    'GET\t/a\tHTTP/1.1',
    'get /a HTTP/1.1',
    'put /a HTTP/1.1',
    'FOO /a HTTP/1.1',
    ' GET /a HTTP/1.1',
    'GET /a b HTTP/1.1',
  ].map((first) => ({ name: JSON.stringify(first), bytes: line(first), ...REFUSED })),
  {
    // RFC 9112 3 lets a recipient split the line at any whitespace; to be refused it would have to be seen
    name: 'two spaces in the request line do not go on',
    bytes: line('GET  /a  HTTP/1.1'),
    answers: [200],
    sent: ['GET /a'],
    closed: false,
    check: (t, [request]) => t.match(request?.head, /^GET \/a HTTP\/1\.1\r\n/),
  },
  {
    name: 'empty lines before the request',
    bytes: `\r\n\r\n${line('GET /a HTTP/1.1')}`,
    answers: [200],
    sent: ['GET /a'],
    closed: false,
  },
  // 39
  { name: 'CONNECT', bytes: line('CONNECT 127.0.0.1:1 HTTP/1.1'), answers: [405], closed: true },
  { name: 'TRACE', bytes: line('TRACE /a HTTP/1.1', `${HOST}Cookie: secret\r\n`), answers: [405] },
  { name: 'OPTIONS *', bytes: line('OPTIONS * HTTP/1.1'), answers: [400] },
  // 44: the listener speaks no TLS
  {
    name: 'a ClientHello of TLS that offers h2',
    bytes: '\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1\r\n\r\n',
    ...REFUSED,
  },
];

testRows(t, start, rows);

for (const method of ['TRACE', 'CONNECT']) {
  // 39
  t.test(`nothing of a ${method} is reflected`, async (t) => {
    const arena = await start(t);
    await arena.attack(t, async () => {
      const client = await connect(arena.ifmatch.port);
      client.send(line(`${method} x:80 HTTP/1.1`, `${HOST}Cookie: secret\r\n`));
      t.notMatch(JSON.stringify(await client.response()), /secret|cookie/i);
      client.close();
    });
  });
}
