// One request to the origin and its answer: when it was sent, when the head came, and when the origin's side settled.
import type { Duplex, Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { GatewayError } from '../errors.ts';
import { OriginContent } from './content.ts';
import { type FailureKind, failureOf, OriginFailure } from './failure.ts';
import { latin1Fields, type OriginHead, readHead } from './head.ts';

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

/** Milliseconds. Once the head is in, only `total` still runs. */
export type Deadlines =
  /** From the call to the end of the answer. */
  | { readonly total: number }
  | {
      /** From the call to the first byte out: a free slot, connecting, TLS. */
      readonly start: number;
      /** From the first byte out (of streamed content: from its last byte) to the answer's head. */
      readonly head: number;
    };

export interface ExchangeOptions {
  readonly deadlines: Deadlines;
  /** Bytes of the answer's content that may wait here for a slow reader. */
  readonly lead: number;
  /** Asked in the same tick in which the first byte would leave; what it returns cancels, and is the failure's cause. */
  readonly refuseStart?: () => GatewayError | undefined;
  /** Cancels the exchange, at whatever stage: for what nobody else needs when the client has gone. */
  readonly cancelBy?: AbortSignal;
  /** Whether the connection is just breaking (origin/connector.ts). */
  readonly isBreaking?: () => boolean;
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
  /** The whole request has left, or never will. Never rejects. */
  readonly requestSent: Promise<void>;
  readonly content: OriginContent;
  /** Called instead of `head` when the protocol changes; set by who asked for it. */
  onUpgraded: ((upgraded: Upgraded) => void) | undefined;
  /** Milliseconds on the monotonic clock at which the latest byte of the request left. */
  sentAt: number | undefined;

  readonly #deadlines: Deadlines;
  readonly #refuseStart: () => GatewayError | undefined;
  readonly #isBreaking: () => boolean;
  readonly #streamed: boolean;
  readonly #resolveHead: (head: OriginHead) => void;
  readonly #rejectHead: (failure: OriginFailure) => void;
  readonly #resolveSent: () => void;
  readonly #end: (ending: Ending) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #failure: OriginFailure | undefined;
  #headSeen = false;
  #timer: NodeJS.Timeout | undefined;

  /** `streamed`: the content is no buffer, so that its last byte leaves later than its first. */
  constructor(options: ExchangeOptions, streamed: boolean) {
    this.#deadlines = options.deadlines;
    this.#refuseStart = options.refuseStart ?? (() => undefined);
    this.#isBreaking = options.isBreaking ?? (() => false);
    this.#streamed = streamed;
    const head = Promise.withResolvers<OriginHead>();
    const sent = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<Ending>();
    // who waits only for `ended` must not be punished for it
    head.promise.catch(() => {});
    this.head = head.promise;
    this.#resolveHead = head.resolve;
    this.#rejectHead = head.reject;
    this.requestSent = sent.promise;
    this.#resolveSent = sent.resolve;
    this.ended = ended.promise;
    this.#end = ended.resolve;
    const flow = { pause: () => this.#controller?.pause(), resume: () => this.#controller?.resume() };
    this.content = new OriginContent(flow, options.lead);
    this.#arm('total' in this.#deadlines ? this.#deadlines.total : this.#deadlines.start);
    if (options.cancelBy !== undefined) this.#cancelBy(options.cancelBy);
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
    const refusal = this.#failure === undefined ? this.#refuseStart() : undefined;
    if (refusal !== undefined) this.#settle(new OriginFailure('cancelled', false, refusal));
    if (this.#failure !== undefined) {
      controller.abort(this.#failure);
      return;
    }
    this.sentAt = performance.now();
    if (this.#streamed) this.#disarmPhase();
    else this.#armHead();
  }

  onBodySent(): void {
    this.sentAt = performance.now();
  }

  onRequestSent(): void {
    this.sentAt = performance.now();
    this.#resolveSent();
    if (this.#streamed && !this.#headSeen && this.#failure === undefined) this.#armHead();
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    this.#complete();
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
    const head = readHead(status, statusText, controller.rawHeaders);
    if (head === undefined) {
      this.#fail('invalid');
      return;
    }
    this.#headSeen = true;
    this.#disarmPhase();
    this.#resolveHead(head);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failure === undefined) this.content.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#failure !== undefined) return;
    if (this.#isBreaking()) {
      this.#settle(new OriginFailure('reset', true));
      return;
    }
    this.#complete();
    this.content.finish('complete');
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#settle(failureOf(error, this.sentAt !== undefined));
  }

  #cancelBy(signal: AbortSignal): void {
    const cancel = () => this.cancel();
    if (signal.aborted) {
      cancel();
      return;
    }
    signal.addEventListener('abort', cancel, { once: true });
    this.ended.then(() => signal.removeEventListener('abort', cancel));
  }

  #complete(): void {
    clearTimeout(this.#timer);
    this.#resolveSent();
    this.#end('complete');
  }

  #fail(kind: FailureKind): void {
    const failure = new OriginFailure(kind, this.sentAt !== undefined);
    this.#settle(failure);
    this.#controller?.abort(failure);
  }

  #settle(failure: OriginFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    clearTimeout(this.#timer);
    this.#rejectHead(failure);
    this.content.finish('cut');
    this.#resolveSent();
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
