// The first look at a request: checked, routed, planned.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { Exchange } from '../guard/exchange.ts';
import type { Outcome } from '../guard/outcome.ts';
import { makePlan, type Plan } from '../route/plan.ts';
import { readPreconditions } from '../semantics/preconditions.ts';
import { exchangeOf } from './exchange-of.ts';
import type { Gateway } from './gateway.ts';
import { type RequestLine, withoutQuery } from './log.ts';
import { receive } from './receive.ts';

/** What the log will say of a request; filled in on its way. */
export interface Account {
  readonly line: RequestLine;
  readonly outcome: Outcome;
}

export function openAccount(method: string | undefined, requestTarget: string): Account {
  return { line: { method: method ?? '', path: withoutQuery(requestTarget) }, outcome: {} };
}

/** Throws GatewayError for what is malformed or ambiguous; nothing has reached the origin then. */
export function understand(
  message: IncomingMessage,
  response: ServerResponse,
  requestTarget: string,
  gateway: Gateway,
  { line, outcome }: Account,
): { exchange: Exchange; plan: Plan } {
  const received = receive(message, requestTarget);
  const match = gateway.table.match(received.target);
  if (match === 'ambiguous') {
    const detail =
      'Encoded separators, doubled slashes or ";" lead servers to different routes; send the plain path.';
    throw new GatewayError('target-ambiguous', detail);
  }
  line.route = match.route.path;
  line.mode = match.route.mode;
  const preconditions = readPreconditions(received.fields, gateway.now());
  const plan = makePlan(received.method, match.route, preconditions);
  outcome.plan = plan.kind;
  const exchange = exchangeOf(message, response, gateway, { received, match, preconditions, plan, outcome });
  return { exchange, plan };
}

/** Notes an error for the log. */
export function noteError(error: unknown, { line, outcome }: Account): void {
  outcome.code = error instanceof GatewayError ? error.code : 'internal';
  line.cause = error instanceof GatewayError ? error.cause : error;
}
