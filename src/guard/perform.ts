// Forwards what was decided to be performed, makes the origin's answer ready, and says what a lease has to wait for.
import { Readable } from 'node:stream';
import type { CancelSignal } from '../cancel-signal.ts';
import { GatewayError } from '../errors.ts';
import type { Held, Lease } from '../lock/lock.ts';
import { lost } from '../lock/refusals.ts';
import type { Content } from '../origin/exchange.ts';
import { returnedFields } from '../origin/fields.ts';
import { forwardRead, forwardWrite, gatewayGaveUp, type OriginAnswer } from '../origin/forward.ts';
import type { Answer, Exchange, PassedAnswer, Tools } from './exchange.ts';
import { refuseExchange } from './refuse.ts';
import { underLeases } from './under-leases.ts';

/** Lets go of content that is not forwarded: a stream holds a part of it, and its deadlines. */
export function letGo(content: Content): void {
  if (content instanceof Readable) content.destroy();
}

/**
 * Forwards a write under its leases, which are armed before it is sent and looked at once more as the first byte leaves.
 * The client's conditional fields go along: a capable origin checks them again, atomically. Once the first byte has left,
 * nothing that the client does ends the exchange: the origin performs it all the same. Rejects with GatewayError when a
 * lease cannot be armed; nothing was sent then.
 */
export async function performWrite(
  exchange: Exchange,
  content: Content,
  tools: Tools,
  leases: readonly Lease[],
): Promise<Held<Answer>> {
  await tools.lock.arm(leases);
  const { answer, settled } = await sendWrite(exchange, content, tools, leases);
  const { outcome } = exchange;
  if (leases.some((lease) => lease.unserialised)) outcome.unserialised = true;
  if (answer instanceof GatewayError) return { value: refuseExchange(exchange, answer), settled };
  const gaveUp = gatewayGaveUp(answer);
  if (gaveUp === undefined) return { value: markUnserialised(exchange, passed(answer)), settled };
  answer.abandon();
  return { value: refuseExchange(exchange, gaveUp), settled };
}

/** Forwards a write that is only observed: whatever the origin answers passes as it is, and nothing is held. */
export async function passWrite(exchange: Exchange, content: Content, tools: Tools): Promise<Answer> {
  const { answer } = await sendWrite(exchange, content, tools, []);
  return answer instanceof GatewayError ? refuseExchange(exchange, answer) : passed(answer);
}

/** Why a write must not be sent: its client has gone before the first byte left. */
export function refuseGone(clientGone: CancelSignal): GatewayError | undefined {
  return clientGone.aborted ? new GatewayError('client-gone', 'Nothing was sent.') : undefined;
}

async function sendWrite(exchange: Exchange, content: Content, tools: Tools, leases: readonly Lease[]) {
  const { write, uncertainty } = tools.forward.timeouts;
  const outlives = (lease: Lease) => lease.remainingMs() >= write + uncertainty;
  const forwarded = await forwardWrite(
    tools.origin,
    {
      method: exchange.method,
      target: exchange.target,
      fields: fieldsFor(exchange, tools, leases),
      content: underLeases(content, tools.lock, leases, outlives, write),
      length: exchange.content.length,
    },
    tools.forward,
    // a process that was stopped until now must not send what it was allowed to send then
    () => refuseGone(exchange.clientGone) ?? (leases.every(outlives) ? undefined : lost()),
  );
  exchange.awaitFate(forwarded.settled);
  return forwarded;
}

/** Says in the answer that the write went through without the lock's promise (`lock.down`: local or open). */
function markUnserialised(exchange: Exchange, answer: PassedAnswer): PassedAnswer {
  if (exchange.outcome.unserialised === undefined) return answer;
  return { ...answer, fields: [...answer.fields, 'Proxy-Status', 'ifmatch; details="unserialised"'] };
}

/** Forwards a safe request with its content; its answer ends with the client. */
export async function performSafe(exchange: Exchange, content: Content, tools: Tools): Promise<Answer> {
  const { method, target, forwarded: fields } = exchange;
  const request = { method, target, fields, content, length: exchange.content.length };
  return passed(await forwardRead(tools.origin, request, tools.forward, exchange.clientGone));
}

/** The latest lease's fence goes to origins that compare it. What the client says of it is not among the forwarded fields. */
function fieldsFor({ forwarded, outcome }: Exchange, { fenceField }: Tools, leases: readonly Lease[]) {
  const fence = leases.at(-1)?.fence;
  if (fence !== undefined) outcome.fence = fence;
  return fenceField === undefined || fence === undefined ? forwarded : [...forwarded, fenceField, fence];
}

/** The origin's answer with its fields made ready. */
export function passed(answer: OriginAnswer): PassedAnswer {
  const { status, statusText, fields, content, abandon } = answer;
  return { made: false, status, statusText, fields: returnedFields(status, fields), content, abandon };
}
