// What a request to the origin looks like on the wire, and that nothing can split it.

import { Readable } from 'node:stream';
import t from 'tap';
import type { OriginRequest } from '../../src/origin/exchange.ts';
import { requestHead } from '../../src/origin/request-head.ts';

const GET: OriginRequest = { method: 'GET', target: '/a?b=%7E', fields: ['Host', 'x', 'x-B', '\xe9 c'] };
const FIELDS = 'Host: x\r\nx-B: \xe9 c\r\n';
const KEPT = 'Connection: keep-alive\r\n';
const stream = () => Readable.from(['x']);

const heads: readonly { name: string; request: Partial<OriginRequest>; last?: boolean; wanted: string }[] = [
  { name: 'a GET', request: {}, wanted: `GET /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}\r\n` },
  {
    name: 'the last one',
    request: {},
    last: true,
    wanted: `GET /a?b=%7E HTTP/1.1\r\n${FIELDS}Connection: close\r\n\r\n`,
  },
  {
    name: 'content in pieces',
    request: { method: 'PUT', content: [Buffer.from('\xe9'), Buffer.from('x')] },
    wanted: `PUT /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}Content-Length: 3\r\n\r\n`,
  },
  {
    name: 'a PUT of nothing says so',
    request: { method: 'PUT' },
    wanted: `PUT /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}Content-Length: 0\r\n\r\n`,
  },
  {
    name: 'so does a PUT of no pieces',
    request: { method: 'PUT', content: [] },
    wanted: `PUT /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}Content-Length: 0\r\n\r\n`,
  },
  {
    name: 'a DELETE of no pieces does not',
    request: { method: 'DELETE', content: [] },
    wanted: `DELETE /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}\r\n`,
  },
  {
    name: 'a DELETE does not',
    request: { method: 'DELETE' },
    wanted: `DELETE /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}\r\n`,
  },
  {
    name: 'a stream of unknown length',
    request: { method: 'POST', content: stream() },
    wanted: `POST /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}Transfer-Encoding: chunked\r\n\r\n`,
  },
  {
    name: 'a stream of a length',
    request: { method: 'POST', length: 7, content: stream() },
    wanted: `POST /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}Content-Length: 7\r\n\r\n`,
  },
  {
    name: 'another protocol',
    request: { upgrade: 'websocket' },
    wanted: `GET /a?b=%7E HTTP/1.1\r\n${FIELDS}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
  },
];
/** RFC 9110 8.6: no content is said where the method anticipates some. */
const SAID = 'Content-Length: 0\r\n';
const empty: readonly (readonly [method: string, said: string])[] = [
  ...['PATCH', 'POST', 'PROPFIND', 'PROPPATCH', 'PUT', 'QUERY'].map((method) => [method, SAID] as const),
  ...['GET', 'HEAD', 'OPTIONS', 'DELETE', 'LOCK', 'MOVE', 'put'].map((method) => [method, ''] as const),
];
t.test('nothing as content', async (t) => {
  for (const [method, said] of empty)
    t.equal(
      requestHead({ ...GET, method }, false),
      `${method} /a?b=%7E HTTP/1.1\r\n${FIELDS}${KEPT}${said}\r\n`,
      method,
    );
});

t.test('heads', async (t) => {
  for (const { name, request, last = false, wanted } of heads) {
    t.equal(requestHead({ ...GET, ...request }, last), wanted, name);
  }
});

const BREAKS = ['\r\nX: y', '\n', '\r', '\0'];
const unfit: readonly [string, Partial<OriginRequest>][] = [
  ...BREAKS.flatMap((text): [string, Partial<OriginRequest>][] => [
    ['a method', { method: `GET${text}` }],
    ['a target', { target: `/a${text}` }],
    ['a name', { fields: [`A${text}`, 'b'] }],
    ['a value', { fields: ['A', `b${text}`] }],
    ['a protocol', { upgrade: `websocket${text}` }],
  ]),
  ['a space in the target', { target: '/a HTTP/1.1' }],
  ['a target in absolute form', { target: 'http://elsewhere/' }],
  ['a name with a colon', { fields: ['A:', 'b'] }],
  ['an empty name', { fields: ['', 'b'] }],
  ['a character that is no octet', { fields: ['A', '\u010a'] }],
];
t.test('what would split the request is never written', async (t) => {
  for (const [name, request] of unfit) {
    t.throws(
      () => requestHead({ ...GET, ...request }, false),
      { name: 'GatewayError', code: 'internal' },
      `${name}: ${JSON.stringify(request)}`,
    );
  }
});
