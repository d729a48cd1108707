// Where content ends, by Transfer-Encoding: chunked alone, said once and plainly, or nothing.

import t from 'tap';
import { put, startArena } from '../fixtures/attack.ts';
import { REFUSED, type Row, testRows } from '../fixtures/attack-rows.ts';

const EMPTY = '0\r\n\r\n';
const HELLO = `5\r\nhello\r\n${EMPTY}`;

const accepted: Pick<Row, 'answers' | 'sent' | 'closed' | 'check'> = {
  answers: [200],
  sent: ['PUT /a'],
  closed: false,
  check: (t, [request]) => {
    t.equal(request?.content, 'hello');
    t.match(request?.head, /^content-length: 5\r$/im, 'with a length of its own');
    t.notMatch(request?.head, /^transfer-encoding:/im);
  },
};

const rows: Row[] = [
  // 3
  ...['chunked, chunked', 'xchunked', 'chunked, identity', 'chunked,', '"chunked"', '\x0bchunked'].map(
    (coding) => ({
      name: `Transfer-Encoding ${JSON.stringify(coding)}`,
      bytes: put(`Transfer-Encoding: ${coding}\r\n`, HELLO),
      ...REFUSED,
    }),
  ),
  // 4
  ...['gzip, chunked', 'identity, chunked'].map((coding) => ({
    name: `Transfer-Encoding ${JSON.stringify(coding)}`,
    bytes: put(`Transfer-Encoding: ${coding}\r\n`, EMPTY),
    ...REFUSED,
    or: [[501]],
  })),
  // 5
  ...['identity', 'chunked'].map((second) => ({
    name: `a line with chunked and one with ${second}`,
    bytes: put(`Transfer-Encoding: chunked\r\nTransfer-Encoding: ${second}\r\n`, EMPTY),
    ...REFUSED,
  })),
  // 6
  { name: 'a space before the colon', bytes: put('Transfer-Encoding : chunked\r\n', EMPTY), ...REFUSED },
  { name: 'a folded coding', bytes: put('Transfer-Encoding:\r\n chunked\r\n', EMPTY), ...REFUSED },
  {
    name: 'an empty coding and a length',
    bytes: put('Transfer-Encoding: \r\nContent-Length: 2\r\n', 'hi'),
    ...REFUSED,
  },
  // 7
  { name: 'capitals', bytes: put('TRANSFER-ENCODING: CHUNKED\r\n', HELLO), ...accepted },
  { name: 'a tab behind the colon', bytes: put('Transfer-Encoding:\tchunked\r\n', HELLO), ...accepted },
  // 23
  { name: 'HTTP/1.0 with chunked', bytes: put('Transfer-Encoding: chunked\r\n', EMPTY, '1.0'), ...REFUSED },
  {
    name: 'HTTP/1.0 with chunked and a length',
    bytes: put('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', EMPTY, '1.0'),
    ...REFUSED,
  },
];

testRows(t, startArena, rows);
