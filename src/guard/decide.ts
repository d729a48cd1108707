// Probe and evaluate: may this method be performed on the current state?
import { GatewayError } from '../errors.ts';
import { probeFields } from '../origin/fields.ts';
import { probe } from '../origin/probe.ts';
import type { ProbeResult } from '../origin/probe-answer.ts';
import { demandsCondition } from '../route/plan.ts';
import { evaluate, whyNoTagMatches } from '../semantics/evaluate.ts';
import type { ConditionalField } from '../semantics/preconditions.ts';
import type { Exchange, Tools } from './exchange.ts';
import { fieldName, GUIDANCE, type RefusalContext, VALIDATORS } from './refuse.ts';

export interface Refusal {
  readonly error: GatewayError;
  readonly context: RefusalContext;
}

/** The refusal, or undefined when the method is to be performed. */
export async function decide(exchange: Exchange, tools: Tools): Promise<Refusal | undefined> {
  const result = await probeFor(exchange, tools);
  if (result.refusal !== undefined) return undecided(exchange, result, result.refusal);
  const { method, preconditions, route } = exchange;
  const verdict = evaluate(method, preconditions, result.representation, route.weak);
  switch (verdict.action) {
    case 'perform':
      return performed(exchange, result, verdict.held);
    case 'respond':
      return failed(exchange, result, verdict.field);
    case 'undecided': // cannot be: what the probe could not tell was refused before
      throw new Error(verdict.reason);
  }
}

/** Asks the origin what this request's conditions are about. */
export async function probeFor(exchange: Exchange, tools: Tools): Promise<ProbeResult> {
  const { route } = exchange;
  const started = performance.now();
  const result = await probe(
    tools.origin,
    {
      target: exchange.probed,
      fields: probeFields(exchange.forwarded),
      preconditions: exchange.preconditions,
      method: route.probe,
      memoryKey: route.path,
      startMs: tools.forward.timeouts.connect,
      clientGone: exchange.clientGone,
    },
    tools.probe,
  );
  exchange.outcome.probeMs = performance.now() - started;
  return result;
}

function undecided(
  exchange: Exchange,
  { fields }: ProbeResult,
  refusal: NonNullable<ProbeResult['refusal']>,
): Refusal | undefined {
  const { outcome, route } = exchange;
  outcome.verdict = 'undecided';
  if (route.undecided === 'forward' && refusal.error.code !== 'client-gone') {
    outcome.unguarded = true;
    return undefined;
  }
  const { error, status } = refusal;
  if (status === undefined) return { error, context: { origin: fields, shown: GUIDANCE } };
  if (exchange.probed !== exchange.target && wouldMislead(exchange.method, status))
    return { error, context: { origin: fields } };
  return { error, context: { status, origin: fields, shown: GUIDANCE } };
}

/**
 * Whether a status that is about another URL (a route's `resource`) may not be told of the target: a refusal of the method, or
 * a redirect by which clients send the write again, to where it was not meant for. Behind a 303, and a 301 or 302 of a POST,
 * they send a GET: to log in, for one.
 */
function wouldMislead(method: string, status: number): boolean {
  if (status === 303 || ((status === 301 || status === 302) && method === 'POST')) return false;
  return status === 405 || (status >= 300 && status < 400);
}

/** Every condition is true or had to be ignored; where none is left, the route may still demand one. */
function performed(
  exchange: Exchange,
  result: ProbeResult,
  held: readonly ConditionalField[],
): Refusal | undefined {
  const { method, effectiveMethod, outcome, route } = exchange;
  if (held.length > 0) {
    outcome.verdict = 'perform';
    if (held.every((field) => field === 'if-unmodified-since')) outcome.dateOnly = true;
    return undefined;
  }
  outcome.verdict = 'ignored';
  if (!demandsCondition(route, method, effectiveMethod)) return undefined;
  const detail = `This resource demands a condition, and the one that was sent must be ignored because ${whyIgnored(result)}`;
  return {
    error: new GatewayError('precondition-required', detail),
    context: contextOf(exchange, result),
  };
}

function failed(exchange: Exchange, result: ProbeResult, field: ConditionalField): Refusal {
  const { outcome } = exchange;
  outcome.verdict = 'failed';
  outcome.field = field;
  const detail = failedDetail(exchange, result, field);
  return {
    error: new GatewayError('precondition-failed', detail),
    context: { ...contextOf(exchange, result), field },
  };
}

function contextOf({ fields }: Exchange, result: ProbeResult): RefusalContext {
  // an error page's ETag is no validator of the resource
  const shown = result.representation.state === 'current' ? VALIDATORS : [];
  return { sent: fields, origin: result.fields, shown };
}

const ABSENT = 'the resource does not exist (any more). To create it, send If-None-Match: * instead.';

/** If-Unmodified-Since alone can be ignored here: without a date to compare it with (RFC 9110 13.1.4). */
function whyIgnored({ representation }: ProbeResult): string {
  return representation.state === 'absent'
    ? ABSENT
    : 'the resource has no modification date. Send If-Match with the ETag of the version that the change is based on.';
}

function failedDetail(
  { preconditions, route }: Exchange,
  { representation }: ProbeResult,
  field: ConditionalField,
): string {
  const name = fieldName(field);
  if (representation.state === 'absent') {
    return `${name} is false: ${ABSENT}`;
  }
  if (field === 'if-none-match' && preconditions.ifNoneMatch === '*') {
    return `${name} is false: the resource exists already. GET it, and send If-Match with its ETag to change it.`;
  }
  if (field === 'if-match' && representation.state === 'current') {
    const { validators } = representation;
    const why = whyNoTagMatches(validators, route.weak);
    // to GET and write anew would go on for ever
    if (why !== undefined) {
      const instead =
        validators.lastModified === undefined
          ? 'The same request fails again.'
          : 'Send If-Unmodified-Since with its Last-Modified instead.';
      return `${name} is false, and so is any with an entity-tag: the resource exists, but ${why}. ${instead}`;
    }
  }
  return (
    `${name} is false: the resource is not in the state that the request was made for. GET the current version, ` +
    'apply the change to it, and send it with the new ETag.'
  );
}
