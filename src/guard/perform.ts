// Forwards what was decided to be performed, makes the origin's answer ready, and says what a lease has to wait for.
import type { Readable } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { Held } from '../lock/lock.ts';
import { returnedFields } from '../origin/fields.ts';
import { forwardRead, forwardWrite, gatewayGaveUp, type OriginAnswer } from '../origin/forward.ts';
import type { Answer, Exchange, PassedAnswer, Tools } from './exchange.ts';
import { refuse } from './refuse.ts';

/** Content as the guard read it. A stream is to be forwarded or to be let go. */
export type Content = Buffer | Readable;

/** Lets go of content that is not forwarded: a stream holds a part of it, and its deadlines. */
export function letGo(content: Content): void {
  if (!Buffer.isBuffer(content)) content.destroy();
}

/**
 * Forwards a write. The client's conditional fields go along: a capable origin checks them again, atomically. Once the
 * first byte has left, nothing that the client does ends the exchange: the origin performs it all the same.
 */
export async function performWrite(
  exchange: Exchange,
  content: Content,
  tools: Tools,
): Promise<Held<Answer>> {
  const { answer, settled } = await sendWrite(exchange, content, tools);
  if (answer instanceof GatewayError) return { value: refusal(exchange, answer), settled };
  const gaveUp = gatewayGaveUp(answer);
  if (gaveUp === undefined) return { value: passed(answer), settled };
  answer.abandon();
  return { value: refusal(exchange, gaveUp), settled };
}

/** The same for a write that is only watched: whatever the origin answers passes as it is, and nothing is held. */
export async function passWrite(exchange: Exchange, content: Content, tools: Tools): Promise<Answer> {
  const { answer } = await sendWrite(exchange, content, tools);
  return answer instanceof GatewayError ? refusal(exchange, answer) : passed(answer);
}

async function sendWrite(exchange: Exchange, content: Content, tools: Tools) {
  const forwarded = await forwardWrite(
    tools.origin,
    { method: exchange.method, target: exchange.target, ...framed(exchange, content) },
    tools.forward,
    () => !exchange.clientGone.aborted,
  );
  exchange.awaitFate(forwarded.settled);
  return forwarded;
}

function refusal(exchange: Exchange, error: GatewayError): Answer {
  exchange.noteError(error);
  return refuse(error);
}

/** Forwards a safe request with its content; its answer ends with the client. */
export async function performSafe(exchange: Exchange, content: Content, tools: Tools): Promise<Answer> {
  const request = { method: exchange.method, target: exchange.target, ...framed(exchange, content) };
  return passed(await forwardRead(tools.origin, request, tools.forward, exchange.clientGone));
}

function framed(exchange: Exchange, content: Content): { fields: readonly string[]; content?: Content } {
  if (Buffer.isBuffer(content)) {
    return content.length === 0 ? { fields: exchange.forwarded } : { fields: exchange.forwarded, content };
  }
  const { length } = exchange.content;
  const fields =
    length === undefined ? exchange.forwarded : [...exchange.forwarded, 'Content-Length', String(length)];
  return { fields, content };
}

/** The origin's answer with its fields made ready. */
export function passed(answer: OriginAnswer): PassedAnswer {
  return { ...answer, made: false, fields: returnedFields(answer.status, answer.fields) };
}
