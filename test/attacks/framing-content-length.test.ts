// Where content ends, by Content-Length: what can be read in two ways is refused, and nothing hides behind a length.

import t from 'tap';
import { put, SMUGGLED, startArena } from '../fixtures/attack.ts';
import { REFUSED, type Row, testRows } from '../fixtures/attack-rows.ts';

const chunked = 'Transfer-Encoding: chunked\r\n';

const rows: Row[] = [
  // 1
  { name: 'CL.TE', bytes: put(`Content-Length: 6\r\n${chunked}`, `0\r\n\r\nG${SMUGGLED}`), ...REFUSED },
  // 2
  {
    name: 'TE.CL',
    bytes: put(`${chunked}Content-Length: 4\r\n`, `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
    ...REFUSED,
  },
  // 8
  {
    name: 'twice the same length',
    bytes: put('Content-Length: 2\r\nContent-Length: 2\r\n', 'hi'),
    ...REFUSED,
  },
  { name: 'two lengths', bytes: put('Content-Length: 2\r\nContent-Length: 3\r\n', 'hi!'), ...REFUSED },
  { name: 'a list of lengths', bytes: put('Content-Length: 2, 2\r\n', 'hi'), ...REFUSED },
  // 9
  ...['+2', '-1', '0x2', '2 0', '', '18446744073709551618', '1_0'].map((length) => ({
    name: `Content-Length ${JSON.stringify(length)}`,
    bytes: put(`Content-Length: ${length}\r\n`, 'hi'),
    ...REFUSED,
  })),
  { name: 'a space before the colon', bytes: put('Content-Length : 2\r\n', 'hi'), ...REFUSED },
  { name: 'a folded length', bytes: put('Content-Length:\r\n 2\r\n', 'hi'), ...REFUSED },
  // 10
  {
    name: 'a length with a leading zero',
    bytes: put('Content-Length: 02\r\n', 'hi'),
    answers: [200],
    sent: ['PUT /a'],
    closed: false,
    check: (t, [request]) => {
      t.match(request?.head, /^content-length: 2\r$/im, 'goes on without it');
      t.equal(request?.content, 'hi');
    },
  },
];

testRows(t, startArena, rows);
