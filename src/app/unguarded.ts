// Unguarded traffic (mode off, OPTIONS, safe methods without a condition) goes through reply-from, on our own exchange.
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import replyFrom, { type FastifyReplyFromOptions } from '@fastify/reply-from';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { CancelSignal } from '../cancel-signal.ts';
import type { GatewayError } from '../errors.ts';
import { refuseGone } from '../guard/perform.ts';
import type { OriginClient } from '../origin/client.ts';
import type { Content, OriginExchange } from '../origin/exchange.ts';
import { failureOf } from '../origin/failure.ts';
import { returnedFields } from '../origin/fields.ts';
import { readError, refuseBroken, writeError } from '../origin/forward.ts';
import type { OriginHead } from '../origin/head.ts';
import { isSafe } from '../semantics/method.ts';
import { cut, endWithConnection, sendHead } from './send.ts';

/** The request as it is to be sent, byte for byte. */
export interface UnguardedRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly content: Content;
  /** Bytes of a stream; undefined: it goes out in chunks. */
  readonly length: number | undefined;
  readonly clientGone: CancelSignal;
  /** The fields for the client, from those of the origin that may be returned. */
  readonly answered: (fields: string[]) => readonly string[];
}

export interface Timeouts {
  readonly connect: number;
  readonly read: number;
}

/** Carries the request through reply-from, which would normalise the target and fold repeated lines. */
class Carried {
  readonly request: UnguardedRequest;
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

/** Forwards without looking at conditions. The answer, or one call of `failed`, ends the request. */
export function forwardUnguarded(
  reply: FastifyReply,
  request: UnguardedRequest,
  failed: (error: GatewayError) => void,
): void {
  reply.from('/', {
    retryDelay: () => null,
    rewriteRequestHeaders: () => ({ [CARRIED]: new Carried(request) }) as IncomingHttpHeaders,
    onResponse: (_request, answering, { stream }) => {
      const { raw: message } = reply.request;
      if (!reply.hasHeader('content-length')) endWithConnection(message, reply.raw);
      stream.once('error', (error) => {
        if (reply.raw.destroyed) return; // the client has gone
        cut(message, reply.raw);
        failed(readError(failureOf(error)));
      });
      answering.send(stream);
      sendHead(reply.raw); // Fastify waits with it for content
    },
    onError: (_reply, { error }) => {
      const failure = failureOf(error.cause);
      failed(isSafe(request.method) ? readError(failure) : writeError(failure));
    },
  });
}

function carriedBy(headers: unknown): UnguardedRequest {
  if (typeof headers === 'object' && headers !== null && CARRIED in headers) {
    const carried = headers[CARRIED];
    if (carried instanceof Carried) return carried.request;
  }
  throw new Error('a request came around forwardUnguarded');
}

async function exchangeFor(request: UnguardedRequest, origin: OriginClient, timeouts: Timeouts) {
  const { method, target, fields, content, length, clientGone } = request;
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
  refuseBroken(exchange);
  return { statusCode: head.status, headers: headersOf(request, head), body: readableOf(exchange) };
}

function headersOf(request: UnguardedRequest, { status, fields }: OriginHead): IncomingHttpHeaders {
  const returned = request.answered(returnedFields(status, fields));
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i + 1 < returned.length; i += 2) {
    const name = (returned[i] ?? '').toLowerCase();
    const value = returned[i + 1] ?? '';
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

/** The content as the stream that reply-from passes to Fastify; what breaks off is an error, never an end. */
function readableOf(exchange: OriginExchange): Readable {
  const { content } = exchange;
  const stream = new Readable({
    read: () => content.drained(),
    destroy(error, done) {
      exchange.cancel();
      done(error);
    },
  });
  content.attach({
    write: (chunk) => stream.push(chunk),
    end: () => stream.push(null),
    cut: (failure) => void stream.destroy(failure),
  });
  return stream;
}
