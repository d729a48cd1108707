// One connection to the origin: one exchange at a time is written to it, and read from it to the end of its answer.
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { AnswerFault, AnswerParser } from './answer-parser.ts';
import type { Opened } from './connector.ts';
import { Deadline } from './deadline.ts';
import type { OriginExchange, OriginRequest } from './exchange.ts';
import { type FailureKind, isTimeout } from './failure.ts';
import { idleTime } from './idle-time.ts';
import type { Keeper } from './keeper.ts';
import { requestHead } from './request-head.ts';
import { brokenOff, sendContent, sendWhole } from './send-content.ts';

/**
 * What is read while no exchange is at work ends the connection: it would be taken for the next answer. So does everything
 * that makes the place uncertain where the next answer begins.
 */
export class OriginConnection {
  /** Since when it is free, while it is so, and after when it must not be used any more: milliseconds on the monotonic clock. */
  idleSince = performance.now();
  idleUntil = this.idleSince + idleTime();
  /** Of the exchange at work, which sets it. */
  readonly deadline = new Deadline(() => this.#exchange?.timedOut());
  readonly #socket: Socket;
  readonly #cut: () => void;
  readonly #keeper: Keeper;
  readonly #parser: AnswerParser;
  #exchange: OriginExchange | undefined;
  /** Stops the content that is still being sent. */
  #stopContent: (() => void) | undefined;
  /** The whole answer is there, before all content was sent; and these bytes behind it. */
  #early: Buffer | undefined;
  #last = false;
  /** A HEAD on a kept connection, as long as nothing of its answer has come: the origin may have just ended it. */
  #repeatable: OriginRequest | undefined;
  /** The request before was a HEAD. */
  #afterHead = false;
  #isHead = false;
  #hasServed = false;
  #open = true;

  constructor({ socket, cut }: Opened, keeper: Keeper) {
    this.#socket = socket;
    this.#cut = cut;
    this.#keeper = keeper;
    this.#parser = new AnswerParser({
      head: (head) => {
        // who answers before all content is there may leave the rest of it unread, to be taken for a request
        if (this.#stopContent !== undefined) this.#last = true;
        this.#exchange?.answered(head);
      },
      content: (chunk) => this.#exchange?.received(chunk),
    });
    socket.on('data', this.#onData).on('end', this.#onEnd);
    socket.on('error', this.#onError).on('close', this.#onClose);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /**
   * Writes the request, unless the exchange calls it off: then nothing has left, and the connection is free again. `last`:
   * it is not to be used again behind the answer.
   */
  carry(request: OriginRequest, exchange: OriginExchange, last: boolean): void {
    const head = this.#begin(request, exchange, last);
    if (head === undefined) {
      this.#keeper.free(this);
      return;
    }
    // undici does not use a connection again on which another protocol was asked for, either
    this.#last = last || request.upgrade !== undefined;
    this.#afterHead = this.#isHead;
    this.#isHead = request.method === 'HEAD';
    this.#repeatable = this.#isHead && this.#hasServed ? request : undefined;
    this.#exchange = exchange;
    this.#parser.expect(request.method, request.upgrade !== undefined);
    this.#write(request, head, exchange);
    if (this.#stopContent === undefined) exchange.requestLeft();
  }

  /** Ends it at once; the exchange at work, which asked for it or is none, hears no more of it. */
  abort(): void {
    const isOver = this.#exchange === undefined;
    this.#exchange = undefined;
    this.#stopContent?.();
    this.#stopContent = undefined;
    // of a request that was given up nothing may arrive later: the next writer does not wait for it
    if (isOver) this.#socket.destroy();
    else this.#cut();
    this.#leave();
  }

  /** The same, but the exchange at work is told. */
  destroy(): void {
    this.#fail('reset', new Error('the gateway has ended the connection'));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The head to write; undefined when the exchange is over, or is not to begin. */
  #begin(request: OriginRequest, exchange: OriginExchange, last: boolean): string | undefined {
    const { content } = request;
    if (content instanceof Readable && content.destroyed) {
      exchange.broke('content', brokenOff(content));
      return undefined;
    }
    try {
      const head = requestHead(request, last);
      return exchange.start(this) ? head : undefined;
    } catch (error) {
      exchange.broke('cancelled', error);
      return undefined;
    }
  }

  #write(request: OriginRequest, head: string, exchange: OriginExchange): void {
    const { content = [] } = request;
    if (!(content instanceof Readable)) {
      sendWhole(content, head, this.#socket);
      return;
    }
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    this.#stream(request, content, exchange);
    this.#socket.uncork();
  }

  #stream({ length }: OriginRequest, content: Readable, exchange: OriginExchange): void {
    this.#stopContent = sendContent(content, this.#socket, length, {
      sent: () => exchange.contentLeft(),
      ended: () => {
        this.#stopContent = undefined;
        exchange.requestLeft();
        if (this.#early !== undefined) this.#complete(this.#early);
      },
      broke: (cause) => {
        this.#stopContent = undefined;
        this.#fail('content', cause);
      },
    });
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#exchange === undefined) {
      this.#keeper.stray(this.#isHead);
      this.abort();
      return;
    }
    this.#repeatable = undefined;
    let rest: Buffer | undefined;
    try {
      rest = this.#parser.take(bytes);
    } catch (error) {
      // content of the answer to a HEAD, which came too late to be seen there
      if (error instanceof AnswerFault && error.foreign && this.#afterHead) this.#keeper.stray(true);
      this.#fail('invalid', error);
      return;
    }
    if (rest !== undefined) this.#complete(rest);
  };

  /** An answer that comes before all content has left, and does not refuse it, says nothing of what is still to come. */
  get #isOpenEnded(): boolean {
    return this.#stopContent !== undefined && (this.#parser.head?.status ?? 0) < 400;
  }

  #complete(rest: Buffer): void {
    const exchange = this.#exchange;
    const { head } = this.#parser;
    // it may have been given up while it was read
    if (exchange === undefined || head === undefined) return;
    if (this.#isOpenEnded) {
      this.#early = rest;
      return;
    }
    this.#exchange = undefined;
    if (head.status === 101) {
      this.#handOver(rest);
      exchange.upgraded({ status: head.status, fields: head.fields, socket: this.#socket });
      return;
    }
    if (rest.length > 0) this.#keeper.stray(this.#isHead);
    const idle = idleTime(head.keepAlive);
    const serves = head.persists && !this.#last && this.#stopContent === undefined && rest.length === 0;
    if (serves && idle > 0 && this.#open) {
      this.idleSince = performance.now();
      this.idleUntil = this.idleSince + idle;
      this.#hasServed = true;
      this.#socket.resume();
      this.#keeper.free(this);
    } else {
      this.abort();
    }
    exchange.completed();
  }

  /** The socket is the caller's from now on. */
  #handOver(rest: Buffer): void {
    const socket = this.#socket;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    this.#leave();
  }

  readonly #onEnd = (): void => {
    const exchange = this.#exchange;
    if (exchange !== undefined && this.#parser.endsHere() && !this.#isOpenEnded) {
      this.#exchange = undefined;
      this.abort();
      exchange.completed();
    } else {
      this.#fail('reset', new Error('the origin has ended the connection'));
    }
  };

  readonly #onError = (error: Error): void => this.#fail(isTimeout(error) ? 'timeout' : 'reset', error);

  readonly #onClose = (): void => {
    if (this.#open) this.#fail('reset', new Error('the connection is closed'));
  };

  #fail(kind: FailureKind, cause: unknown): void {
    const [exchange, repeatable] = [this.#exchange, this.#repeatable];
    this.abort();
    if (exchange === undefined) return;
    // once: the new connection has served nothing before
    if (kind === 'reset' && repeatable !== undefined)
      this.#keeper.carryAnew(repeatable, exchange, this.#last);
    else exchange.broke(kind, cause);
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.deadline.stop();
    this.#keeper.gone(this);
  }
}
