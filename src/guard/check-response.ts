// GET and HEAD: forward, then evaluate the origin's own answer: pass, 304 or 412. No lock, no further exchange.
import { GatewayError } from '../errors.ts';
import { returnedFields, withoutConditions, withoutField } from '../origin/fields.ts';
import { forwardRead, type OriginAnswer } from '../origin/forward.ts';
import { formatEntityTag } from '../semantics/entity-tag.ts';
import { evaluate, rangeApplies, type Verdict } from '../semantics/evaluate.ts';
import { fieldValues } from '../semantics/fields.ts';
import { formatHttpDate } from '../semantics/http-date.ts';
import { notModifiedFields } from '../semantics/not-modified.ts';
import type { Preconditions } from '../semantics/preconditions.ts';
import { readValidators } from '../semantics/representation.ts';
import { probeFor } from './decide.ts';
import type { Answer, Exchange, MadeAnswer, Tools } from './exchange.ts';
import { passed } from './perform.ts';
import { fieldName, refuseExchange, VALIDATORS } from './refuse.ts';

/** An origin's own 304, its 412 and whatever else is no 2xx or 416 passes: it takes precedence over conditions (RFC 9110 13.2.1). */
export async function checkResponse(exchange: Exchange, tools: Tools): Promise<Answer> {
  const answer = await read(exchange, tools, rangeIsPossible(exchange));
  if (answer.status === 416) return checkUnsatisfiable(exchange, tools, answer);
  if (!isSuccess(answer)) return passed(answer);
  const made = judge(exchange, tools, answer);
  if (made !== undefined) return made;
  if (answer.status !== 206 || rangeApplies(exchange.preconditions, validatorsOf(answer, tools)))
    return passed(answer);
  // an origin that ignores If-Range sent a part of another version: ask again for the whole (13.1.5)
  answer.abandon();
  return whole(exchange, tools);
}

/** The answer to a read, with what `verdict` says about it; for `observe`, which changes nothing. */
export function verdictOn(exchange: Exchange, tools: Tools, answer: OriginAnswer): Verdict | undefined {
  if (!isSuccess(answer) || !isConditional(exchange.preconditions)) return undefined;
  const validators = validatorsOf(answer, tools);
  return evaluate(
    exchange.method,
    exchange.preconditions,
    { state: 'current', validators },
    exchange.route.weak,
  );
}

/** A longer one goes on as it came: in one line, and with a space behind each comma, it may be more than the origin takes. */
const SHORT_LIST = 1_000;

async function whole(exchange: Exchange, tools: Tools): Promise<Answer> {
  const answer = await read(exchange, tools, false);
  return (isSuccess(answer) ? judge(exchange, tools, answer) : undefined) ?? passed(answer);
}

/** Range counts only where the answer would be a 200 (14.2). A 416 shows no validators, so they are asked for. */
async function checkUnsatisfiable(exchange: Exchange, tools: Tools, answer: OriginAnswer): Promise<Answer> {
  const { preconditions, route } = exchange;
  if (!isConditional(preconditions) && preconditions.ifRange === undefined) return passed(answer);
  const { representation, fields } = await probeFor(exchange, tools);
  if (representation.state !== 'current') return passed(answer);
  const verdict = evaluate(exchange.method, preconditions, representation, route.weak);
  const made = respond(exchange, verdict, { status: 200, fields });
  if (made === undefined && rangeApplies(preconditions, representation.validators)) return passed(answer);
  answer.abandon();
  return made ?? whole(exchange, tools);
}

/**
 * Of the conditions only those go to the origin that can spare it the content, and only when nothing else is to be
 * evaluated here first. What origins make of the others is not to be relied on: nginx lets If-Modified-Since override
 * If-None-Match, others take a missing date for now.
 */
function read(exchange: Exchange, tools: Tools, withRange: boolean): Promise<OriginAnswer> {
  const fields = withoutConditions(exchange.forwarded);
  const { ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince } = exchange.preconditions;
  if (ifMatch === undefined && ifUnmodifiedSince === undefined) {
    if (ifNoneMatch !== undefined && ifNoneMatch !== 'unusable') {
      const tags = ifNoneMatch === '*' ? '*' : ifNoneMatch.map(formatEntityTag).join(', ');
      const lines = tags.length <= SHORT_LIST ? [tags] : fieldValues(exchange.fields, 'if-none-match');
      for (const line of lines) fields.push('If-None-Match', line);
    } else if (ifNoneMatch === undefined && typeof ifModifiedSince === 'number') {
      fields.push('If-Modified-Since', formatHttpDate(ifModifiedSince));
    }
  }
  const request = {
    method: exchange.method,
    target: exchange.target,
    fields: withRange ? fields : withoutField(fields, 'range'),
  };
  return forwardRead(tools.origin, request, tools.forward, exchange.clientGone);
}

/** Most reads are not: nothing of their answers is looked at. */
function isConditional({ ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince }: Preconditions): boolean {
  const conditions = [ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince];
  return conditions.some((condition) => condition !== undefined);
}

/**
 * False on a HEAD, where Range is to be ignored (14.2) and nginx, for one, does not, and when If-Range cannot hold whatever
 * the state is: a weak tag, a malformed value.
 */
function rangeIsPossible({ method, preconditions: { ifRange } }: Exchange): boolean {
  if (method !== 'GET') return false;
  if (ifRange === undefined || typeof ifRange === 'number') return true;
  return ifRange !== 'unusable' && !ifRange.weak;
}

function isSuccess(answer: OriginAnswer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

function validatorsOf(answer: OriginAnswer, tools: Tools) {
  return readValidators(answer.fields, tools.probe.now());
}

function judge(exchange: Exchange, tools: Tools, answer: OriginAnswer): MadeAnswer | undefined {
  const made = respond(exchange, verdictOn(exchange, tools, answer), answer);
  if (made !== undefined) answer.abandon();
  return made;
}

/** The 304 or 412 of a verdict, with what the representation's fields say. */
function respond(
  exchange: Exchange,
  verdict: Verdict | undefined,
  representation: Pick<OriginAnswer, 'status' | 'fields'>,
): MadeAnswer | undefined {
  if (verdict?.action !== 'respond') return undefined;
  const shown = returnedFields(representation.status, representation.fields);
  const { outcome } = exchange;
  outcome.field = verdict.field;
  if (verdict.status === 304) {
    outcome.verdict = 'not-modified';
    return { made: true, status: 304, fields: notModifiedFields(shown), content: Buffer.alloc(0) };
  }
  outcome.verdict = 'failed';
  const detail = `${fieldName(verdict.field)} is false: the resource is not in the state that the request asks for.`;
  return refuseExchange(exchange, new GatewayError('precondition-failed', detail), {
    field: verdict.field,
    sent: exchange.fields,
    origin: shown,
    shown: VALIDATORS,
  });
}
