// One request from its first look to its answer: understand, guard or forward, send, log.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, GatewayError } from '../errors.ts';
import type { Answer, Exchange } from '../guard/exchange.ts';
import { guard } from '../guard/guard.ts';
import { refuseError } from '../guard/refuse.ts';
import { fieldValue } from '../semantics/fields.ts';
import { exposeConditions } from './cors.ts';
import type { Gateway } from './gateway.ts';
import { newLogEntry, noteBreak, noteError } from './log-entry.ts';
import { logRequest } from './log-request.ts';
import { countHop } from './max-forwards.ts';
import { send } from './send.ts';
import { understand } from './understand.ts';
import { forwardUnguarded } from './unguarded.ts';

/** Answers the request; whatever goes wrong becomes an answer too. Resolves when it is over and logged. */
export async function handleRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  gateway: Gateway,
): Promise<void> {
  const started = performance.now();
  const { raw: message, originalUrl } = request;
  const { raw: response } = reply;
  const entry = newLogEntry(message.method, originalUrl);
  // Node's parser stops behind a Connection: upgrade, agreed to or not: nothing more can be read here
  if (fieldValue(message.rawHeaders, 'upgrade') !== undefined) response.shouldKeepAlive = false;
  const closed = new Promise((resolve) => response.on('close', resolve));
  const answer = (toSend: Answer): void => {
    reply.hijack();
    send(message, response, toSend, fail);
  };
  const fail = (error: unknown): void => {
    if (response.headersSent) {
      noteBreak(error, entry);
      response.destroy();
      return;
    }
    noteError(error, entry);
    if (error instanceof GatewayError && UNFRAMED.has(error.code)) response.shouldKeepAlive = false;
    // an answer that could not be sent has nothing left to be replaced by
    if (reply.sent) response.destroy();
    else answer(refuseError(error));
  };
  try {
    const { exchange, plan } = understand(message, response, originalUrl, gateway, entry);
    if (plan.kind === 'forward') await forward(reply, exchange, answer, fail);
    else answer(exposeConditions(exchange, await guard(exchange, plan, gateway.tools)));
  } catch (error) {
    fail(error);
  }
  await closed;
  const ms = performance.now() - started;
  const fate = await entry.settled;
  if (fate?.kind === 'unknown') entry.outcome.fate = 'unknown';
  logRequest(gateway.log, entry, response, ms);
}

/** After these it is not certain where the next request begins. */
const UNFRAMED = new Set<string>([
  'request-invalid',
  'transfer-coding-unsupported',
  'version-unsupported',
] satisfies ErrorCode[]);

/** GET, HEAD and OPTIONS have no content that means anything (RFC 9110 9.3.1); it is left behind. */
const WITHOUT_CONTENT = new Set(['GET', 'HEAD', 'OPTIONS']);

async function forward(
  reply: FastifyReply,
  exchange: Exchange,
  answer: (toSend: Answer) => void,
  fail: (error: unknown) => void,
): Promise<void> {
  const { method, target, forwarded, content: announced, clientGone } = exchange;
  const fields = countHop(method, forwarded);
  if (fields === 'last') return answer({ made: true, status: 204, fields: [], content: Buffer.alloc(0) });
  const content = WITHOUT_CONTENT.has(method) ? [] : await announced.read(0);
  const { length } = announced;
  const request = { method, target, fields, content, length, clientGone };
  forwardUnguarded(reply, request, (answered) => answer(exposeConditions(exchange, answered)), fail);
}
