// Answers of an origin, whole and mutilated, read by the parser and by Node's own client: what the parser takes for an
// answer, Node must read in the same way, be it without the whitespace that RFC 9112 has a recipient put up with, which Node
// refuses. The parser may refuse more. IFMATCH_FUZZ_CASES cases (2,000) from IFMATCH_FUZZ_SEED.

import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import fc, { type Arbitrary } from 'fast-check';
import t, { type Test } from 'tap';
import { AnswerFault, AnswerParser } from '../../src/origin/answer-parser.ts';
import type { RawHead } from '../../src/origin/head.ts';
import { withoutBadWhitespace } from './bad-whitespace.ts';

const { IFMATCH_FUZZ_CASES = '2000', IFMATCH_FUZZ_SEED } = process.env;
const cases = Number(IFMATCH_FUZZ_CASES);
const seed = Number(IFMATCH_FUZZ_SEED ?? Date.now() % 0x7fffffff);

t.setTimeout(cases * 50 + 300_000);

/** What was understood. */
interface Understood {
  readonly status: number;
  readonly fields: readonly string[];
  readonly content: string;
}

/** One answer as an origin sends it, and the request's method. Latin-1. */
interface Case {
  readonly method: string;
  readonly bytes: string;
  readonly cuts: readonly number[];
}

const STATUSES = [
  ...[
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 OK',
    'HTTP/1.1 201 Created',
    'HTTP/1.1 204 No Content',
    'HTTP/1.1 304 X',
  ],
  ...[
    'HTTP/1.0 200 OK',
    'HTTP/1.1 404',
    'HTTP/1.1 500 M\xf6',
    'HTTP/1.1 599 ',
    'HTTP/1.2 200 OK',
    'HTTP/2 200 OK',
  ],
  ...[
    'HTTP/1.1 099 X',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 200\tOK',
    'http/1.1 200 OK',
    'HTTP/1.1 20 OK',
    'ICY 200 OK',
  ],
];
const FIELDS = [
  ...[
    'ETag: "v1"',
    'etag: W/"\xff"',
    'Date: Tue, 15 Nov 1994 12:45:26 GMT',
    'X: \t a \t b\t ',
    'X:',
    'X:y',
    'x-y_z: 1',
  ],
  ...[
    'Connection: close',
    'Connection: keep-alive',
    'Connection: x',
    'Connection : close',
    'Keep-Alive: timeout=5',
    'Trailer: X',
    'X: \x80',
  ],
  ...['X : y', ' X: y', ': y', 'X', 'X: a\r\n b', 'X: \x00', 'X: a\rb', 'X: a\nY: b', 'X: \x7f', '\xe4: x'],
  ...[
    'Content-Length: 2',
    'Content-Length: 02',
    'Content-Length: +2',
    'Content-Length: 2, 2',
    'Content-Length: ',
    'Content-Length : 2',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding: chunked\t',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding\t: chunked',
    'Upgrade: h2c',
  ],
];
const INTERIM = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 102 X\r\n\r\n',
];
const EXTENSIONS = [
  '',
  '',
  ';a',
  ';a="b"',
  ' ;a',
  ' ',
  '\t; a =\tb ',
  '; a = "; b"; c',
  ';a b',
  '; ',
  ';\x7f',
];
const TRAILERS = [
  '',
  '',
  'X: y\r\n',
  'X : y\r\n',
  'Content-Length : 7\r\n',
  'Content-Length: 7\r\n',
  'ETag: "v2"\r\nX:\r\n',
  'X\r\n',
  ' X: y\r\n',
];
const BREAKS = ['\r', '\n', '\0', ' ', '\t', '\x7f', '\x80', ':', ';', '0', 'f', '\r\n'];

const text = fc.stringMatching(/^[a-f0-9\r\n:;]{0,12}$/);

/** Framing and content: by length, in chunks, to the end of the connection, or as the fields have it. */
const framed: Arbitrary<readonly [string, string]> = fc
  .tuple(
    fc.constantFrom('length', 'length', 'chunks', 'chunks', 'none'),
    fc.constantFrom('', '', '', '0', '0'.repeat(20)),
    fc.array(
      text.filter((piece) => piece !== ''),
      { maxLength: 3 },
    ),
    fc.constantFrom(...EXTENSIONS),
    fc.constantFrom(...TRAILERS),
  )
  .map(([how, zeros, pieces, extension, trailers]): readonly [string, string] => {
    const content = pieces.join('');
    if (how === 'length') return [`Content-Length: ${content.length}\r\n`, content];
    if (how === 'none') return ['', content];
    const chunks = pieces.map((piece) => `${zeros}${piece.length.toString(16)}${extension}\r\n${piece}\r\n`);
    return ['Transfer-Encoding: chunked\r\n', `${chunks.join('')}0\r\n${trailers}\r\n`];
  });

const answer: Arbitrary<string> = fc
  .tuple(
    fc.array(fc.constantFrom(...INTERIM), { maxLength: 1 }),
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...STATUSES.slice(0, 4)) },
      fc.constantFrom(...STATUSES),
    ),
    fc.array(
      fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...FIELDS.slice(0, 14)) }, fc.constantFrom(...FIELDS)),
      {
        maxLength: 3,
      },
    ),
    framed,
  )
  .map(([interim, status, fields, [framing, content]]) => {
    const lines = fields.map((line) => `${line}\r\n`).join('');
    return `${interim.join('')}${status}\r\n${lines}${framing}\r\n${content}`;
  });

const mutations = fc.array(
  fc.tuple(
    fc.constantFrom('replace', 'insert', 'delete', 'double', 'truncate'),
    fc.nat(400),
    fc.constantFrom(...BREAKS),
  ),
  { minLength: 1, maxLength: 2 },
);

const mutant = fc.tuple(answer, mutations).map(([whole, all]) =>
  all.reduce((bytes, [kind, place, token]) => {
    const at = place % (bytes.length + 1);
    const [before, after] = [bytes.slice(0, at), bytes.slice(at)];
    if (kind === 'replace') return before + token + after.slice(1);
    if (kind === 'insert') return before + token + after;
    if (kind === 'delete') return before + after.slice(1);
    if (kind === 'double') return before + after.slice(0, 8) + after;
    return before;
  }, whole),
);

const anyCase: Arbitrary<Case> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD'),
  bytes: fc.oneof(answer, mutant),
  cuts: fc.array(fc.nat(400), { maxLength: 3 }),
});

function piecesOf({ bytes, cuts }: Case): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const bounds = [0, ...places, bytes.length];
  const pieces = bounds.slice(1).map((end, i) => Buffer.from(bytes.slice(bounds[i], end), 'latin1'));
  return pieces.filter((piece) => piece.length > 0);
}

/** Why there is nothing to compare: bytes behind the answer, no end of it, or no answer, be it another protocol's. */
type Nothing = 'more' | 'incomplete' | 'refused' | 'foreign';

function parse(pieces: readonly Buffer[], method: string): Understood | Nothing {
  const heads: RawHead[] = [];
  let content = '';
  const parser = new AnswerParser({
    head: (given) => heads.push(given),
    content: (chunk) => {
      content += chunk.toString('latin1');
    },
  });
  parser.expect(method, false);
  let rest: Buffer | undefined;
  try {
    for (const piece of pieces) {
      if (rest !== undefined) return 'more';
      rest = parser.take(Buffer.from(piece)); // it may move them about
    }
  } catch (error) {
    if (!(error instanceof AnswerFault)) throw error;
    return error.foreign ? 'foreign' : 'refused';
  }
  const [head] = heads;
  if (head === undefined || (rest === undefined && !parser.endsHere())) return 'incomplete';
  if (rest !== undefined && rest.length > 0) return 'more';
  return { status: head.status, fields: head.fields, content };
}

/** An origin that answers with what it was given last, and then ends the connection. */
async function startOrigin(t: Test) {
  let next: readonly Buffer[] = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      for (const piece of next) socket.write(piece);
      socket.end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  /** Undefined: Node reports an error, or an answer that is not complete. */
  const askWithNode = (pieces: readonly Buffer[], method: string): Promise<Understood | undefined> => {
    next = pieces;
    return new Promise((resolve) => {
      const request = http.request({ port, host: '127.0.0.1', method, agent: false });
      request.on('error', () => resolve(undefined));
      request.on('upgrade', () => resolve(undefined));
      request.on('response', (response) => {
        let content = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          content += chunk;
        });
        response.on('error', () => resolve(undefined));
        response.on('end', () => {
          const { statusCode = 0, rawHeaders: fields, complete } = response;
          resolve(complete ? { status: statusCode, fields, content } : undefined);
        });
      });
      request.end();
    });
  };
  return { askWithNode };
}

function mustAgree(who: string, other: Understood | Nothing | undefined, ours: Understood | Nothing): void {
  const [one, another] = [JSON.stringify(other), JSON.stringify(ours)];
  if (one !== another) throw new Error(`${who}: ${one}, the parser: ${another}`);
}

t.test(`what the parser accepts, Node reads alike, seed ${seed}`, async (t) => {
  const { askWithNode } = await startOrigin(t);
  const tally = { accepted: 0, refused: 0, stricter: 0, whitespace: 0 };
  const property = fc.asyncProperty(anyCase, async (one) => {
    const pieces = piecesOf(one);
    if (pieces.length === 0) return;
    const ours = parse(pieces, one.method);
    const bytes = Buffer.concat(pieces);
    for (const cut of [[bytes], [...bytes].map((octet) => Buffer.from([octet]))]) {
      mustAgree('cut otherwise', parse(cut, one.method), ours);
    }
    if (ours === 'more') return;
    const nodes = await askWithNode(pieces, one.method);
    if (typeof ours === 'string') {
      tally.refused += 1;
      if (nodes !== undefined) tally.stricter += 1;
      return;
    }
    tally.accepted += 1;
    if (nodes !== undefined) return mustAgree('Node', nodes, ours);
    tally.whitespace += 1;
    const proper = Buffer.from(withoutBadWhitespace(one.bytes), 'latin1');
    mustAgree('Node, without whitespace', await askWithNode([proper], one.method), ours);
  });
  const result = await fc.check(property, { seed, numRuns: cases });
  t.notOk(result.failed, `${JSON.stringify(result.counterexample)}\n${result.errorInstance ?? ''}`);
  t.comment(`seed ${seed}: ${JSON.stringify(tally)}`);
  t.ok(tally.accepted > cases / 10, 'many were accepted');
  t.ok(tally.refused > cases / 10, 'many were refused');
  t.ok(tally.whitespace > cases / 100, 'some had whitespace that Node refuses');
});
