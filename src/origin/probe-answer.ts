// What the answer to a probe says: the current validators, that nothing is there, or why that cannot be told.
import { GatewayError } from '../errors.ts';
import { type FieldLines, fieldValue } from '../semantics/fields.ts';
import { type Representation, readValidators } from '../semantics/representation.ts';
import { OriginFailure } from './failure.ts';
import type { OriginHead } from './head.ts';
import { notSent } from './unsent.ts';

/** What a probe found out. */
export interface ProbeResult {
  readonly representation: Representation;
  /** The answer's fields, for CORS, validators and what an undecided probe tells the client. */
  readonly fields: FieldLines;
  /** Why the state is unknown: what the client is told, and the origin's status where it is for the client. */
  readonly refusal?: { readonly error: GatewayError; readonly status?: number };
}

/** One question, and what came of it. */
export interface ProbeAnswer {
  readonly method: 'HEAD' | 'GET';
  /** Milliseconds on the monotonic clock; undefined: it has not left. */
  readonly sentAt: number | undefined;
  readonly answer: OriginHead | OriginFailure;
}

/** Of no use to a client: it must come with Upgrade (RFC 9110 15.5.22), a field of the connection between the origin and us. */
const OF_THE_HOP = 426;

/** Milliseconds by which Age may be beyond the truth: it may be the difference of two clocks in whole seconds. */
const AGE_ERROR = 1_000;

/** What an answer says of the current state; `now` places two-digit years. */
export function readProbe({ method, sentAt, answer }: ProbeAnswer, now: number): ProbeResult {
  if (answer instanceof OriginFailure) return unknown([], failed(answer));
  const { status, fields } = answer;
  const isAbsent = status === 404 || status === 410;
  if (isAbsent || (status >= 200 && status < 300)) {
    const stored = storedFor(fields, sentAt);
    if (stored !== undefined) return unknown(fields, fromCache(stored));
    if (isAbsent) return { representation: { state: 'absent' }, fields };
    return {
      representation: { state: 'current', validators: readValidators(fields, now) },
      fields,
    };
  }
  if (status >= 300 && status < 500 && status !== 304) {
    const detail =
      `The origin answered ${status} when it was asked for the current state, so the condition was not evaluated ` +
      'and nothing was written.';
    const passes = status === OF_THE_HOP ? undefined : status;
    return unknown(fields, new GatewayError('probe-undecided', detail, answered(method, status)), passes);
  }
  return unknown(fields, serverError(method, status, fields));
}

/** For how many seconds a cache had kept the answer: Age says more than it took. Undefined: the origin has answered, for all one sees. */
function storedFor(fields: FieldLines, sentAt = performance.now()): number | undefined {
  const age = fieldValue(fields, 'age');
  if (age === undefined) return undefined;
  const seconds = Number.parseInt(age, 10);
  return seconds * 1_000 > performance.now() - sentAt + AGE_ERROR ? seconds : undefined;
}

function unknown(fields: FieldLines, error: GatewayError, status?: number): ProbeResult {
  const representation: Representation = { state: 'unknown', reason: error.code };
  return { representation, fields, refusal: status === undefined ? { error } : { error, status } };
}

const NOTHING_WRITTEN = 'Nothing was written; repeat the request later.';

function failed(failure: OriginFailure): GatewayError {
  if (!failure.sent) return notSent(failure);
  const cause = { cause: failure };
  if (failure.kind === 'cancelled') return new GatewayError('client-gone', 'Nothing was written.', cause);
  if (failure.kind === 'timeout') {
    return new GatewayError(
      'probe-timeout',
      `The origin did not show its current state in time. ${NOTHING_WRITTEN}`,
      cause,
    );
  }
  const detail = `The origin gave no valid answer when it was asked for its current state. ${NOTHING_WRITTEN}`;
  return new GatewayError('probe-error', detail, cause);
}

/** Although it was asked not to (Cache-Control: no-cache). Somebody may have written since. */
function fromCache(age: number): GatewayError {
  const detail = `A cache answered instead of the origin when it was asked for its current state. ${NOTHING_WRITTEN}`;
  return new GatewayError('probe-error', detail, { cause: `a cache answered, from ${age} s before` });
}

function serverError(method: ProbeAnswer['method'], status: number, fields: FieldLines): GatewayError {
  const detail = `The origin answered ${status} when it was asked for its current state. ${NOTHING_WRITTEN}`;
  if (status === 504) return new GatewayError('probe-timeout', detail, answered(method, status));
  if (status !== 503) return new GatewayError('probe-error', detail, answered(method, status));
  const seconds = Number(fieldValue(fields, 'retry-after'));
  return new GatewayError('probe-unavailable', detail, {
    ...answered(method, status),
    retryAfter: Number.isSafeInteger(seconds) && seconds > 0 ? seconds : 5,
  });
}

/**
 * For the log: of our own statuses one stands for many of the origin's, and for none at all. The method is not the client's,
 * and what the origin does wrong with it may be no fault of what it does with that.
 */
function answered(method: ProbeAnswer['method'], status: number): { readonly cause: string } {
  return { cause: `origin answered ${status} to ${method}` };
}
