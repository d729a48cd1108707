// Requests that are refused as they come in: one clear answer, not a byte to the origin, the connection over or intact.

import t from 'tap';
import { receive } from '../../src/app/receive.ts';
import { GatewayError } from '../../src/errors.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { connect } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 0\r\n\r\n';
const origin = await startRawOrigin(t, () => OK);
const ifmatch = await startIfmatch(t, { origin: origin.url });

const put = (lines: readonly string[], content = 'hi', version = '1.1'): string =>
  `PUT /a HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n${content}`;
const H = 'Host: x';
const CL = 'Content-Length: 2';

const refused: { name: string; bytes: string; status: number; code?: string }[] = [
  { name: 'HTTP/2.0', bytes: put([H, CL], 'hi', '2.0'), status: 505, code: 'version-unsupported' },
  { name: 'no Host', bytes: put([CL]), status: 400, code: 'request-invalid' },
  { name: 'an empty Host', bytes: put(['Host:', CL]), status: 400, code: 'request-invalid' },
  { name: 'two equal Hosts', bytes: put([H, H, CL]), status: 400, code: 'request-invalid' },
  { name: 'two Hosts', bytes: put([H, 'host: y', CL]), status: 400, code: 'request-invalid' },
  ...['a b', 'a/b', 'c?d', 'u@h', 'x:99999', 'x:', 'x:1:2', '[::1', 'h\xe9', 'a,b c', '#'].map((host) => ({
    name: `Host: ${host}`,
    bytes: put([`Host: ${host}`, CL]),
    status: 400,
    code: 'request-invalid',
  })),
  ...['Content-Type: a/b', 'Authorization: Basic eA==', 'Max-Forwards: 1'].map((line) => ({
    name: `two lines of ${line.split(':')[0]}`,
    bytes: put([H, CL, line, line.toLowerCase()]),
    status: 400,
    code: 'request-invalid',
  })),
  ...['gzip, chunked', 'identity, chunked'].map((coding) => ({
    name: `Transfer-Encoding: ${coding}`,
    bytes: put([H, `Transfer-Encoding: ${coding}`], '0\r\n\r\n'),
    status: 501,
    code: 'transfer-coding-unsupported',
  })),
  {
    name: 'chunked in HTTP/1.0',
    bytes: put([H, 'Transfer-Encoding: chunked'], '0\r\n\r\n', '1.0'),
    status: 400,
  },
  {
    name: 'TRACE',
    bytes: `TRACE /a HTTP/1.1\r\n${H}\r\nCookie: secret\r\n\r\n`,
    status: 405,
    code: 'method-not-allowed',
  },
  {
    name: 'CONNECT',
    bytes: `CONNECT 127.0.0.1:1 HTTP/1.1\r\n${H}\r\n\r\n`,
    status: 405,
    code: 'method-not-allowed',
  },
  { name: 'OPTIONS *', bytes: `OPTIONS * HTTP/1.1\r\n${H}\r\n\r\n`, status: 400, code: 'target-invalid' },
  { name: 'a fragment', bytes: `GET /a#b HTTP/1.1\r\n${H}\r\n\r\n`, status: 400, code: 'target-invalid' },
  ...['If-Match', 'close,\tIF-MATCH', 'x,if-unmodified-since', 'authorization, cookie', 'x-any'].map(
    (value) => ({
      name: `Connection: ${value}`,
      bytes: put([H, CL, `Connection: ${value}`, 'If-Match: "v0"']),
      status: 400,
      code: 'request-invalid',
    }),
  ),
];
for (const { name, bytes, status, code } of refused) {
  t.test(`${name}: ${status}`, async (t) => {
    const before = origin.bytes().join('').length;
    const client = await connect(ifmatch.port);
    client.send(bytes);
    const body = problem(t, await client.response(), status);
    if (code !== undefined) t.equal(body.type, `urn:ifmatch:${code}`);
    t.notMatch(JSON.stringify(body), /secret/, 'nothing is reflected');
    client.close();
    await settle();
    t.equal(origin.bytes().join('').length, before, 'nothing at the origin');
  });
}

const byTheParser = [
  { name: 'two Content-Lengths', bytes: put([H, CL, 'Content-Length: 3']) },
  {
    name: 'length and chunks',
    bytes: put([H, 'Content-Length: 6', 'Transfer-Encoding: chunked'], '0\r\n\r\nG'),
  },
  {
    name: 'chunked twice',
    bytes: put([H, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  },
  { name: 'a space before the colon', bytes: put([H, 'If-Match : "v0"', CL]) },
  { name: 'a folded line', bytes: put([H, 'If-Match: "a",\r\n "b"', CL]) },
  { name: 'a NUL in a value', bytes: put([H, 'If-Match: "\x00"', CL]) },
  { name: 'a bare LF', bytes: put([H, 'A: b\nIf-Match: "v1"', CL]) },
  { name: 'an unknown method', bytes: `FOO /a HTTP/1.1\r\n${H}\r\n\r\n` },
  { name: 'a negative length', bytes: put([H, 'Content-Length: -1']) },
];
for (const { name, bytes } of byTheParser) {
  t.test(`${name}: 400, and the connection is over`, async (t) => {
    const before = origin.bytes().join('').length;
    const client = await connect(ifmatch.port);
    client.send(bytes);
    const response = await client.response();
    problem(t, response, 400);
    t.equal(response.field('connection'), 'close');
    await settle();
    t.ok(client.socket.readableEnded || client.socket.destroyed);
    t.equal(client.rest(), '', 'one answer');
    t.equal(origin.bytes().join('').length, before, 'nothing at the origin');
    client.close();
  });
}

const brokenContent = [
  { name: 'xchunked', bytes: put([H, 'Transfer-Encoding: xchunked'], '0\r\n\r\n') },
  ...[
    'zz\r\n',
    '0x5\r\nhello',
    '-5\r\nhello',
    '10000000000000005\r\nhello',
    '5\nhello',
    '5;\nxx\r\nhello',
  ].map((content) => ({
    name: `chunk ${JSON.stringify(content)}`,
    bytes: put([H, 'Transfer-Encoding: chunked'], `${content}\r\n0\r\n\r\n`),
  })),
];
for (const { name, bytes } of brokenContent) {
  t.test(`${name}: nothing is performed, and the connection is over`, async (t) => {
    const before = origin.requests.length;
    const client = await connect(ifmatch.port);
    client.send(bytes);
    await until(() => client.socket.readableEnded || client.socket.destroyed, 'the end');
    t.match(client.rest(), /^(HTTP\/1\.1 (400|501) |$)/, 'what is said is a refusal');
    t.equal(origin.requests.length, before);
    t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
  });
}

t.test('HTTP/1.0 without Host is served', async (t) => {
  const client = await connect(ifmatch.port);
  client.send('GET /a HTTP/1.0\r\n\r\n');
  t.equal((await client.response()).status, 200);
});

t.test('Hosts of every form pass as they are', async (t) => {
  for (const host of ['X.example:8080', '127.0.0.1', '[::1]:80', 'x_y', 'a%20b', "!$&'()*+,;=~"]) {
    const client = await connect(ifmatch.port);
    client.send(`GET /a HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    t.equal((await client.response()).status, 200, host);
    t.match(origin.requests.at(-1)?.head.toLowerCase(), `\r\nhost: ${host.toLowerCase()}\r\n`);
    client.close();
  }
});

/** The code of the refusal, or 'received'. */
function codeOf(fields: readonly string[], { httpVersion = '1.1', target = '/a', longest = 9 } = {}): string {
  try {
    receive(
      { method: 'PUT', httpVersion, rawHeaders: fields.flatMap((line) => line.split(': ')) },
      target,
      longest,
    );
    return 'received';
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

const heads: { name: string; fields: string[]; httpVersion?: string; target?: string; code: string }[] = [
  { name: 'a target as long as it may be', fields: [H], target: '/a?b=6789', code: 'received' },
  { name: 'a target that is longer', fields: [H], target: '/a?b=67890', code: 'target-too-long' },
  { name: 'the last port', fields: ['Host: x:65535'], code: 'received' },
  { name: 'a port beyond it', fields: ['Host: x:65536'], code: 'request-invalid' },
  { name: 'two Content-Lengths', fields: [H, CL, CL], code: 'request-invalid' },
  { name: 'Expect in another case', fields: [H, 'Expect: 100-Continue'], code: 'received' },
  { name: 'another expectation', fields: [H, 'Expect: 102-processing'], code: 'expectation-failed' },
  { name: 'any expectation in HTTP/1.0', fields: ['Expect: x'], httpVersion: '1.0', code: 'received' },
  { name: 'chunks in another case', fields: [H, 'Transfer-Encoding: Chunked'], code: 'received' },
  ...['gzip', 'chunked, gzip', 'chunked,', 'xchunked'].map((coding) => ({
    name: `${coding} as the transfer coding`,
    fields: [H, `Transfer-Encoding: ${coding}`],
    code: 'request-invalid',
  })),
  {
    name: 'gzip, chunked',
    fields: [H, 'Transfer-Encoding: gzip, chunked'],
    code: 'transfer-coding-unsupported',
  },
];
t.test('heads, whoever has parsed them', async (t) => {
  for (const { name, fields, code, ...rest } of heads) t.equal(codeOf(fields, rest), code, name);
});

t.test('of a long name of a field that Connection names a part is said', async (t) => {
  const head = {
    method: 'PUT',
    httpVersion: '1.1',
    rawHeaders: ['Host', 'x', 'Connection', 'x'.repeat(9_000)],
  };
  t.throws(() => receive(head, '/a', 9), { message: /^.{60,200}$/ });
});
