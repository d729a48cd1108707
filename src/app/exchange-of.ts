// Turns a received request into what the guard works on.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Cancellation, type CancelSignal } from '../cancel-signal.ts';
import { GatewayError } from '../errors.ts';
import type { Exchange } from '../guard/exchange.ts';
import { forwardFields, withoutClaimsOf } from '../origin/fields.ts';
import { keysOf, type Resources } from '../route/resource.ts';
import type { Match } from '../route/route-table.ts';
import { fieldValues } from '../semantics/fields.ts';
import type { Preconditions } from '../semantics/preconditions.ts';
import { translateDestination } from './destination.ts';
import { passesOverrides } from './effective-method.ts';
import type { Gateway } from './gateway.ts';
import { type LogEntry, noteError } from './log-entry.ts';
import type { Received } from './receive.ts';
import { IncomingContent } from './request-content.ts';
import type { RequestPlan } from './request-plan.ts';

export interface Understood {
  readonly received: Received;
  readonly match: Match;
  readonly preconditions: Preconditions;
  readonly planned: RequestPlan;
  readonly entry: LogEntry;
}

/** Throws GatewayError where the resource is ambiguous, and for a request that has been here before. */
export function exchangeOf(
  message: IncomingMessage,
  response: ServerResponse,
  gateway: Gateway,
  { received, match, preconditions, planned, entry }: Understood,
): Exchange {
  refuseLoop(received, gateway.via);
  const { origin, fenceField } = gateway.tools;
  // empty for a client on a Unix socket
  const peer = message.socket.remoteAddress ?? '';
  const { host } = received;
  const trusted = gateway.isTrusted(peer);
  const overrides = passesOverrides(received, match.route);
  const { probed, keys } = resourcesFor(planned, match, received, gateway.resources);
  const arrival = { peer, trusted, overrides, host, version: message.httpVersion, via: gateway.via };
  const forwarded = translateDestination(
    forwardFields(received.fields, arrival),
    planned.destination?.target,
    origin.self,
  );
  return {
    method: received.method,
    effectiveMethod: planned.effectiveMethod,
    target: received.target.raw,
    route: match.route,
    probed,
    keys,
    fields: received.fields,
    preconditions,
    forwarded: [
      ...['Host', origin.host(host)],
      // where nothing is locked there is no fence, whatever the client says
      ...(fenceField === undefined ? forwarded : withoutClaimsOf(forwarded, fenceField)),
    ],
    content: new IncomingContent(message, response, gateway.limits),
    clientGone: clientGone(response),
    outcome: entry.outcome,
    noteError: (error) => noteError(error, entry),
    awaitFate(settled) {
      entry.settled = settled;
    },
  };
}

/** A request that has been here before would come back for ever (RFC 9110 7.6). */
function refuseLoop({ fields }: Received, via: string): void {
  if (!fieldValues(fields, 'via').some((value) => value.includes(via))) return;
  throw new GatewayError(
    'loop-detected',
    'The configured origin leads back to this gateway; correct its URL.',
  );
}

/**
 * Reads and unguarded requests need no key, so an ambiguous one is no reason to refuse them. A read is about what it gets,
 * whatever the writes to its URL are about.
 */
function resourcesFor(
  { plan, destination }: RequestPlan,
  match: Match,
  { target }: Received,
  resources: Resources,
): { readonly probed: string; readonly keys: readonly string[] } {
  const locks = plan.kind === 'locked' || (plan.kind === 'check' && plan.lock);
  if (plan.kind === 'read') return { probed: target.raw, keys: [] };
  const resource = resources.of(match, target);
  if ('code' in resource) {
    if (locks || plan.kind === 'check') throw new GatewayError(resource.code, resource.detail);
    return { probed: target.raw, keys: [] };
  }
  if (!locks) return { probed: resource.target, keys: [] };
  return { probed: resource.target, keys: keysOf(resource, destination?.resource) };
}

/** A signal that fires when the client goes away before its answer was sent. */
function clientGone(response: ServerResponse): CancelSignal {
  const gone = new Cancellation();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone;
}
