// One request to the origin and its answer: when it was sent, when the head came, and when the origin's side settled.
import type { Duplex, Readable } from 'node:stream';
import type { CancelSignal } from '../cancel-signal.ts';
import type { GatewayError } from '../errors.ts';
import type { OriginConnection } from './connection.ts';
import { OriginContent } from './content.ts';
import type { Deadlines } from './deadline.ts';
import { type FailureKind, OriginFailure } from './failure.ts';
import type { OriginHead } from './head.ts';

/** A request's content: all of it, in pieces, or a stream. */
export type Content = readonly Buffer[] | Readable;

export interface OriginRequest {
  readonly method: string;
  /** Path and query, byte for byte. */
  readonly target: string;
  /** Forwarded fields with Host, without framing. */
  readonly fields: readonly string[];
  readonly content?: Content;
  /** Bytes of a stream; undefined: it goes out in chunks. */
  readonly length?: number | undefined;
  /** The protocol to change to, if the origin agrees (RFC 9110 7.8). */
  readonly upgrade?: string;
}

/** The origin has changed the protocol: the connection is the caller's now. */
export interface Upgraded {
  readonly status: number;
  readonly fields: readonly string[];
  readonly socket: Duplex;
}

export interface ExchangeOptions {
  readonly deadlines: Deadlines;
  /** Bytes of the answer's content that may wait here for a slow reader. */
  readonly lead: number;
  /** Asked in the same tick in which the first byte would leave; what it returns cancels, and is the failure's cause. */
  readonly refuseStart?: () => GatewayError | undefined;
  /** Cancels the exchange, at whatever stage: for what nobody else needs when the client has gone. Of one request. */
  readonly cancelBy?: CancelSignal;
}

/** How the exchange ended on the origin's side. */
export type Ending = 'complete' | OriginFailure;

/** What an exchange needs of the connection that carries it. */
export type Carrier = Pick<OriginConnection, 'abort' | 'pause' | 'resume' | 'deadline'>;

/**
 * `head` and `ended` follow the origin's side only: nothing that the client does changes them unless the owner calls
 * `cancel()`. Nothing is sent twice but a HEAD that a kept connection swallowed. Promises are made for those who ask.
 */
export class OriginExchange {
  readonly content: OriginContent;
  /** Called instead of `head` when the protocol changes; set by who asked for it. */
  onUpgraded: ((upgraded: Upgraded) => void) | undefined;
  /** Milliseconds on the monotonic clock at which the latest byte of the request left. */
  sentAt: number | undefined;

  readonly #options: ExchangeOptions;
  readonly #streamed: boolean;
  #carrier: Carrier | undefined;
  /** Runs while it waits to begin, for what the text says; a total deadline that began there goes on. */
  #wait: NodeJS.Timeout | undefined;
  #late = '';
  #head: OriginHead | undefined;
  #headAwaited: PromiseWithResolvers<OriginHead> | undefined;
  #requestLeft = false;
  #leftAwaited: PromiseWithResolvers<void> | undefined;
  #ending: Ending | undefined;
  readonly #onEnded: ((ending: Ending) => void)[] = [];

  /** `streamed`: the content is a stream, so that its last byte leaves later than its first. */
  constructor(options: ExchangeOptions, streamed: boolean) {
    this.#options = options;
    this.#streamed = streamed;
    this.content = new OriginContent(() => this.#carrier, options.lead);
    // never taken back: the signal lives no longer than a request, and what has ended cannot be cancelled
    options.cancelBy?.addEventListener('abort', () => this.cancel());
    if (options.cancelBy?.aborted) this.cancel();
  }

  /** Rejects with OriginFailure. */
  get head(): Promise<OriginHead> {
    if (this.#head !== undefined) return Promise.resolve(this.#head);
    if (this.#ending instanceof OriginFailure) return Promise.reject(this.#ending);
    this.#headAwaited ??= Promise.withResolvers<OriginHead>();
    return this.#headAwaited.promise;
  }

  /** Undefined while it goes on. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Never rejects. */
  get ended(): Promise<Ending> {
    return new Promise((resolve) => this.whenEnded(resolve));
  }

  /** Calls `told` in the moment of the end, or at once behind it. */
  whenEnded(told: (ending: Ending) => void): void {
    if (this.#ending === undefined) this.#onEnded.push(told);
    else told(this.#ending);
  }

  /** Resolves when the whole request has left, or never will; never rejects. */
  get requestSent(): Promise<void> {
    if (this.#requestLeft || this.#ending !== undefined) return Promise.resolve();
    this.#leftAwaited ??= Promise.withResolvers<void>();
    return this.#leftAwaited.promise;
  }

  /** Ends the exchange from our side; the origin may or may not have acted on what was sent. */
  cancel(): void {
    this.#giveUp('cancelled');
  }

  /**
   * Reads and drops the content to keep the connection, or gives both up when there is more than `limit` bytes, or when it
   * has no end after `ms` milliseconds; left out: the deadline that runs is enough.
   */
  discard(limit: number, ms?: number): void {
    if (this.content.takeWhole() !== undefined) return; // nothing is left to be read
    if (ms !== undefined) this.#carrier?.deadline.set(ms);
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

  /** Nothing can leave in this turn of the loop, and a deadline runs. `late`: what the log says when it passes. */
  waits(late: string): void {
    this.#late = late;
    if (this.#wait !== undefined || this.#ending !== undefined) return;
    const { deadlines } = this.#options;
    let ms = deadlines.start;
    if ('total' in deadlines && (ms === undefined || this.sentAt !== undefined))
      ms = this.#left(deadlines.total);
    this.#wait = setTimeout(() => this.#giveUp('timeout', new Error(this.#late)), ms);
  }

  /** The first byte is about to leave. False when it must not. */
  start(carrier: Carrier): boolean {
    if (this.#ending !== undefined) return false;
    const refusal = this.#options.refuseStart?.();
    if (refusal !== undefined) {
      this.broke('cancelled', refusal);
      return false;
    }
    this.#carrier = carrier;
    this.#awaitAnswer(carrier);
    this.sentAt = performance.now();
    return true;
  }

  /** A part of streamed content has left. */
  contentLeft(): void {
    this.sentAt = performance.now();
  }

  requestLeft(): void {
    this.#requestLeft = true;
    this.#leftAwaited?.resolve();
    if (!this.#streamed) return;
    this.sentAt = performance.now();
    if (this.#head === undefined) this.#awaitHead();
  }

  answered(head: OriginHead): void {
    // 101 is the answer of `upgraded`
    if (this.#ending !== undefined || head.status < 200) return;
    this.#head = head;
    if (!('total' in this.#options.deadlines)) this.#carrier?.deadline.lift();
    this.#headAwaited?.resolve(head);
  }

  received(chunk: Buffer): void {
    if (this.#ending === undefined) this.content.push(chunk);
  }

  completed(): void {
    if (this.#ending !== undefined) return;
    this.#end('complete');
    this.content.finish('complete');
  }

  upgraded(upgraded: Upgraded): void {
    if (this.onUpgraded === undefined || this.#ending !== undefined) upgraded.socket.destroy();
    else this.onUpgraded(upgraded);
    if (this.#ending === undefined) this.#end('complete');
  }

  /** It cannot go on; whoever says so has dealt with the connection. */
  broke(kind: FailureKind, cause?: unknown): void {
    if (this.#ending !== undefined) return;
    const failure = new OriginFailure(kind, this.sentAt !== undefined, cause);
    this.content.finish(failure);
    this.#end(failure);
    this.#headAwaited?.reject(failure);
  }

  /** Its deadline has passed. */
  timedOut(): void {
    this.#giveUp('timeout');
  }

  #giveUp(kind: FailureKind, cause?: unknown): void {
    if (this.#ending !== undefined) return;
    this.#carrier?.abort();
    this.broke(kind, cause);
  }

  #end(ending: Ending): void {
    this.#ending = ending;
    this.#carrier?.deadline.lift();
    this.#carrier = undefined;
    clearTimeout(this.#wait);
    this.#leftAwaited?.resolve();
    for (const told of this.#onEnded) told(ending);
  }

  /** The deadline that begins with the first byte. */
  #awaitAnswer({ deadline }: Carrier): void {
    const { deadlines } = this.#options;
    if (deadlines.start !== undefined) {
      clearTimeout(this.#wait);
      this.#wait = undefined; // one that is carried anew may have to wait again
    } else if (this.#wait !== undefined) return; // the total one runs already
    if ('total' in deadlines) deadline.set(this.#left(deadlines.total));
    else if (!this.#streamed) this.#awaitHead();
  }

  /** Of a total deadline, milliseconds: one that has begun goes on when the request is carried anew. */
  #left(total: number): number {
    return this.sentAt === undefined ? total : total - (performance.now() - this.sentAt);
  }

  #awaitHead(): void {
    const { deadlines } = this.#options;
    if (!('total' in deadlines)) this.#carrier?.deadline.set(deadlines.head);
  }
}
