// The first look at a request: checked, routed, planned.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { Exchange } from '../guard/exchange.ts';
import type { Plan } from '../route/plan.ts';
import { readPreconditions } from '../semantics/preconditions.ts';
import { exchangeOf, type Understood } from './exchange-of.ts';
import type { Gateway } from './gateway.ts';
import type { LogEntry } from './log-entry.ts';
import { type Head, receive } from './receive.ts';
import { planRequest } from './request-plan.ts';

/** Throws GatewayError for what is malformed or ambiguous; nothing has reached the origin then. */
export function understand(
  message: IncomingMessage,
  response: ServerResponse,
  requestTarget: string,
  gateway: Gateway,
  entry: LogEntry,
): { exchange: Exchange; plan: Plan } {
  const understood = understandHead(message, requestTarget, gateway, entry);
  return { exchange: exchangeOf(message, response, gateway, understood), plan: understood.planned.plan };
}

/** What the head of a request says by itself. Throws GatewayError. */
export function understandHead(
  head: Head,
  requestTarget: string,
  gateway: Pick<Gateway, 'table' | 'resources' | 'limits' | 'now'>,
  entry: LogEntry,
): Understood {
  const received = receive(head, requestTarget, gateway.limits.target);
  entry.path = received.target.path;
  const match = gateway.table.match(received.target);
  if (match === 'ambiguous') {
    const detail =
      'Encoded separators, doubled slashes or ";" lead servers to different routes; send the plain path.';
    throw new GatewayError('target-ambiguous', detail);
  }
  entry.route = match.route.path;
  entry.mode = match.route.mode;
  const preconditions = readPreconditions(received.fields, gateway.now());
  const planned = planRequest(received, match.route, preconditions, gateway);
  entry.outcome.plan = planned.plan.kind;
  return { received, match, preconditions, planned, entry };
}
