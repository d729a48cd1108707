// Asks the origin for the current validators of a target: HEAD, or GET where HEAD does not tell.
import type { CancelSignal } from '../cancel-signal.ts';
import { GatewayError } from '../errors.ts';
import type { EntityTag, TagCondition } from '../semantics/entity-tag.ts';
import { type FieldLines, fieldValue } from '../semantics/fields.ts';
import type { Preconditions } from '../semantics/preconditions.ts';
import { type Representation, readValidators, type Validators } from '../semantics/representation.ts';
import type { OriginClient } from './client.ts';
import { MAX_DISCARD } from './content.ts';
import { failureOf, OriginFailure } from './failure.ts';
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

export interface ProbeRequest {
  readonly target: string;
  /** Already made for a probe (origin/fields.ts). */
  readonly fields: readonly string[];
  readonly preconditions: Preconditions;
  /** The route: `auto` falls back to GET, and remembers under `memoryKey` where only GET tells. */
  readonly method: 'auto' | 'head' | 'get';
  readonly memoryKey: string;
  /** Longest wait for a connection, milliseconds; the origin's own time begins behind it. */
  readonly startMs: number;
  readonly clientGone: CancelSignal;
}

export interface ProbeSettings {
  /** Of each answer, from the first byte of its request to its end. */
  readonly timeoutMs: number;
  /** Routes on which only GET tells; kept by the caller for the life of a configuration. */
  readonly memory: Set<string>;
  readonly now: () => number;
}

/** Of no use to a client: it must come with Upgrade (RFC 9110 15.5.22), a field of the connection between the origin and us. */
const OF_THE_HOP = 426;

/** Milliseconds by which Age may be beyond the truth: it may be the difference of two clocks in whole seconds. */
const AGE_ERROR = 1_000;

/** Never rejects: what cannot be decided is a state of its own. */
export async function probe(
  origin: OriginClient,
  request: ProbeRequest,
  settings: ProbeSettings,
): Promise<ProbeResult> {
  const getFirst =
    request.method === 'get' || (request.method === 'auto' && settings.memory.has(request.memoryKey));
  const asked = performance.now();
  const firstMethod = getFirst ? 'GET' : 'HEAD';
  const first = await ask(origin, firstMethod, request, settings);
  const byFirst = read(firstMethod, first, settings, asked);
  if (getFirst || request.method === 'head' || !mayTellMore(first, byFirst, request.preconditions))
    return byFirst;
  const second = await ask(origin, 'GET', request, settings);
  const byGet = read('GET', second, settings, asked);
  if (byGet.representation.state === 'current') {
    const { validators } = byGet.representation;
    // not behind a 404: it may have been created since, and the next HEAD tells again
    const isLearned = isRefusedHead(first) || !leavesOpen(validators, request.preconditions);
    if (isLearned && byFirst.representation.state !== 'absent') settings.memory.add(request.memoryKey);
  }
  return byGet;
}

/** Never rejects. */
function ask(
  origin: OriginClient,
  method: 'HEAD' | 'GET',
  request: ProbeRequest,
  settings: ProbeSettings,
): Promise<OriginHead | OriginFailure> {
  const { exchange } = origin.send(
    { method, target: request.target, fields: request.fields },
    {
      lane: 'probe',
      deadlines: { start: request.startMs, total: settings.timeoutMs },
      lead: MAX_DISCARD,
      cancelBy: request.clientGone,
    },
  );
  return exchange.head.then((head) => {
    exchange.discard(MAX_DISCARD);
    return head;
  }, failureOf);
}

function isRefusedHead(answer: OriginHead | OriginFailure): boolean {
  return !(answer instanceof OriginFailure) && (answer.status === 405 || answer.status === 501);
}

/**
 * Whether GET may show what HEAD did not. A 404 may be about the method alone: where a server has no route for HEAD, it is what
 * HEAD gets of everything, and a creation (If-None-Match: *) would overwrite what is there.
 */
function mayTellMore(
  answer: OriginHead | OriginFailure,
  { representation }: ProbeResult,
  preconditions: Preconditions,
): boolean {
  if (isRefusedHead(answer) || representation.state === 'absent') return true;
  return representation.state === 'current' && leavesOpen(representation.validators, preconditions);
}

function leavesOpen(validators: Validators, preconditions: Preconditions): boolean {
  return lacks(validators, preconditions) || isExtended(validators, preconditions);
}

/**
 * Whether a condition has the tag and more behind it: compression on the way appends `-gzip` to what has content, which the
 * answer to HEAD has not (Apache's mod_deflate in front of PHP). The same tag shows that it did not.
 */
function isExtended({ entityTag }: Validators, { ifMatch, ifNoneMatch }: Preconditions): boolean {
  if (entityTag === undefined || entityTag === 'unusable') return false;
  const { opaqueTag } = entityTag;
  const sent = [...tagsOf(ifMatch), ...tagsOf(ifNoneMatch)].map((tag) => tag.opaqueTag);
  return !sent.includes(opaqueTag) && sent.some((tag) => tag.startsWith(opaqueTag));
}

function tagsOf(condition: TagCondition | 'unusable' | undefined): readonly EntityTag[] {
  return condition === undefined || condition === '*' || condition === 'unusable' ? [] : condition;
}

/**
 * HEAD may leave out what GET has (RFC 9110 9.3.2): is a validator missing that a condition is about? If-Match shadows
 * If-Unmodified-Since (13.1.4); If-None-Match does not. `*` is about none; but a 2xx without any may be what a server says to
 * every HEAD, of what is not there too.
 */
function lacks(validators: Validators, preconditions: Preconditions): boolean {
  const { ifMatch, ifNoneMatch, ifUnmodifiedSince } = preconditions;
  const lacksTag = validators.entityTag === undefined;
  if (lacksTag && (Array.isArray(ifMatch) || Array.isArray(ifNoneMatch))) return true;
  const asksDate = ifMatch === undefined && typeof ifUnmodifiedSince === 'number';
  const asksAny = ifMatch === '*' || ifNoneMatch === '*';
  return (asksDate || (asksAny && lacksTag)) && validators.lastModified === undefined;
}

function read(
  method: 'HEAD' | 'GET',
  answer: OriginHead | OriginFailure,
  settings: ProbeSettings,
  asked: number,
): ProbeResult {
  if (answer instanceof OriginFailure) return unknown([], failed(answer));
  const { status, fields } = answer;
  const isAbsent = status === 404 || status === 410;
  if (isAbsent || (status >= 200 && status < 300)) {
    const age = Number.parseInt(fieldValue(fields, 'age') ?? '', 10);
    if (age * 1_000 > performance.now() - asked + AGE_ERROR) return unknown(fields, fromCache(age));
    if (isAbsent) return { representation: { state: 'absent' }, fields };
    return {
      representation: { state: 'current', validators: readValidators(fields, settings.now()) },
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

function serverError(method: 'HEAD' | 'GET', status: number, fields: FieldLines): GatewayError {
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
function answered(method: 'HEAD' | 'GET', status: number): { readonly cause: string } {
  return { cause: `origin answered ${status} to ${method}` };
}
