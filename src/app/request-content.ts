// The request's content from the client's connection: read whole up to a limit, or streamed, with deadlines for slow clients.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { RequestContent } from '../guard/exchange.ts';
import type { Content } from '../origin/exchange.ts';
import { notTaken } from '../origin/forward.ts';
import { Pieces } from '../origin/pieces.ts';
import { fieldValue } from '../semantics/fields.ts';
import { MALFORMED } from './connections.ts';

export interface ContentLimits {
  /** Most bytes; more is answered 413. */
  readonly content: number;
  /** Longest silence while content is awaited, milliseconds: 408. */
  readonly idle: number;
  /** Longest time for all of it, milliseconds: 408. */
  readonly upload: number;
}

/** Content of a Node request; see RequestContent. */
export class IncomingContent implements RequestContent {
  readonly length: number | undefined;
  readonly withheld: boolean;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #limits: ContentLimits;

  constructor(message: IncomingMessage, response: ServerResponse, limits: ContentLimits) {
    // not `headers`: its hidden class is another one now and then, and V8 throws away what it had optimised for the one before
    const { rawHeaders: fields } = message;
    const isChunked = fieldValue(fields, 'transfer-encoding') !== undefined;
    this.length = isChunked ? undefined : Number(fieldValue(fields, 'content-length') ?? 0);
    const expects = fieldValue(fields, 'expect') !== undefined;
    // an HTTP/1.0 client knows no 100 (RFC 9110 10.1.1)
    this.withheld = expects && message.httpVersion === '1.1' && this.length !== 0;
    this.#message = message;
    this.#response = response;
    this.#limits = limits;
  }

  async read(limit: number): Promise<Content> {
    const { length } = this;
    if (length === 0) return [];
    if (length !== undefined && length > this.#limits.content) throw tooLarge(this.#limits.content);
    if (this.withheld) this.#response.writeContinue();
    else if (length !== undefined && length <= limit) {
      // Node hands out the head before it looks at what came with it, and does so before it does anything else
      await undefined;
      const content = takeWhole(this.#message, length);
      if (content !== undefined) return [content];
    }
    return new Promise((resolve, reject) => {
      new Upload(this.#message, this.#limits, limit, resolve, reject);
    });
  }
}

/** Small content mostly comes in one piece with the head: then it needs neither a deadline nor listeners. */
function takeWhole(message: IncomingMessage, length: number): Buffer | undefined {
  if (message.readableLength < length) return undefined;
  // without the number Node gives the first piece alone of those that have come (26; older ones give them all)
  const content: unknown = message.read(length);
  message.resume(); // to its end, behind which the next request is
  return Buffer.isBuffer(content) ? content : undefined;
}

function tooLarge(limit: number): GatewayError {
  return new GatewayError(
    'content-too-large',
    `The content is larger than ${limit} bytes, the most that is forwarded.`,
  );
}

function tooSlow(): GatewayError {
  return new GatewayError('content-timeout', 'The content did not arrive in time; send it again.');
}

function notBegun(): GatewayError {
  const detail = 'This request waited too long for others. Nothing of it was sent; send it again.';
  return new GatewayError('content-timeout', detail);
}

function malformed(): GatewayError {
  return new GatewayError('request-invalid', 'The content is malformed: check its chunks.');
}

/**
 * Collects until `limit` bytes, then becomes a stream. The total deadline runs until all content is there, or
 * the stream was read to its end or destroyed: who gets the stream has to do one or the other.
 */
class Upload {
  readonly #message: IncomingMessage;
  readonly #limits: ContentLimits;
  readonly #limit: number;
  readonly #resolve: (content: Content) => void;
  readonly #reject: (error: GatewayError) => void;
  readonly #total: NodeJS.Timeout;
  #idle: NodeJS.Timeout | undefined;
  readonly #pieces = new Pieces();
  #bytes = 0;
  #stream: Readable | undefined;
  /** All of it has come in. */
  #ended = false;
  #over = false;

  constructor(
    message: IncomingMessage,
    limits: ContentLimits,
    limit: number,
    resolve: (content: Content) => void,
    reject: (error: GatewayError) => void,
  ) {
    this.#message = message;
    this.#limits = limits;
    this.#limit = limit;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#total = setTimeout(() => this.#late(), limits.upload);
    this.#awaitData();
    if (message.destroyed) {
      this.#gone();
      return;
    }
    message.on('data', (chunk: Buffer) => this.#data(chunk));
    message.on('end', () => this.#end());
    message.on('error', () => this.#gone());
    message.on('close', () => this.#gone());
    message.on(MALFORMED, () => this.#fail(malformed()));
  }

  #data(chunk: Buffer): void {
    if (this.#over) return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.content) {
      this.#fail(tooLarge(this.#limits.content));
      return;
    }
    this.#awaitData();
    if (this.#stream !== undefined) {
      if (!this.#stream.push(chunk)) this.#pause();
      return;
    }
    this.#pieces.add(chunk);
    if (this.#bytes > this.#limit) this.#becomeStream();
  }

  #becomeStream(): void {
    const stream = new Readable({
      read: () => this.#resume(),
      destroy: (error, done) => {
        this.#finish();
        done(error);
      },
    });
    // it may fail before anybody listens, and after the last one has left
    stream.on('error', () => {});
    this.#pause();
    this.#stream = stream;
    for (const piece of this.#pieces.take()) stream.push(piece);
    this.#resolve(stream);
  }

  #end(): void {
    if (this.#over) return;
    clearTimeout(this.#idle);
    if (this.#stream !== undefined) {
      this.#ended = true;
      this.#stream.push(null);
      return;
    }
    this.#finish();
    this.#resolve(this.#pieces.take());
  }

  #gone(): void {
    if (this.#over || this.#ended) return;
    this.#fail(new GatewayError('client-gone', 'The client left before its content was complete.'));
  }

  #late(): void {
    // a stream that is paused, or has everything, waits for the origin: for the lock, a probe, or to take it
    const waitsForOrigin = this.#stream !== undefined && (this.#ended || this.#message.isPaused());
    if (!waitsForOrigin) this.#fail(tooSlow());
    else this.#fail(this.#stream?.readableDidRead ? notTaken() : notBegun());
  }

  #fail(error: GatewayError): void {
    if (this.#over) return;
    this.#finish();
    if (this.#stream === undefined) this.#reject(error);
    else this.#stream.destroy(error);
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
  }

  #awaitData(): void {
    // chunks may come by the hundred thousand
    if (this.#idle !== undefined) this.#idle.refresh();
    else this.#idle = setTimeout(() => this.#late(), this.#limits.idle);
  }

  #pause(): void {
    this.#message.pause();
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }

  #resume(): void {
    if (this.#over || this.#ended || !this.#message.isPaused()) return;
    this.#awaitData();
    this.#message.resume();
  }
}
