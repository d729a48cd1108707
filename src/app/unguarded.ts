// Unguarded traffic (mode off, OPTIONS, safe methods without a condition) goes through reply-from, on our own exchange.
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import replyFrom, { type FastifyReplyFromOptions } from '@fastify/reply-from';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { CancelSignal } from '../cancel-signal.ts';
import type { PassedAnswer } from '../guard/exchange.ts';
import { passed, refuseGone } from '../guard/perform.ts';
import type { OriginClient } from '../origin/client.ts';
import type { Content } from '../origin/exchange.ts';
import { failureOf } from '../origin/failure.ts';
import { answerOf, readError, writeError } from '../origin/forward.ts';
import { isSafe } from '../semantics/method.ts';

/** The request as it is to be sent, byte for byte. */
export interface UnguardedRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly content: Content;
  /** Bytes of a stream; undefined: it goes out in chunks. */
  readonly length: number | undefined;
  readonly clientGone: CancelSignal;
}

export interface Timeouts {
  readonly connect: number;
  readonly read: number;
}

/** Carries request and answer through reply-from, which would normalise the target and fold repeated lines. */
class Carried {
  readonly request: UnguardedRequest;
  answer: PassedAnswer | undefined;
  constructor(request: UnguardedRequest) {
    this.request = request;
  }
}
const CARRIED = Symbol('request');

type Requestable = Extract<NonNullable<FastifyReplyFromOptions['undici']>, { request: unknown }>;
type Respond = (
  error: unknown,
  answer?: { statusCode: number; headers: IncomingHttpHeaders; body: Readable },
) => void;

/**
 * Registers reply-from with an exchange of ours in place of its own client, whose defaults retry, leak and verify no
 * certificate: the same deadlines, slots and checks as for guarded traffic.
 */
export function registerUnguarded(app: FastifyInstance, origin: OriginClient, timeouts: Timeouts): void {
  const request = (options: { headers?: unknown }, respond: Respond): void => {
    exchangeFor(carriedBy(options.headers), origin, timeouts).then(
      (answer) => respond(null, answer),
      (error: unknown) => respond(error),
    );
  };
  app.register(replyFrom, {
    base: 'http://origin.invalid', // never looked up: the request that is carried says where it goes
    // typed as undici 7's overloaded request(), of which reply-from uses no more than this
    undici: { request } as unknown as Requestable,
    retryMethods: [],
    disableCache: true,
    disableRequestLogging: true,
  });
}

/** Forwards without looking at conditions. One call of `answered` or of `failed` says how that ended. */
export function forwardUnguarded(
  reply: FastifyReply,
  request: UnguardedRequest,
  answered: (answer: PassedAnswer) => void,
  failed: (error: unknown) => void,
): void {
  const carried = new Carried(request);
  reply.from('/', {
    retryDelay: () => null,
    rewriteRequestHeaders: () => ({ [CARRIED]: carried }) as IncomingHttpHeaders,
    onResponse: () => {
      if (carried.answer === undefined) failed(new Error('an answer without an exchange'));
      else answered(carried.answer);
    },
    onError: (_reply, { error }) => {
      const failure = failureOf(error.cause);
      failed(isSafe(request.method) ? readError(failure) : writeError(failure));
    },
  });
}

function carriedBy(headers: unknown): Carried {
  if (typeof headers === 'object' && headers !== null && CARRIED in headers) {
    const carried = headers[CARRIED];
    if (carried instanceof Carried) return carried;
  }
  throw new Error('a request came around forwardUnguarded');
}

async function exchangeFor(carried: Carried, origin: OriginClient, timeouts: Timeouts) {
  const { method, target, fields, content, length, clientGone } = carried.request;
  const { exchange } = origin.send(
    { method, target, fields, content, length },
    {
      lane: 'open',
      deadlines: { start: timeouts.connect, head: timeouts.read },
      lead: 0,
      // a read that nobody waits for is given up; a write that was sent is not
      ...(isSafe(method) ? { cancelBy: clientGone } : { refuseStart: () => refuseGone(clientGone) }),
    },
  );
  const head = await exchange.head;
  const abandon = () => exchange.cancel();
  carried.answer = passed(answerOf(head, exchange, abandon));
  return { statusCode: head.status, headers: {}, body: new Unread(abandon) };
}

/** Stands for content that goes its own way: reply-from destroys it when the client has gone. */
class Unread extends Readable {
  constructor(abandon: () => void) {
    super({
      read: () => {},
      destroy: (error, done) => {
        abandon();
        done(error);
      },
    });
  }
}
