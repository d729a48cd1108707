// Field lines that servers read differently: lines without an end, names that are none, octets that are no text.

import t, { type Test } from 'tap';
import { type Arena, OK, put, SMUGGLED, startArena } from '../fixtures/attack.ts';
import { REFUSED, type Row, testRows } from '../fixtures/attack-rows.ts';

const TAG = '"\xe9"';
const start = (t: Test): Promise<Arena> =>
  startArena(t, ({ target }) => (target === '/latin' ? OK.replace('"v1"', TAG) : OK));

const accepted: Pick<Row, 'answers' | 'sent' | 'closed'> = {
  answers: [200],
  sent: ['PUT /a'],
  closed: false,
};
const LENGTH = 'Content-Length: 2\r\n';
const lines = (...given: string[]): string =>
  put(`${given.map((line) => `${line}\r\n`).join('')}${LENGTH}`, 'hi');
const stale = 'If-Match: "v0"';

const rows: Row[] = [
  // 11
  {
    name: 'Content_Length, and a request where it points to',
    bytes: put('Content_Length: 38\r\nContent-Length: 0\r\n', SMUGGLED),
    answers: [200, 200],
    sent: ['PUT /a', 'GET /smuggled'],
    closed: false,
    check: (t, [request]) => t.notMatch(request?.head, /_/, 'the name ends here'),
  },
  ...['Transfer_Encoding: chunked', 'If_Match: "x"', 'X_HTTP_Method_Override: DELETE'].map((line) => ({
    name: line,
    bytes: lines(line),
    ...accepted,
    check: ((t, [request]) => t.notMatch(request?.head, /_/, 'the name ends here')) satisfies Row['check'],
  })),
  {
    name: 'Transfer---Encoding frames nothing',
    bytes: lines('Transfer---Encoding: chunked'),
    ...accepted,
    check: (t, [request]) => t.equal(request?.content, 'hi'),
  },
  // 12
  { name: 'LF alone throughout', bytes: lines(stale).replaceAll('\r\n', '\n'), ...REFUSED },
  { name: 'one LF alone between fields', bytes: lines(`A: b\n${stale}`), ...REFUSED },
  { name: 'CR alone in a value', bytes: lines(`A: b\r${stale}`), ...REFUSED },
  { name: 'CR alone behind a line', bytes: lines('A: b\r\n\rX: y'), ...REFUSED },
  // 27
  ...['If Match: "x"', ': x', 'Foo', 'If-M\xe4tch: x'].map((line) => ({
    name: `the line ${JSON.stringify(line)}`,
    bytes: lines(line),
    ...REFUSED,
  })),
  {
    name: 'a space before the first line',
    bytes: lines().replace('\r\nHost:', '\r\n Host:'),
    ...REFUSED,
  },
  // 28
  ...['\x00', '\x01', '\x7f'].map((octet) => ({
    name: `If-Match with ${JSON.stringify(octet)}`,
    bytes: lines(`If-Match: "v${octet}1"`),
    ...REFUSED,
  })),
  // 29
  {
    name: 'an octet above 7F in a tag',
    bytes: lines(`If-Match: ${TAG}`).replace('/a', '/latin'),
    answers: [200],
    sent: ['PUT /latin'],
    closed: false,
    check: (t, [request]) => t.match(request?.head.toLowerCase(), `\r\nif-match: ${TAG}\r\n`, 'as it came'),
  },
  // 30
  { name: 'a folded If-Match', bytes: lines('If-Match: "a",\r\n "b"'), ...REFUSED },
  // 31
  { name: 'a field of 17 000 bytes', bytes: lines(`X: ${'x'.repeat(17_000)}`), answers: [431], closed: true },
  {
    name: 'a target of 20 000 bytes',
    bytes: lines().replace('/a', `/${'a'.repeat(20_000)}`),
    answers: [414],
    or: [[431]],
    closed: true,
  },
  {
    name: '250 lines',
    bytes: lines(...Array.from({ length: 250 }, (_, i) => `X-${i}: 1`)),
    answers: [431],
    closed: true,
  },
  {
    name: '1500 lines, then a stale If-Match',
    bytes: lines(...Array.from({ length: 1500 }, () => 'a:'), 'If-Match: "wrong"'),
    answers: [431],
    closed: true,
  },
];

testRows(t, start, rows);
