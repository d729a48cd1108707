// One request from its first look to its answer: receive, route, plan, guard or forward, send, log.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../errors.ts';
import type { Answer, Exchange } from '../guard/exchange.ts';
import { guard } from '../guard/guard.ts';
import type { Outcome } from '../guard/outcome.ts';
import { refuseError } from '../guard/refuse.ts';
import { makePlan, type Plan } from '../route/plan.ts';
import { readPreconditions } from '../semantics/preconditions.ts';
import { exposeConditions } from './cors.ts';
import { exchangeOf } from './exchange-of.ts';
import type { Gateway } from './gateway.ts';
import { logRequest, type RequestLine } from './log.ts';
import { countHop } from './max-forwards.ts';
import { receive } from './receive.ts';
import { send } from './send.ts';
import { forwardUnguarded } from './unguarded.ts';

/** Answers the request; whatever goes wrong becomes an answer too. Resolves when the answer is on its way. */
export async function handleRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  gateway: Gateway,
): Promise<void> {
  const started = performance.now();
  const outcome: Outcome = {};
  const line: RequestLine = { method: request.raw.method ?? '', path: withoutQuery(request.originalUrl) };
  const { raw: response } = reply;
  response.once('close', () => logRequest(gateway.log, line, outcome, response, performance.now() - started));
  const answer = (made: Answer): void => {
    reply.hijack();
    send(request.raw, response, made);
  };
  const fail = (error: unknown): void => {
    outcome.code = error instanceof GatewayError ? error.code : 'internal';
    line.cause = error instanceof GatewayError ? error.cause : error;
    answer(refuseError(error));
  };
  try {
    const { exchange, plan } = understand(request, reply, gateway, outcome, line);
    if (plan.kind === 'forward') await unguarded(reply, exchange, answer, fail);
    else answer(exposeConditions(exchange, await guard(exchange, plan, gateway.tools)));
  } catch (error) {
    fail(error);
  }
}

function understand(
  request: FastifyRequest,
  reply: FastifyReply,
  gateway: Gateway,
  outcome: Outcome,
  line: RequestLine,
): { exchange: Exchange; plan: Plan } {
  const received = receive(request.raw, request.originalUrl);
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
  const exchange = exchangeOf(request.raw, reply.raw, gateway, {
    received,
    match,
    preconditions,
    plan,
    outcome,
  });
  return { exchange, plan };
}

/** GET, HEAD and OPTIONS have no content that means anything (RFC 9110 9.3.1); it is left behind (attacks 20, 21). */
const WITHOUT_CONTENT = new Set(['GET', 'HEAD', 'OPTIONS']);

async function unguarded(
  reply: FastifyReply,
  exchange: Exchange,
  answer: (made: Answer) => void,
  fail: (error: unknown) => void,
): Promise<void> {
  const fields = countHop(exchange.method, exchange.forwarded);
  if (fields === 'last') return answer({ made: true, status: 204, fields: [], content: Buffer.alloc(0) });
  const content = WITHOUT_CONTENT.has(exchange.method) ? Buffer.alloc(0) : await exchange.content.read(0);
  const { length } = exchange.content;
  const framed =
    Buffer.isBuffer(content) || length === undefined ? fields : [...fields, 'Content-Length', String(length)];
  forwardUnguarded(
    reply,
    { method: exchange.method, target: exchange.target, fields: framed, content },
    { answered: (received) => exposeConditions(exchange, { fields: received }).fields, failed: fail },
  );
}

function withoutQuery(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}
