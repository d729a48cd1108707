// The bytes of answers, however they are cut: each message by the letter of RFC 9112, and everything else a fault.

import t from 'tap';
import { AnswerParser } from '../../src/origin/answer-parser.ts';
import type { RawHead } from '../../src/origin/head.ts';

interface Read extends Partial<RawHead> {
  content: string;
  /** What follows the answer; undefined when it is not complete. */
  rest: string | undefined;
  /** A connection that ends now completes it. */
  endsHere: boolean;
}

/** Feeds the pieces; a piece behind the end goes to the rest. Whoever gets content frees the memory of all of its piece. */
function read(pieces: readonly string[], method = 'GET', mayUpgrade = false): Read {
  let head: RawHead | undefined;
  let content = '';
  let given = 0;
  const parser = new AnswerParser({
    head: (read) => {
      head = read;
    },
    content: (chunk) => {
      given += 1;
      content += chunk.toString('latin1');
      if (chunk.buffer instanceof ArrayBuffer) chunk.buffer.transfer(0);
    },
  });
  parser.expect(method, mayUpgrade);
  let rest: string | undefined;
  for (const piece of pieces) {
    if (rest !== undefined) {
      rest += piece;
      continue;
    }
    const bytes = Buffer.alloc(piece.length);
    bytes.write(piece, 'latin1');
    given = 0;
    rest = parser.take(bytes)?.toString('latin1');
    if (given > 1) throw new Error('more than one chunk of one piece');
  }
  return { ...head, content, rest, endsHere: parser.endsHere() };
}

/** Whole, in two pieces at each place, and byte by byte. */
function cuts(bytes: string): string[][] {
  const twice = Array.from({ length: bytes.length - 1 }, (_, at) => [
    bytes.slice(0, at + 1),
    bytes.slice(at + 1),
  ]);
  return [[bytes], [...bytes], ...twice];
}

const OK = 'HTTP/1.1 200 OK\r\n';

interface Row {
  readonly name: string;
  readonly bytes: string;
  readonly method?: string;
  readonly upgrade?: boolean;
  readonly wanted: Partial<Read>;
}

const whole: readonly Row[] = [
  {
    name: 'a length',
    bytes: `${OK}Content-Length: 2\r\n\r\nhi`,
    wanted: {
      status: 200,
      statusText: 'OK',
      fields: ['Content-Length', '2'],
      content: 'hi',
      rest: '',
      persists: true,
    },
  },
  {
    name: 'bytes behind a length',
    bytes: `${OK}Content-Length: 2\r\n\r\nhiHTTP`,
    wanted: { content: 'hi', rest: 'HTTP' },
  },
  { name: 'a length of 0', bytes: `${OK}Content-Length: 0\r\n\r\nx`, wanted: { content: '', rest: 'x' } },
  {
    name: 'no length',
    bytes: `${OK}\r\nall of it`,
    wanted: { content: 'all of it', rest: undefined, endsHere: true },
  },
  {
    name: 'half of a length',
    bytes: `${OK}Content-Length: 9\r\n\r\nhalf`,
    wanted: { content: 'half', rest: undefined, endsHere: false },
  },
  {
    name: 'a head alone',
    bytes: `${OK}Content-Le`,
    wanted: { content: '', rest: undefined, endsHere: false },
  },
  {
    name: 'chunks',
    bytes: `${OK}Transfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n00A;x="y;\\"";z;q=1\r\nllo\r\nagain\r\n0\r\n\r\nrest`,
    wanted: { content: 'hello\r\nagain', rest: 'rest' },
  },
  ...['10', '1f', 'A0', '0fF'].map((size) => ({
    name: `a size in hexadecimal, ${size}`,
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n${size}\r\n${'x'.repeat(Number(`0x${size}`))}\r\n0\r\n\r\nrest`,
    wanted: { content: 'x'.repeat(Number(`0x${size}`)), rest: 'rest' },
  })),
  {
    name: 'a trailer that is longer than the line of a chunk may be',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nA: ${'x'.repeat(1_100)}\r\n\r\nrest`,
    wanted: { content: '', rest: 'rest' },
  },
  // RFC 9112 7.1.1: a recipient must parse the whitespace around ";" and "="
  ...[
    ['behind a size', '5 '],
    ['a tab behind a size', '5\t '],
    ['before and behind ";"', '5 ; a;\tb'],
    ['around "="', '5;a = b;c =\t"=; d" \t; e'],
    ['behind an extension', '5;a=b ; c '],
    ['behind the size of the last chunk', '5', '0 ; a'],
  ].map(([name, size, last = '0']) => ({
    name: `whitespace in the line of a chunk: ${name}`,
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n${size}\r\nhello\r\n${last}\r\n\r\nrest`,
    wanted: { content: 'hello', rest: 'rest' },
  })),
  {
    name: 'zeros before a size, and for the last one',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n${'0'.repeat(40)}5\r\nhello\r\n${'0'.repeat(40)};a\r\n\r\nrest`,
    wanted: { content: 'hello', rest: 'rest' },
  },
  {
    name: 'trailers are left out',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nETag: "v2"\r\nX: \r\nY : z\r\n\r\n`,
    wanted: { fields: ['Transfer-Encoding', 'chunked'], content: 'x', rest: '' },
  },
  {
    name: 'chunks without an end',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`,
    wanted: { content: 'x', rest: undefined, endsHere: false },
  },
  {
    name: 'a HEAD has no content, whatever it says',
    method: 'HEAD',
    bytes: `${OK}Content-Length: 5\r\n\r\nstray`,
    wanted: { content: '', rest: 'stray' },
  },
  {
    name: 'nor in chunks',
    method: 'HEAD',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n`,
    wanted: { content: '', rest: '' },
  },
  {
    name: 'a 304',
    bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    wanted: { status: 304, content: '', rest: '' },
  },
  {
    name: 'a 204',
    bytes: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nstray',
    wanted: { status: 204, content: '', rest: 'stray' },
  },
  {
    name: 'interim answers go before it',
    bytes: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
    wanted: { status: 200, rest: '' },
  },
  {
    name: 'another protocol, when it was asked for',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nframes',
    upgrade: true,
    wanted: { status: 101, content: '', rest: 'frames' },
  },
  {
    name: 'no reason',
    bytes: 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
    wanted: { status: 200, statusText: '', rest: '' },
  },
  {
    name: 'an empty reason',
    bytes: 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
    wanted: { statusText: '', rest: '' },
  },
  {
    name: 'a reason that is no ASCII',
    bytes: 'HTTP/1.1 200 M\xf6glich\r\nContent-Length: 0\r\n\r\n',
    wanted: { statusText: '', rest: '' },
  },
  {
    name: 'values are trimmed of SP and HTAB, and octets stay',
    bytes: `${OK}A:\t b \xa0\xff \t\r\nB:\r\na:c:d\r\nContent-Length: 0\r\n\r\n`,
    wanted: { fields: ['A', 'b \xa0\xff', 'B', '', 'a', 'c:d', 'Content-Length', '0'], rest: '' },
  },
  // RFC 9112 5.1: a proxy must take the whitespace between a name and its colon out of an answer
  {
    name: 'whitespace before the colon is taken out',
    bytes: `${OK}ETag : "v1"\r\nX\t \t:y : z\r\nContent-Length: 0\r\n\r\n`,
    wanted: { fields: ['ETag', '"v1"', 'X', 'y : z', 'Content-Length', '0'], rest: '' },
  },
  {
    name: 'a length with whitespace before the colon',
    bytes: `${OK}Content-Length : 2\r\n\r\nhirest`,
    wanted: { fields: ['Content-Length', '2'], content: 'hi', rest: 'rest' },
  },
  {
    name: 'a coding with whitespace before the colon',
    bytes: `${OK}Transfer-Encoding\t: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nrest`,
    wanted: { fields: ['Transfer-Encoding', 'chunked'], content: 'hi', rest: 'rest' },
  },
  {
    name: 'Connection and Keep-Alive with whitespace before the colon',
    bytes: `${OK}Connection : close\r\nKeep-Alive : timeout=7\r\nContent-Length: 0\r\n\r\n`,
    wanted: { persists: false, keepAlive: 7000, rest: '' },
  },
  {
    name: 'Connection: close',
    bytes: `${OK}Connection: x, Close\r\nContent-Length: 0\r\n\r\n`,
    wanted: { persists: false, rest: '' },
  },
  {
    name: 'close on the second of two lines',
    bytes: `${OK}Connection: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    wanted: { persists: false },
  },
  {
    name: 'close between others, with whitespace around it',
    bytes: `${OK}Connection: a ,\tCLOSE , b\r\nContent-Length: 0\r\n\r\n`,
    wanted: { persists: false },
  },
  {
    name: 'options of which close is only a part',
    bytes: `${OK}Connection: close-it, not-close, no close, close;\r\nContent-Length: 0\r\n\r\n`,
    wanted: { persists: true },
  },
  {
    name: 'HTTP/1.0 with an option of which keep-alive is only a part',
    bytes: 'HTTP/1.0 200 OK\r\nConnection: keep-alive-not\r\nContent-Length: 0\r\n\r\n',
    wanted: { persists: false },
  },
  {
    name: 'HTTP/1.0',
    bytes: 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    wanted: { persists: false, rest: '' },
  },
  {
    name: 'HTTP/1.0 that goes on',
    bytes: 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n',
    wanted: { persists: true },
  },
  {
    name: 'for how long it is kept',
    bytes: `${OK}Keep-Alive: max=5, timeout=7\r\nContent-Length: 0\r\n\r\n`,
    wanted: { keepAlive: 7000 },
  },
  {
    name: 'for how long it is kept, said before Connection',
    bytes: `${OK}Keep-Alive: timeout=7\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n`,
    wanted: { keepAlive: 7000, persists: true },
  },
];

t.test('answers, cut at every place', async (t) => {
  for (const { name, bytes, method, upgrade, wanted } of whole) {
    const all = cuts(bytes).map((pieces) => read(pieces, method, upgrade));
    t.match(all[0], wanted, name);
    if ('rest' in wanted) t.equal(all[0]?.rest, wanted.rest, `${name}: what is left`);
    for (const one of all) t.strictSame(one, all[0], name);
  }
});

const faults: readonly { readonly name: string; readonly bytes: string; readonly method?: string }[] = [
  { name: 'another protocol', bytes: 'SSH-2.0-x\r\n\r\n' },
  { name: 'the beginning of another protocol', bytes: 'SSH' },
  { name: 'HTTP/2', bytes: 'HTTP/2 200\r\n\r\n' },
  { name: 'HTTP/1.2', bytes: 'HTTP/1.2 200 OK\r\n\r\n' },
  { name: 'lower case', bytes: 'http/1.1 200 OK\r\n\r\n' },
  { name: 'an empty line before it', bytes: `\r\n${OK}\r\n` },
  { name: 'a status of 099', bytes: 'HTTP/1.1 099 X\r\n\r\n' },
  { name: 'a status of 600', bytes: 'HTTP/1.1 600 X\r\n\r\n' },
  { name: 'a status of two digits', bytes: 'HTTP/1.1 20 OK\r\n\r\n' },
  { name: 'two spaces', bytes: 'HTTP/1.1  200 OK\r\n\r\n' },
  { name: 'a control character in the reason', bytes: 'HTTP/1.1 200 \x00\r\n\r\n' },
  { name: 'LF alone in the status line', bytes: 'HTTP/1.1 200 OK\nA: b\r\n\r\n' },
  { name: 'LF alone behind a field', bytes: `${OK}A: b\nC: d\r\n\r\n` },
  { name: 'LF alone, and no end of the head', bytes: 'HTTP/1.1 200 OK\nA: b\n\n' },
  { name: 'LF alone behind a field, and no end of the head', bytes: `${OK}A: b\nC: d` },
  { name: 'CR alone', bytes: `${OK}A: b\rC: d\r\n\r\n` },
  { name: 'NUL in a value', bytes: `${OK}A: \x00\r\n\r\n` },
  { name: 'DEL in a value', bytes: `${OK}A: \x7f\r\n\r\n` },
  { name: 'a folded field', bytes: `${OK}A: b\r\n c\r\n\r\n` },
  { name: 'a space before a name', bytes: `${OK} A: b\r\n\r\n` },
  { name: 'a tab before a name', bytes: `${OK}A: b\r\n\tC: d\r\n\r\n` },
  { name: 'a space within a name', bytes: `${OK}A B: c\r\n\r\n` },
  { name: 'no-break space before the colon', bytes: `${OK}A\xa0: b\r\n\r\n` },
  { name: 'a line without a colon', bytes: `${OK}A\r\n\r\n` },
  { name: 'a line of whitespace and a colon', bytes: `${OK} : b\r\n\r\n` },
  { name: 'a field without a name', bytes: `${OK}: b\r\n\r\n` },
  { name: 'an octet beyond ASCII in a name', bytes: `${OK}\xe4: b\r\n\r\n` },
  { name: 'two lengths', bytes: `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\n` },
  { name: 'the same length twice', bytes: `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\n` },
  {
    name: 'the same length twice, once with a space before the colon',
    bytes: `${OK}Content-Length: 2\r\nContent-Length : 2\r\n\r\n`,
  },
  {
    name: 'a length and, with a space before the colon, a coding',
    bytes: `${OK}Content-Length: 2\r\nTransfer-Encoding : chunked\r\n\r\n`,
  },
  {
    name: 'two codings, one with a tab before the colon',
    bytes: `${OK}Transfer-Encoding\t: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
  },
  { name: 'another coding behind a space', bytes: `${OK}Transfer-Encoding : gzip, chunked\r\n\r\n` },
  { name: 'a list of lengths', bytes: `${OK}Content-Length: 2, 2\r\n\r\n` },
  { name: 'a signed length', bytes: `${OK}Content-Length: +2\r\n\r\n` },
  { name: 'a length in hexadecimal', bytes: `${OK}Content-Length: 0x2\r\n\r\n` },
  { name: 'an empty length', bytes: `${OK}Content-Length:\r\n\r\n` },
  { name: 'a length that no number holds', bytes: `${OK}Content-Length: 9999999999999999\r\n\r\n` },
  { name: 'a length and a coding', bytes: `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n` },
  { name: 'a coding and a length', bytes: `${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n` },
  { name: 'another coding', bytes: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n` },
  { name: 'a tab beside the coding', bytes: `${OK}Transfer-Encoding: chunked\t\r\n\r\n2\r\nhi\r\n0\r\n\r\n` },
  { name: 'identity', bytes: `${OK}Transfer-Encoding: identity\r\n\r\n` },
  { name: 'two codings', bytes: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n` },
  { name: 'a coding in HTTP/1.0', bytes: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' },
  { name: 'a coding in the answer to a HEAD', method: 'HEAD', bytes: `${OK}Transfer-Encoding: gzip\r\n\r\n` },
  { name: 'an upgrade that nobody asked for', bytes: 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n' },
  { name: 'an interim answer in HTTP/1.0', bytes: `HTTP/1.0 103 X\r\n\r\n${OK}\r\n` },
  { name: 'an interim answer that closes', bytes: `HTTP/1.1 103 X\r\nConnection: close\r\n\r\n${OK}\r\n` },
  { name: 'a head that is too large', bytes: `${OK}A: ${'x'.repeat(16_400)}\r\n\r\n` },
  { name: 'the beginning of a head that is too large', bytes: `${OK}A: ${'x'.repeat(16_400)}` },
  ...[
    ['no size', '\r\n'],
    ['no hexadecimal', 'g\r\n'],
    ['a signed size', '+1\r\n'],
    ['0x', '0x1\r\n'],
    ['a size beyond all numbers', 'fffffffffffffff\r\n'],
    ['LF alone behind a size', '1\nx\r\n'],
    ['a size of too many digits behind zeros', '000fffffffffffff0\r\n'],
    ['a space before a size', ' 1\r\nx\r\n'],
    ['a space within a size', '1 1\r\nx\r\n'],
    ['a space within the name of an extension', '1;a b\r\nx\r\n'],
    ['";" and nothing behind it but a space', '1; \r\nx\r\n'],
    ['CR behind a space', '1 \r \r\nx\r\n'],
    ['a vertical tab behind a size', '1\x0b\r\nx\r\n'],
    ['whitespace without an end', `1${' '.repeat(2_000)}`],
    ['zeros without an end', '0'.repeat(2_000)],
    ['an extension without a name', '1;="a"\r\nx\r\n'],
    ['a quotation without an end', '1;a="b\r\nx\r\n'],
    ['CR in an extension', '1;a\rb\r\nx\r\n'],
    ['an extension without an end', `1;${'a'.repeat(2_000)}`],
    ['more than its size', '1\r\nxy\r\n'],
    ['LF alone behind a chunk', '1\r\nx\n'],
    ['LF alone behind the last one', '0\n\n'],
    ['LF alone behind a trailer', '0\r\nA: b\n\r\n'],
    ['a trailer that is none', '0\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['a length in the trailers', '0\r\nContent-Length: 7\r\n\r\n'],
    ['a length with a space before the colon in the trailers', '0\r\nContent-Length : 7\r\n\r\n'],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a coding in the trailers', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['trailers without an end', `0\r\n${'A: bcdefgh\r\n'.repeat(2_000)}`],
  ].map(([name, chunks]) => ({
    name: `chunks: ${name}`,
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n${chunks}`,
  })),
];

t.test('faults, cut at every place', async (t) => {
  for (const { name, bytes, method } of faults) {
    // every cut of a large one would be a million cuts
    const all = bytes.length > 1_000 ? [[bytes], [bytes.slice(0, 700), bytes.slice(700)]] : cuts(bytes);
    for (const pieces of all) t.throws(() => read(pieces, method), { name: 'AnswerFault' }, name);
  }
});

t.test('how large a head may be does not depend on where it is cut', async (t) => {
  const START = `${OK}Content-Length: 0\r\nP:`;
  for (const size of [16_381, 16_382, 16_383, 16_384, 16_385]) {
    const bytes = `${START}${'x'.repeat(size - START.length)}\r\n\r\n`;
    for (const behind of [0, 1, 2, 3, 4, 5]) {
      const pieces = [bytes.slice(0, bytes.length - behind), bytes.slice(bytes.length - behind)];
      const cut = () => read(pieces.filter((piece) => piece !== ''));
      const name = `${size} octets, cut ${behind} before the end`;
      if (size > 16_384) t.throws(cut, { name: 'AnswerFault' }, name);
      else t.equal(cut().rest, '', name);
    }
  }
});

t.test('how long the line of a chunk may be', async (t) => {
  const chunked = (length: number): string =>
    `${OK}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(length - 3)}\r\nx\r\n0\r\n\r\n`;
  t.match(read([chunked(1_024)]), { content: 'x', rest: '' });
  t.throws(() => read([chunked(1_025)]), { name: 'AnswerFault' });
});

t.test('the trailers of one answer do not count for the next', async (t) => {
  const parser = new AnswerParser({ head: () => {}, content: () => {} });
  const bytes = `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${'A: bcdefgh\r\n'.repeat(1_000)}\r\n`;
  for (let count = 0; count < 3; count += 1) {
    parser.expect('GET', false);
    t.same(parser.take(Buffer.from(bytes)), Buffer.alloc(0));
  }
});

t.test('one answer after the other on the same connection', async (t) => {
  const seen: string[] = [];
  const parser = new AnswerParser({
    head: ({ status }) => seen.push(String(status)),
    content: (chunk) => seen.push(chunk.toString()),
  });
  for (const [method, bytes] of [
    ['GET', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`],
    ['HEAD', `${OK}Content-Length: 5\r\n\r\n`],
    ['PUT', 'HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nb'],
  ] as const) {
    parser.expect(method, false);
    t.equal(parser.head, undefined, 'that of the answer before is not the head of this one');
    t.same(parser.take(Buffer.from(bytes)), Buffer.alloc(0));
  }
  t.same(seen, ['200', 'a', '200', '201', 'b']);
  t.equal(parser.take(Buffer.from('x'))?.toString(), 'x', 'nothing is expected any more');
});
