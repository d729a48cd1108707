// Modes observe and warn: everything is forwarded as it came, without the lock, after a probe of the state before it; what
// enforce would have refused is noted.
import { PROBLEMS } from '../errors.ts';
import { forwardRead } from '../origin/forward.ts';
import type { Plan } from '../route/plan.ts';
import { isSafe } from '../semantics/method.ts';
import { verdictOn } from './check-response.ts';
import { decide } from './decide.ts';
import type { Answer, Exchange, Tools } from './exchange.ts';
import type { WouldAnswer } from './outcome.ts';
import { passed, passWrite, performSafe } from './perform.ts';

/** `of`: what enforce would do. `announce` (warn): the answer says so in Proxy-Status (RFC 9209). */
export async function observe(
  exchange: Exchange,
  of: Plan,
  announce: boolean,
  tools: Tools,
): Promise<Answer> {
  const answer =
    of.kind === 'read' ? await observeRead(exchange, tools) : await observeOther(exchange, of, tools);
  const { would } = exchange.outcome;
  if (!announce || would === undefined) return answer;
  const reason = would.field === undefined ? would.code : `${would.code} ${would.field}`;
  const fields = [
    ...answer.fields,
    'Proxy-Status',
    `ifmatch; details="would answer ${would.status}: ${reason}"`,
  ];
  return { ...answer, fields };
}

async function observeRead(exchange: Exchange, tools: Tools): Promise<Answer> {
  const request = { method: exchange.method, target: exchange.target, fields: exchange.forwarded };
  const answer = await forwardRead(tools.origin, request, tools.forward, exchange.clientGone);
  const verdict = verdictOn(exchange, tools, answer);
  if (verdict?.action === 'respond' && verdict.status === 412) {
    exchange.outcome.would = { status: 412, code: 'precondition-failed', field: verdict.field };
  }
  return passed(answer);
}

/** A write, or a safe method such as PROPFIND, whose answer has the time of a read and leaves nothing unknown. */
async function observeOther(exchange: Exchange, of: Plan, tools: Tools): Promise<Answer> {
  const content = await exchange.content.read(tools.buffer);
  const would = await wouldAnswer(exchange, of, tools);
  if (would !== undefined) exchange.outcome.would = would;
  const pass = isSafe(exchange.method) ? performSafe : passWrite;
  return pass(exchange, content, tools);
}

async function wouldAnswer(exchange: Exchange, of: Plan, tools: Tools): Promise<WouldAnswer | undefined> {
  switch (of.kind) {
    case 'malformed':
      return { status: 400, code: 'precondition-malformed', field: of.field };
    case 'check': {
      const refusal = await decide(exchange, tools);
      if (refusal === undefined) return undefined;
      const { code } = refusal.error;
      if (code === 'client-gone') return undefined; // nobody refuses who does not wait any more
      const { status = PROBLEMS[code].status, field } = refusal.context;
      return field === undefined ? { status, code } : { status, code, field };
    }
    default:
      return undefined;
  }
}
