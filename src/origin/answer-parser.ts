// The bytes of an origin's answers: where each one begins and ends, by the letter of RFC 9112. Anything else is a fault.
import { ANSWER_FIELD, OWS, TOKEN } from './grammar.ts';
import { type RawHead, readHead } from './head.ts';

/** The bytes are no answer that could be relied on. */
export class AnswerFault extends Error {
  override readonly name = 'AnswerFault';
  /** They do not even begin like one. */
  readonly foreign: boolean;

  constructor(message: string, foreign = false) {
    super(message);
    this.foreign = foreign;
  }
}

/** What an answer consists of, in order; called while bytes are taken. */
export interface AnswerSink {
  /** The final head, or the one of a 101 that was asked for; other interim answers are left out. */
  head(head: RawHead): void;
  /** At most once for the bytes that are taken, which are the sink's from then on: nothing else looks at their memory. */
  content(chunk: Buffer): void;
}

/** Bytes of a head or of a trailer section; Node's own limit for requests. */
const MAX_HEAD = 16_384;
/** Bytes of a line that frames a chunk. Extensions are nothing to us. */
const MAX_CHUNK_LINE = 1_024;

const START = 'HTTP/1.';
const HEAD_END = '\r\n\r\n';
const LF = 0x0a;
const QUOTED = String.raw`"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"`;
/** Zeros before it count for nothing; at most 13 digits: a number that is exact. */
const SIZE = '0*(0|[1-9A-Fa-f][0-9A-Fa-f]{0,12})';
/**
 * The whitespace around ";" and "=" must be parsed (RFC 9112 7.1.1); origins that pad a size send some behind it as well. Each
 * octet can be read in one way only, so that time is linear: two runs of whitespace never meet.
 */
const EXTENSION = `;${OWS}${TOKEN}${OWS}(?:=${OWS}(?:(?:${TOKEN}|${QUOTED})${OWS})?)?`;
const CHUNK_LINE = new RegExp(`^${SIZE}${OWS}(?:${EXTENSION})*\r$`);
const TRAILER_LINE = new RegExp(`^${ANSWER_FIELD}\r$`);
/** Not to be sent there (RFC 9110 6.5.1): who would merge it reads another length. */
const FRAMING_TRAILER = /^(?:content-length|transfer-encoding)[\t ]*:/i;
const EMPTY = Buffer.alloc(0);

type State = 'none' | 'head' | 'content' | 'until-close' | 'chunk-line' | 'chunk' | 'chunk-end' | 'trailer';

/**
 * Reads the answers of one connection, one at a time. No leniency but with whitespace that can be read in one way only: bare
 * LF, folded lines, a second Content-Length, one beside Transfer-Encoding and the like are faults, because what reads them
 * otherwise than the next hop does is a way to smuggle (RFC 9112 11.2). Trailers are left out, as a recipient may (RFC 9110
 * 6.5.1).
 */
export class AnswerParser {
  readonly #sink: AnswerSink;
  #state: State = 'none';
  #method = '';
  #mayUpgrade = false;
  /** A head or a line of which the end has not come. */
  #part: Buffer = EMPTY;
  /** Bytes of content, or of the chunk, that are still to come; without a length no number of them is the end. */
  #left = 0;
  #trailerBytes = 0;
  #head: RawHead | undefined;
  /** Where the content in the bytes that are being taken begins and ends: chunks are moved together, over what framed them. */
  #from = 0;
  #to = 0;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** The next bytes answer a request with this method. `mayUpgrade`: it asked for another protocol. */
  expect(method: string, mayUpgrade: boolean): void {
    this.#state = 'head';
    this.#method = method;
    this.#mayUpgrade = mayUpgrade;
    this.#head = undefined;
  }

  /** The head of the answer that was read last, once it is in. */
  get head(): RawHead | undefined {
    return this.#head;
  }

  /**
   * Takes the next bytes, whose memory is the caller's no more. Undefined while the answer goes on; once it is complete, the
   * bytes behind it. Throws AnswerFault, and is of no more use then.
   */
  take(bytes: Buffer): Buffer | undefined {
    this.#to = 0;
    const end = this.#takeAll(bytes);
    const rest = end < bytes.length ? Buffer.from(bytes.subarray(end)) : EMPTY;
    if (this.#to > this.#from) this.#sink.content(bytes.subarray(this.#from, this.#to));
    return this.#state === 'none' ? rest : undefined;
  }

  /** Where the answer ends, or the bytes do. */
  #takeAll(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'none') {
      switch (this.#state) {
        case 'head':
          at = this.#takeHead(bytes, at);
          break;
        case 'until-close':
        case 'content':
        case 'chunk':
          at = this.#takeContent(bytes, at);
          break;
        default:
          at = this.#takeLine(bytes, at);
      }
    }
    return at;
  }

  /** The connection has ended: whether that completes the answer (RFC 9112 6.3, rule 8). */
  endsHere(): boolean {
    return this.#state === 'until-close';
  }

  #takeHead(bytes: Buffer, at: number): number {
    const before = this.#part.length;
    const rest = at === 0 ? bytes : bytes.subarray(at);
    const all = before === 0 ? rest : Buffer.concat([this.#part, rest]);
    const end = all.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length), 'latin1');
    // however it is cut: the last bytes may be a part of its end
    if ((end === -1 ? all.length - HEAD_END.length + 1 : end) > MAX_HEAD) {
      throw new AnswerFault('a head that is too large', !mayBegin(all));
    }
    if (end === -1) {
      // neither of them would ever come to an end
      if (!mayBegin(all)) throw new AnswerFault('no HTTP/1 answer', true);
      if (hasBareLf(all)) throw new AnswerFault('a line that ends without CR');
      this.#part = all;
      return bytes.length;
    }
    this.#part = EMPTY;
    const head = readHead(all.toString('latin1', 0, end));
    if (head === undefined) throw new AnswerFault('a malformed head', !mayBegin(all));
    this.#takeIn(head);
    return at + end + HEAD_END.length - before;
  }

  #takeIn(head: RawHead): void {
    const { status, chunked, length } = head;
    if (status < 200) {
      // HTTP/1.0 has none, and nothing may follow on a connection that closes
      if (!head.persists) throw new AnswerFault('an interim answer that is the last');
      if (status !== 101) return;
      if (!this.#mayUpgrade) throw new AnswerFault('an upgrade that nobody asked for');
    }
    this.#head = head;
    this.#left = length ?? Number.POSITIVE_INFINITY;
    const empty = this.#method === 'HEAD' || status === 101 || status === 204 || status === 304;
    if (empty || length === 0) this.#state = 'none';
    else if (chunked) this.#state = 'chunk-line';
    else this.#state = length === undefined ? 'until-close' : 'content';
    this.#sink.head(head);
  }

  #takeContent(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = this.#state === 'chunk' ? 'chunk-end' : 'none';
    if (this.#to === 0) this.#from = this.#to = at;
    else bytes.copyWithin(this.#to, at, end);
    this.#to += end - at;
    return end;
  }

  #takeLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at);
    const piece = bytes.subarray(at, end === -1 ? bytes.length : end);
    const line = this.#part.length === 0 ? piece : Buffer.concat([this.#part, piece]);
    if (line.length > (this.#state === 'trailer' ? MAX_HEAD : MAX_CHUNK_LINE)) {
      throw new AnswerFault('a line of the chunked coding that is too long');
    }
    if (end === -1) {
      this.#part = Buffer.from(line); // beside content, whose memory goes with it
      return bytes.length;
    }
    this.#part = EMPTY;
    this.#readLine(line.toString('latin1'));
    return end + 1;
  }

  #readLine(line: string): void {
    if (this.#state === 'chunk-line') {
      const digits = CHUNK_LINE.exec(line)?.[1];
      if (digits === undefined) throw new AnswerFault('a malformed chunk');
      this.#left = Number.parseInt(digits, 16);
      this.#trailerBytes = 0;
      this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    } else if (line === '\r') {
      this.#state = this.#state === 'trailer' ? 'none' : 'chunk-line';
    } else {
      this.#trailerBytes += line.length;
      const isTrailer = this.#state === 'trailer' && TRAILER_LINE.test(line) && !FRAMING_TRAILER.test(line);
      if (!isTrailer || this.#trailerBytes > MAX_HEAD) {
        throw new AnswerFault('malformed bytes behind a chunk');
      }
    }
  }
}

function mayBegin(bytes: Buffer): boolean {
  return START.startsWith(bytes.toString('latin1', 0, START.length));
}

function hasBareLf(bytes: Buffer): boolean {
  const at = bytes.indexOf(LF);
  return at !== -1 && /(?:^|[^\r])\n/.test(bytes.toString('latin1'));
}
