// The table of contents: what each plan does.
import { GatewayError } from '../errors.ts';
import type { Plan } from '../route/plan.ts';
import type { ConditionalField } from '../semantics/preconditions.ts';
import { checkFirst, checkUnlocked } from './check-first.ts';
import { checkResponse } from './check-response.ts';
import type { Answer, Exchange, Tools } from './exchange.ts';
import { forwardLocked } from './forward-locked.ts';
import { observe } from './observe.ts';
import { fieldName, refuseExchange } from './refuse.ts';

/** Every plan but `forward`, which is not guarded. */
export type GuardedPlan = Exclude<Plan, { kind: 'forward' }>;

/** The answer for the client. Rejects with GatewayError when there is none to be had. */
export function guard(exchange: Exchange, plan: GuardedPlan, tools: Tools): Answer | Promise<Answer> {
  switch (plan.kind) {
    case 'malformed': // 400: a 412 would trap the client in a retry loop
      return refuseMalformed(exchange, plan.field);
    case 'demand': // 428: the route requires a condition (RFC 6585 section 3)
      return refuseUnconditional(exchange, plan.why);
    case 'locked': // unsafe, no condition: lock, forward, release
      return forwardLocked(exchange, tools);
    case 'check': // a condition: (lock,) probe, evaluate, forward or refuse, release
      return plan.lock ? checkFirst(exchange, tools) : checkUnlocked(exchange, tools);
    case 'read': // GET, HEAD: forward, then evaluate what the origin sent
      return checkResponse(exchange, tools);
    case 'observe': // forward always, note what would have been refused
      return observe(exchange, plan.of, plan.announce, tools);
  }
}

function refuseMalformed(exchange: Exchange, field: ConditionalField): Answer {
  const detail =
    `${fieldName(field)} is malformed. Send * alone, or entity-tags in double quotes, such as "v1", separated by ` +
    'commas: the value of the ETag field as it was received. Nothing was written.';
  const error = new GatewayError('precondition-malformed', detail);
  return refuseExchange(exchange, error, { field, sent: exchange.fields });
}

function refuseUnconditional(exchange: Exchange, why: string): Answer {
  const detail =
    `${why} GET the resource and repeat the request with If-Match and the ETag of the version that it is based on, ` +
    'or with If-None-Match: * to create it. Nothing was written.';
  return refuseExchange(exchange, new GatewayError('precondition-required', detail));
}
