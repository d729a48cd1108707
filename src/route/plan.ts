// What is to be done with a request, decided from its method, its route and its preconditions alone.

import { isRead, isSafe } from '../semantics/method.ts';
import type { ConditionalField, Preconditions } from '../semantics/preconditions.ts';
import type { Route } from './route.ts';

export type Plan =
  /** Unguarded: mode off, OPTIONS, and other safe methods without a condition. */
  | { readonly kind: 'forward' }
  /** 400: the field is there, unusable, and not to be ignored for this method. */
  | { readonly kind: 'malformed'; readonly field: ConditionalField }
  /** 428; `why` is one sentence. */
  | { readonly kind: 'demand'; readonly why: string }
  /** An unsafe method without a condition: lock, forward, release. */
  | { readonly kind: 'locked' }
  /** A condition: (lock,) probe, evaluate, forward or refuse. `lock` is false for safe methods. */
  | { readonly kind: 'check'; readonly lock: boolean }
  /** GET and HEAD: forward, evaluate the answer. */
  | { readonly kind: 'read' }
  /** Forward always, and say what `of` would have done; to the client too when `announce`. */
  | { readonly kind: 'observe'; readonly of: Plan; readonly announce: boolean };

/**
 * The plan for a request (RFC 9110 13.2.1, RFC 6585 3). Methods are case-sensitive; a method that is not known
 * to be safe is unsafe. In observe and warn the plan of `enforce` is wrapped, unless it is to forward anyway.
 * `effectiveMethod`: the one that the origin may perform instead of `method`.
 */
export function makePlan(
  method: string,
  route: Route,
  preconditions: Preconditions,
  effectiveMethod = method,
): Plan {
  if (route.mode === 'off' || method === 'OPTIONS') return { kind: 'forward' };
  const plan = guardedPlan(method, route, preconditions, effectiveMethod);
  if (plan.kind === 'forward' || (route.mode !== 'observe' && route.mode !== 'warn')) return plan;
  return { kind: 'observe', of: plan, announce: route.mode === 'warn' };
}

/** Whether the route wants a condition of a request that the origin may take for either method. */
export function demandsCondition({ mode, methods }: Route, method: string, effectiveMethod: string): boolean {
  return mode === 'require' && (methods.includes(method) || methods.includes(effectiveMethod));
}

function guardedPlan(
  method: string,
  route: Route,
  preconditions: Preconditions,
  effectiveMethod: string,
): Plan {
  if (isRead(method)) return { kind: 'read' };
  if (preconditions.ifMatch === 'unusable') return { kind: 'malformed', field: 'if-match' };
  if (preconditions.ifNoneMatch === 'unusable') return { kind: 'malformed', field: 'if-none-match' };
  const conditional = hasCondition(preconditions);
  if (isSafe(method)) return conditional ? { kind: 'check', lock: false } : { kind: 'forward' };
  if (conditional) return { kind: 'check', lock: true };
  if (demandsCondition(route, method, effectiveMethod)) {
    return { kind: 'demand', why: whyDemanded(method, preconditions) };
  }
  return { kind: 'locked' };
}

/** If-Modified-Since and If-Range mean something for GET and HEAD alone (RFC 9110 13.1.3, 13.1.5). */
function hasCondition({ ifMatch, ifNoneMatch, ifUnmodifiedSince }: Preconditions): boolean {
  return ifMatch !== undefined || ifNoneMatch !== undefined || typeof ifUnmodifiedSince === 'number';
}

function whyDemanded(method: string, preconditions: Preconditions): string {
  if (preconditions.ifUnmodifiedSince !== undefined) {
    return 'The If-Unmodified-Since of this request must be ignored, because it is not one valid date.';
  }
  if (preconditions.ifModifiedSince !== undefined) {
    return `The If-Modified-Since of this request must be ignored, because it has no meaning for ${method}.`;
  }
  if (preconditions.ifRange !== undefined) {
    return `The If-Range of this request must be ignored, because it has no meaning for ${method}.`;
  }
  return 'This request has no precondition.';
}
