// Asks the origin for the current validators of a target: HEAD, or GET where HEAD does not tell.
import type { CancelSignal } from '../cancel-signal.ts';
import type { EntityTag, TagCondition } from '../semantics/entity-tag.ts';
import type { Preconditions } from '../semantics/preconditions.ts';
import type { Validators } from '../semantics/representation.ts';
import type { OriginClient } from './client.ts';
import { MAX_DISCARD } from './content.ts';
import { failureOf, OriginFailure } from './failure.ts';
import { type ProbeAnswer, type ProbeResult, readProbe } from './probe-answer.ts';

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

/** Never rejects: what cannot be decided is a state of its own. */
export async function probe(
  origin: OriginClient,
  request: ProbeRequest,
  settings: ProbeSettings,
): Promise<ProbeResult> {
  const getFirst =
    request.method === 'get' || (request.method === 'auto' && settings.memory.has(request.memoryKey));
  const first = await ask(origin, getFirst ? 'GET' : 'HEAD', request, settings);
  const byFirst = readProbe(first, settings.now());
  if (getFirst || request.method === 'head' || !mayTellMore(first, byFirst, request.preconditions))
    return byFirst;
  const second = await ask(origin, 'GET', request, settings);
  const byGet = readProbe(second, settings.now());
  if (byGet.representation.state === 'current') {
    const { validators } = byGet.representation;
    // not behind a 404: it may have been created since, and the next HEAD tells again
    const isLearned = isRefusedHead(first) || !leavesOpen(validators, request.preconditions);
    if (isLearned && byFirst.representation.state !== 'absent') settings.memory.add(request.memoryKey);
  }
  return byGet;
}

/** Never rejects. */
async function ask(
  origin: OriginClient,
  method: ProbeAnswer['method'],
  request: ProbeRequest,
  settings: ProbeSettings,
): Promise<ProbeAnswer> {
  const { exchange } = origin.send(
    { method, target: request.target, fields: request.fields },
    {
      lane: 'probe',
      deadlines: { start: request.startMs, total: settings.timeoutMs },
      lead: MAX_DISCARD,
      cancelBy: request.clientGone,
    },
  );
  try {
    const answer = await exchange.head;
    exchange.discard(MAX_DISCARD);
    return { method, sentAt: exchange.sentAt, answer };
  } catch (error) {
    return { method, sentAt: exchange.sentAt, answer: failureOf(error) };
  }
}

function isRefusedHead({ answer }: ProbeAnswer): boolean {
  return !(answer instanceof OriginFailure) && (answer.status === 405 || answer.status === 501);
}

/**
 * Whether GET may show what HEAD did not. A 404 may be about the method alone: where a server has no route for HEAD, it is what
 * HEAD gets of everything, and a creation (If-None-Match: *) would overwrite what is there.
 */
function mayTellMore(
  answer: ProbeAnswer,
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
