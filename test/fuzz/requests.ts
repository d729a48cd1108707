// Requests to try: made by a grammar with odd corners, or broken from good ones; and how their bytes are delivered.

import fc, { type Arbitrary } from 'fast-check';
import * as words from './words.ts';

export interface Case {
  /** Latin-1, an octet a character. */
  readonly bytes: string;
  /** Where the bytes are cut into segments; modulo their length. `each`: one byte a segment. */
  readonly cuts: readonly number[] | 'each';
  /** Whether the client ends its side right behind the bytes, or when no more answers come. */
  readonly end: 'at once' | 'later';
}

const from = (values: readonly string[]): Arbitrary<string> => fc.constantFrom(...values);
const mostly = <T>(usual: Arbitrary<T>, rare: Arbitrary<T>): Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: rare });

/** A word that nobody guesses and nothing else contains. */
const marker = fc.integer({ min: 0x10000000, max: 0x7fffffff }).map((n) => `mark${n.toString(16)}`);

const path = fc
  .tuple(
    marker,
    fc.array(mostly(from(words.PLAIN_SEGMENTS), from(words.ODD_SEGMENTS)), { maxLength: 3 }),
    from(words.QUERIES),
  )
  .map(([mark, segments, query]) => `/${[...segments, mark].join('/')}${query}`);
const target = mostly(
  path,
  fc.oneof(
    path.map((given) => `http://x${given}`),
    path.map((given) => `/${given}`),
    path.map((given) => given.slice(1)),
    from(words.ODD_TARGETS),
  ),
);
const condition = fc
  .tuple(from(words.CONDITIONS), mostly(from(words.TAGS), from(words.BAD_TAGS)), from(words.DATES))
  .map(([name, tags, date]) => `${name}: ${/since/i.test(name) ? date : tags}`);
const field = mostly(fc.oneof(condition, from(words.OTHER_FIELDS)), from(words.ODD_FIELDS));

/** Content that would be a request of its own, if somebody took it for one. */
const embedded = marker.map((mark) => `DELETE /${mark} HTTP/1.1\r\nHost: x\r\nX-Embedded: ${mark}\r\n\r\n`);
const content = fc.oneof(
  from(['', 'abc', 'hello world', '\x00\xff\r\n', '0\r\n\r\n', 'x'.repeat(300)]),
  embedded,
  embedded.map((request) => `0\r\n\r\n${request}`),
  embedded.map((request) => request.repeat(4)),
);
/** Field lines and content, framed by length, in chunks, or wrongly. */
const framed = fc
  .tuple(
    content,
    fc.nat(40),
    from(words.EXTENSIONS),
    from(words.TRAILERS),
    mostly(fc.constant(undefined), from(words.ODD_FRAMING)),
    fc.constantFrom('none', 'length', 'length', 'chunks', 'chunks'),
  )
  .map(([text, cut, extension, trailers, odd, kind]): readonly [string, string] => {
    const chunks = [text.slice(0, cut), text.slice(cut)].filter((chunk) => chunk !== '');
    const coded = chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`).join('');
    if (odd !== undefined) return [`${odd}\r\n`, kind === 'chunks' ? `${coded}0\r\n\r\n` : text];
    if (kind === 'none') return ['', ''];
    if (kind === 'length') return [`Content-Length: ${text.length}\r\n`, text];
    return ['Transfer-Encoding: chunked\r\n', `${coded}0\r\n${trailers}\r\n`];
  });

/** One request of the grammar, as bytes. */
export const request: Arbitrary<string> = fc
  .tuple(
    mostly(from(words.METHODS), from(words.ODD_METHODS)),
    target,
    mostly(fc.constant('HTTP/1.1'), from(words.VERSIONS)),
    mostly(fc.constant('Host: x\r\n'), from(words.HOSTS)),
    fc.array(field, { maxLength: 4 }),
    framed,
  )
  .map(([method, to, version, host, fields, [framing, text]]) => {
    const lines = fields.map((line) => `${line}\r\n`).join('');
    return `${method} ${to} ${version}\r\n${host}${lines}${framing}\r\n${text}`;
  });

const mutation = fc.tuple(
  fc.constantFrom('flip', 'insert', 'delete', 'double', 'truncate', 'splice'),
  fc.nat(4000),
  fc.integer({ min: 1, max: 24 }),
  from(words.TOKENS),
  request,
);

/** One to four mutations of one or two requests. */
const mutant = fc
  .tuple(request, fc.option(request, { nil: '' }), fc.array(mutation, { minLength: 1, maxLength: 4 }))
  .map(([first, second, mutations]) =>
    mutations.reduce((bytes, [kind, place, length, token, other]) => {
      const at = place % (bytes.length + 1);
      const [before, after] = [bytes.slice(0, at), bytes.slice(at)];
      if (kind === 'flip') return before + flip(after, length) + after.slice(1);
      if (kind === 'insert') return before + token + after;
      if (kind === 'delete') return before + after.slice(length);
      if (kind === 'double') return before + after.slice(0, length) + after;
      if (kind === 'truncate') return before;
      return before + other + after;
    }, first + second),
  );

function flip(text: string, bit: number): string {
  return text === '' ? '' : String.fromCharCode(text.charCodeAt(0) ^ (1 << (bit % 8)));
}

const delivered = (bytes: Arbitrary<string>): Arbitrary<Case> =>
  fc.record({
    bytes,
    cuts: mostly<readonly number[] | 'each'>(fc.array(fc.nat(4000), { maxLength: 5 }), fc.constant('each')),
    end: fc.constantFrom('later', 'later', 'later', 'at once'),
  });

/** Requests of the grammar, up to three on a connection. */
export const grammarCase: Arbitrary<Case> = delivered(
  fc.array(request, { minLength: 1, maxLength: 3 }).map((requests) => requests.join('')),
);

/** Mutants, and now and then what the grammar makes. */
export const anyCase: Arbitrary<Case> = fc.oneof(
  { weight: 4, arbitrary: delivered(mutant) },
  { weight: 1, arbitrary: grammarCase },
);
