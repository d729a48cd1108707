// Sends the client's request on: a write, whose fate settles the lease, or a read, which ends with the client.
import type { CancelSignal } from '../cancel-signal.ts';
import { type ErrorCode, GatewayError, PROBLEMS } from '../errors.ts';
import type { Fate } from '../lock/lock.ts';
import { fieldValue, fieldValues } from '../semantics/fields.ts';
import type { OriginClient, SendOptions } from './client.ts';
import { MAX_DISCARD, type OriginContent } from './content.ts';
import type { OriginExchange, OriginRequest, Upgraded } from './exchange.ts';
import { failureOf, OriginFailure } from './failure.ts';
import type { OriginHead } from './head.ts';
import { notSent } from './unsent.ts';

/** The origin's answer on its way to the client. */
export interface OriginAnswer extends OriginHead {
  readonly content: OriginContent;
  /** Nobody wants the content: the client has gone, or another answer takes its place. */
  abandon(): void;
}

export interface ForwardSettings {
  /** Milliseconds, as configured. */
  readonly timeouts: {
    readonly connect: number;
    readonly read: number;
    readonly write: number;
    readonly uncertainty: number;
  };
  readonly release: 'end' | 'headers';
}

/** Bytes of a write's answer that are taken off the origin's hands however slowly the client reads. */
const WRITE_LEAD = 1024 * 1024;
/** A write's answer that dribbles holds the lock no longer than this after its head. Milliseconds. */
const MAX_AFTER_HEAD = 5_000;
/** For how long an unwanted answer is read, ms: a stream of events has no end, and no deadline runs behind a read's head. */
const MAX_DISCARD_TIME = 1_000;

const KNOWN: Fate = { kind: 'known' };

/**
 * Forwards a write. The answer or the error is for the client; `settled` is for the lease and follows the origin's side
 * only. `refuseStart` is asked as the first byte leaves. Never repeats, never rejects.
 */
export async function forwardWrite(
  origin: OriginClient,
  request: OriginRequest,
  settings: ForwardSettings,
  refuseStart: () => GatewayError | undefined,
): Promise<{ answer: OriginAnswer | GatewayError; settled: Promise<Fate> }> {
  const { connect, write } = settings.timeouts;
  const { exchange, freeSlot } = origin.send(request, {
    lane: 'write',
    deadlines: { start: connect, head: write },
    lead: WRITE_LEAD,
    refuseStart,
  });
  try {
    const head = await exchange.head;
    const answer = answerOf(head, exchange, () => {
      exchange.discard(Number.POSITIVE_INFINITY);
      settled.then(() => exchange.cancel());
    });
    const settled = settle(exchange, head, settings);
    // what is left of the answer is a download, and its reader may take his time: no reason to keep other writes out
    settled.then(freeSlot);
    return { answer, settled };
  } catch (error) {
    const failure = failureOf(error);
    return {
      answer: writeError(failure),
      settled: Promise.resolve(failure.sent ? unknownFate(exchange, settings) : KNOWN),
    };
  }
}

/** The error for the client of a write that a gateway behind us gave up on; undefined where the origin's answer counts. */
export function gatewayGaveUp(head: OriginHead): GatewayError | undefined {
  const { status } = head;
  if (!leavesFateUnknown(head)) return undefined;
  const code = status === 504 ? 'write-timeout' : 'write-unknown';
  return unknownOutcome(code, `The origin answered ${status}`, `origin answered ${status}`);
}

/**
 * Whether the answer is that of a gateway that gave up: what it forwarded to may still be at work. Varnish says 503 of an
 * origin that is too slow, too; Via tells it from an origin that is too busy.
 */
function leavesFateUnknown({ status, fields }: OriginHead): boolean {
  return status === 502 || status === 504 || (status === 503 && fieldValue(fields, 'via') !== undefined);
}

/** A read is for its client alone: it ends when the client goes. */
function readOptions({ timeouts }: ForwardSettings, clientGone: CancelSignal): SendOptions {
  const deadlines = { start: timeouts.connect, head: timeouts.read };
  return { lane: 'open', deadlines, lead: 0, cancelBy: clientGone };
}

/** Forwards a safe request. Rejects with GatewayError when there is no answer. */
export async function forwardRead(
  origin: OriginClient,
  request: OriginRequest,
  settings: ForwardSettings,
  clientGone: CancelSignal,
): Promise<OriginAnswer> {
  const { exchange } = origin.send(request, readOptions(settings, clientGone));
  try {
    const head = await exchange.head;
    return answerOf(head, exchange, () => exchange.discard(MAX_DISCARD, MAX_DISCARD_TIME));
  } catch (error) {
    throw readError(failureOf(error));
  }
}

/** Asks the origin to change the protocol. Its answer when it does not agree; rejects with GatewayError. */
export async function forwardUpgrade(
  origin: OriginClient,
  request: OriginRequest & { readonly upgrade: string },
  settings: ForwardSettings,
  clientGone: CancelSignal,
): Promise<OriginAnswer | Upgraded> {
  const { exchange } = origin.send(request, readOptions(settings, clientGone));
  const upgraded = new Promise<Upgraded>((resolve) => {
    exchange.onUpgraded = resolve;
  });
  try {
    const answer = await Promise.race([exchange.head, upgraded]);
    if ('socket' in answer) return checkUpgraded(answer, request.upgrade);
    return answerOf(answer, exchange, () => exchange.cancel());
  } catch (error) {
    throw readError(failureOf(error));
  }
}

/**
 * Every answer is of one shape, whatever else was read of its head. Throws OriginFailure where it has broken off in the
 * moment in which its head came: nothing of it has gone to the client, who is better told what happened than cut off.
 */
export function answerOf(
  { status, statusText, fields }: OriginHead,
  { content, ending }: OriginExchange,
  abandon: () => void,
): OriginAnswer {
  if (ending instanceof OriginFailure) throw ending;
  return { status, statusText, fields, content, abandon };
}

/** What the client did not ask for is no tunnel: it would go around the guard (RFC 9110 7.8). */
function checkUpgraded(upgraded: Upgraded, protocol: string): Upgraded {
  const { fields, socket } = upgraded;
  if (fieldValues(fields, 'upgrade').join().toLowerCase() === protocol) return upgraded;
  socket.destroy();
  throw new OriginFailure('invalid', true);
}

/** The moment and the fate. Mostly the whole answer came in one piece, and all is over already. */
function settle(exchange: OriginExchange, head: OriginHead, settings: ForwardSettings): Promise<Fate> {
  if (leavesFateUnknown(head)) return Promise.resolve(unknownFate(exchange, settings));
  if (exchange.ending === 'complete') return Promise.resolve(KNOWN);
  return settleLater(exchange, settings);
}

async function settleLater(exchange: OriginExchange, settings: ForwardSettings): Promise<Fate> {
  // an answer that comes before the content has gone out says nothing of what the origin still receives
  await exchange.requestSent;
  if (settings.release === 'headers') return KNOWN;
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), MAX_AFTER_HEAD);
  const ending = await Promise.race([exchange.ended, late.promise]);
  clearTimeout(timer);
  return ending instanceof OriginFailure ? unknownFate(exchange, settings) : KNOWN;
}

/** Until the origin can no longer be applying it: max(U, sentAt + W + U - now), with W and U the timeouts `write` and `uncertainty`. */
function unknownFate(exchange: OriginExchange, settings: ForwardSettings): Fate {
  const { write, uncertainty } = settings.timeouts;
  const sentAt = exchange.sentAt ?? performance.now();
  const rest = sentAt + write + uncertainty - performance.now();
  return { kind: 'unknown', quarantineMs: Math.max(uncertainty, rest) };
}

/** The error for the client of a write: what is unknown is called so. */
export function writeError(failure: OriginFailure): GatewayError {
  const { cause } = failure;
  if (cause instanceof GatewayError && !(failure.sent && PROBLEMS[cause.code].fault === 'client'))
    return cause;
  if (!failure.sent) return notSent(failure);
  // a 4xx would say that it was not applied
  if (failure.kind === 'content')
    return unknownOutcome('write-unknown', 'The content broke off on its way to the origin', failure);
  const code = failure.kind === 'timeout' ? 'write-timeout' : 'write-unknown';
  return unknownOutcome(code, 'The origin gave no valid answer to the write', failure);
}

/** The origin did not take content of which a part has been sent. */
export function notTaken(): GatewayError {
  return unknownOutcome('write-timeout', 'The origin did not take the content in time');
}

function unknownOutcome(code: ErrorCode, what: string, cause?: OriginFailure | string): GatewayError {
  const detail = `${what}: it is unknown whether it was applied. GET the resource before you decide whether to repeat it.`;
  return new GatewayError(code, detail, { cause });
}

/** The error for the client of a request that changes nothing. */
export function readError(failure: OriginFailure): GatewayError {
  if (failure.cause instanceof GatewayError) return failure.cause;
  const cause = { cause: failure };
  if (failure.kind === 'cancelled') return new GatewayError('client-gone', 'Nobody waits for it.', cause);
  if (!failure.sent) return notSent(failure);
  if (failure.kind === 'timeout') {
    const detail = 'The origin did not answer in time; repeat the request later.';
    return new GatewayError('origin-timeout', detail, cause);
  }
  return new GatewayError(
    'origin-invalid',
    'The origin gave no valid answer; repeat the request later.',
    cause,
  );
}
