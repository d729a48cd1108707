// One request to the origin and its answer: when it was sent, when the head came, and when the origin's side settled.
import type { Duplex, Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { GatewayError } from '../errors.ts';
import { fieldValues } from '../semantics/fields.ts';
import { OriginContent } from './content.ts';

export interface OriginRequest {
  readonly method: string;
  /** Path and query, byte for byte. */
  readonly target: string;
  /** Forwarded fields with Host, without framing. */
  readonly fields: readonly string[];
  readonly content?: Buffer | Readable;
  /** The protocol to change to, if the origin agrees (RFC 9110 7.8). */
  readonly upgrade?: string;
}

/** The origin has changed the protocol: the connection is the caller's now. */
export interface Upgraded {
  readonly status: number;
  readonly fields: readonly string[];
  readonly socket: Duplex;
}

/** The answer's head; 1xx excepted. Field values are Latin-1, a character an octet. */
export interface OriginHead {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly string[];
}

/** Milliseconds. Once the head is in, only `total` still runs. */
export type Deadlines =
  /** From the call to the end of the answer. */
  | { readonly total: number }
  | {
      /** From the call to the first byte out: a free connection, connecting, TLS. */
      readonly start: number;
      /** From the first byte out (of streamed content: from its last byte) to the answer's head. */
      readonly head: number;
    };

/** `content`: the client's content broke off, the cause says how. */
export type FailureKind = 'unreachable' | 'timeout' | 'invalid' | 'reset' | 'cancelled' | 'content';

/** Why there is no answer, or no whole one. `sent` false: not a byte of the request has left. */
export class OriginFailure extends Error {
  readonly kind: FailureKind;
  readonly sent: boolean;

  constructor(kind: FailureKind, sent: boolean, cause?: unknown) {
    super(`origin ${kind}`, { cause });
    this.name = 'OriginFailure';
    this.kind = kind;
    this.sent = sent;
  }
}

/** How the exchange ended on the origin's side. */
export type Ending = 'complete' | OriginFailure;

/**
 * A dispatch handler of undici. `head` and `ended` follow the origin's side only: nothing that the client does changes
 * them unless the owner calls `cancel()`. An exchange is never repeated.
 */
export class OriginExchange implements Dispatcher.DispatchHandler {
  /** Rejects with OriginFailure. */
  readonly head: Promise<OriginHead>;
  /** Never rejects. */
  readonly ended: Promise<Ending>;
  readonly content: OriginContent;
  /** Called instead of `head` when the protocol changes; set by who asked for it. */
  onUpgraded: ((upgraded: Upgraded) => void) | undefined;
  /** Milliseconds on the monotonic clock at which the first byte left; of streamed content, the last one. */
  sentAt: number | undefined;

  readonly #deadlines: Deadlines;
  readonly #mayStart: () => boolean;
  #controller: Dispatcher.DispatchController | undefined;
  #failure: OriginFailure | undefined;
  #headSeen = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #streamed: boolean;
  readonly #resolveHead: (head: OriginHead) => void;
  readonly #rejectHead: (failure: OriginFailure) => void;
  readonly #end: (ending: Ending) => void;

  /** `mayStart` is asked in the same tick in which the first byte would leave (locks.md R1); false cancels. */
  constructor(options: {
    deadlines: Deadlines;
    /** Bytes of the answer's content that may wait here for a slow reader. */
    lead: number;
    streamed: boolean;
    mayStart?: () => boolean;
  }) {
    this.#deadlines = options.deadlines;
    this.#mayStart = options.mayStart ?? (() => true);
    this.#streamed = options.streamed;
    const head = Promise.withResolvers<OriginHead>();
    const ended = Promise.withResolvers<Ending>();
    // who waits only for `ended` must not be punished for it
    head.promise.catch(() => {});
    this.head = head.promise;
    this.#resolveHead = head.resolve;
    this.#rejectHead = head.reject;
    this.ended = ended.promise;
    this.#end = ended.resolve;
    this.content = new OriginContent(
      { pause: () => this.#controller?.pause(), resume: () => this.#controller?.resume() },
      options.lead,
    );
    this.#arm('total' in this.#deadlines ? this.#deadlines.total : this.#deadlines.start);
  }

  /** Ends the exchange from our side; the origin may or may not have acted on what was sent. */
  cancel(): void {
    this.#fail('cancelled');
  }

  /** Reads and drops the content to keep the connection, or gives both up when there is more than `limit` bytes. */
  discard(limit: number): void {
    let left = limit;
    this.content.attach({
      write: (chunk) => {
        left -= chunk.length;
        if (left < 0) this.cancel();
        return true;
      },
      end: () => {},
      cut: () => {},
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure === undefined && !this.#mayStart()) this.#settle(new OriginFailure('cancelled', false));
    if (this.#failure !== undefined) {
      controller.abort(this.#failure);
      return;
    }
    this.sentAt = performance.now();
    if (this.#streamed) this.#disarmPhase();
    else this.#armHead();
  }

  onRequestSent(): void {
    if (!this.#streamed || this.#headSeen || this.#failure !== undefined) return;
    this.sentAt = performance.now();
    this.#armHead();
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    clearTimeout(this.#timer);
    this.#end('complete');
    if (this.onUpgraded === undefined || this.#failure !== undefined) socket.destroy();
    else this.onUpgraded({ status, fields: latin1Fields(controller.rawHeaders), socket });
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    if (status < 200) return;
    const fields = latin1Fields(controller.rawHeaders);
    if (status > 599 || !framesContent(fields)) {
      this.#fail('invalid');
      return;
    }
    this.#headSeen = true;
    this.#disarmPhase();
    this.#resolveHead({ status, statusText: cleanReason(statusText), fields });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failure === undefined) this.content.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#failure !== undefined) return;
    clearTimeout(this.#timer);
    this.content.finish('complete');
    this.#end('complete');
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#settle(
      new OriginFailure(kindOf(error, this.sentAt !== undefined), this.sentAt !== undefined, error),
    );
  }

  #fail(kind: FailureKind): void {
    this.#settle(new OriginFailure(kind, this.sentAt !== undefined));
    this.#controller?.abort(this.#failure ?? new OriginFailure(kind, this.sentAt !== undefined));
  }

  #settle(failure: OriginFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    clearTimeout(this.#timer);
    this.#rejectHead(failure);
    this.content.finish('cut');
    this.#end(failure);
  }

  #armHead(): void {
    if (!('total' in this.#deadlines)) this.#arm(this.#deadlines.head);
  }

  #disarmPhase(): void {
    if (!('total' in this.#deadlines)) clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail('timeout'), ms);
  }
}

function latin1Fields(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((item) => (typeof item === 'string' ? item : item.toString('latin1')));
}

/** undici takes the chunked coding off, and passes any other without a word (attacks 4, towards the client). */
function framesContent(fields: readonly string[]): boolean {
  const coding = fieldValues(fields, 'transfer-encoding');
  return coding.length === 0 || (coding.length === 1 && coding[0]?.trim().toLowerCase() === 'chunked');
}

/** undici reads the reason phrase as UTF-8; one that is no ASCII comes out broken, and none is needed (RFC 9112 4). */
function cleanReason(reason = ''): string {
  return /^[\t\x20-\x7e]*$/.test(reason) ? reason : '';
}

const TIMEOUTS = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);
const INVALID = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

/** What went wrong, in our words; `sent`: at least a byte of the request has left. */
export function kindOf(error: Error, sent: boolean): FailureKind {
  if (error instanceof OriginFailure) return error.kind;
  if (error instanceof GatewayError) return 'content';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (TIMEOUTS.has(code)) return 'timeout';
  if (!sent) return 'unreachable';
  if (INVALID.has(code) || code.startsWith('HPE_')) return 'invalid';
  return 'reset';
}
