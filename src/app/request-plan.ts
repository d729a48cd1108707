// The plan for a request as received: for all that it writes to, and for either method that the origin may perform.
import { makePlan, type Plan } from '../route/plan.ts';
import type { Route } from '../route/route.ts';
import type { Preconditions } from '../semantics/preconditions.ts';
import { type Destination, destinationOf } from './destination.ts';
import { effectiveMethod } from './effective-method.ts';
import type { Gateway } from './gateway.ts';
import type { Received } from './receive.ts';

export interface RequestPlan {
  /** The method that the origin may perform instead of the one received. */
  readonly effectiveMethod: string;
  readonly destination: Destination | undefined;
  readonly plan: Plan;
}

/** Throws GatewayError for a method override or a Destination that is malformed or ambiguous. */
export function planRequest(
  received: Received,
  route: Route,
  preconditions: Preconditions,
  gateway: Pick<Gateway, 'table' | 'resources'>,
): RequestPlan {
  const effective = effectiveMethod(received, route);
  const destination = destinationOf(effective, received, gateway);
  const plan = makePlan(received.method, route, preconditions, effective);
  // a write from where nothing is guarded to where something is must not slip between a check and a write there
  const slips = plan.kind === 'forward' || plan.kind === 'observe';
  return {
    effectiveMethod: effective,
    destination,
    plan: slips && isGuarded(destination) ? { kind: 'locked' } : plan,
  };
}

function isGuarded(destination: Destination | undefined): boolean {
  return destination?.route.mode === 'enforce' || destination?.route.mode === 'require';
}
