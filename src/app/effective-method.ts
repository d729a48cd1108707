// The method that the origin may perform instead of the one received, on routes that pass method overrides.
import { METHODS } from 'node:http';
import { GatewayError } from '../errors.ts';
import { overriddenMethods } from '../origin/fields.ts';
import type { Route } from '../route/route.ts';
import { isSafe } from '../semantics/method.ts';
import type { Received } from './receive.ts';

/** Whether the method-override fields go along to the origin: on a POST alone, and where the route passes them. */
export function passesOverrides({ method }: Received, route: Route): boolean {
  return route.override === 'pass' && method === 'POST';
}

/**
 * The one that the fields name where they go along; otherwise the one received. An origin that knows no overrides performs
 * the POST, so what they name only adds to the guard of that: a safe method adds nothing. Throws GatewayError for one that
 * is no method, or two of them.
 */
export function effectiveMethod(received: Received, route: Route): string {
  const { method, fields } = received;
  if (!passesOverrides(received, route)) return method;
  const [named, ...others] = overriddenMethods(fields);
  if (named === undefined) return method;
  if (others.length > 0) throw invalid('The method-override fields name two methods; send one.');
  if (!METHODS.includes(named)) throw invalid('The method-override field does not name an HTTP method.');
  return isSafe(named) ? method : named;
}

function invalid(detail: string): GatewayError {
  return new GatewayError('request-invalid', detail);
}
