// Chunked content: malformed sizes, extensions and ends are refused; trailers frame nothing and are no condition.

import t from 'tap';
import { put, SMUGGLED, startArena } from '../fixtures/attack.ts';
import { REFUSED, type Row, testRows } from '../fixtures/attack-rows.ts';

const chunked = (content: string, more = ''): string => put(`${more}Transfer-Encoding: chunked\r\n`, content);
const END = '\r\n0\r\n\r\n';

const accepted: Pick<Row, 'answers' | 'sent' | 'closed'> = {
  answers: [200],
  sent: ['PUT /a'],
  closed: false,
};

const rows: Row[] = [
  // 13
  {
    name: 'a chunk extension',
    bytes: chunked(`5;a=b\r\nhello${END}`),
    ...accepted,
    check: (t, [request]) => {
      t.equal(request?.content, 'hello');
      t.notMatch(request?.head, /a=b/, 'ends here');
    },
  },
  // 14
  ...[
    ...['5;\nxx\r\nhello', '5;a\rb\r\nhello', '5\nhello', ' 5\r\nhello', '5 \r\nhello', '0x5\r\nhello'],
    ...['+5\r\nhello', '-5\r\nhello', '\r\nhello'],
    // 15, the first
    '10000000000000005\r\nhello',
  ].map((chunk) => ({ name: `chunk ${JSON.stringify(chunk)}`, bytes: chunked(chunk + END), ...REFUSED })),
  // 16
  {
    name: 'a size with 200 leading zeros',
    bytes: chunked(`${'0'.repeat(200)}5\r\nhello${END}`),
    ...accepted,
    check: (t, [request]) => t.equal(request?.content, 'hello'),
  },
  {
    name: 'a chunk extension of 20 000 bytes',
    bytes: chunked(`5;${'x'.repeat(20_000)}\r\nhello${END}`),
    ...REFUSED,
  },
  // 17
  ...['5\r\nhello\n0\r\n\r\n', '5\r\nhelloXX0\r\n\r\n'].map((content) => ({
    name: `broken behind a chunk: ${JSON.stringify(content)}`,
    bytes: chunked(content),
    ...REFUSED,
    or: [[]],
  })),
  // 18
  {
    name: 'framing in trailers',
    bytes: chunked(`0\r\nContent-Length: 38\r\nTransfer-Encoding: chunked\r\n\r\n`),
    ...REFUSED,
  },
  {
    name: 'a condition in a trailer',
    bytes: chunked('5\r\nhello\r\n0\r\nIf-Match: "v0"\r\n\r\n', 'Trailer: If-Match\r\n'),
    ...accepted,
    check: (t, [request]) => {
      t.notMatch(request?.head, /if-match|trailer/i, 'ends here, with what announces it');
      t.equal(request?.content, 'hello');
    },
  },
  {
    name: 'a condition in a trailer does not replace the one in the fields',
    bytes: chunked('0\r\nIf-Match: "v1"\r\n\r\n', 'If-Match: "v0"\r\nTrailer: If-Match\r\n'),
    answers: [412],
    closed: false,
  },
  // 19
  { name: 'no end behind the last chunk', bytes: chunked(`0\r\n${SMUGGLED}`), ...REFUSED },
];

testRows(t, startArena, rows);
