// Probe and evaluate: may this method be performed on the current state?
import { GatewayError } from '../errors.ts';
import { probeFields } from '../origin/fields.ts';
import { type Probe, probe } from '../origin/probe.ts';
import { demandsCondition } from '../route/plan.ts';
import { evaluate, type Verdict } from '../semantics/evaluate.ts';
import type { ConditionalField } from '../semantics/preconditions.ts';
import type { Exchange, Tools } from './exchange.ts';
import { fieldName, GUIDANCE, type RefusalContext, VALIDATORS } from './refuse.ts';

export interface Refusal {
  readonly error: GatewayError;
  readonly context: RefusalContext;
}

/** The refusal, or undefined when the method is to be performed. */
export async function decide(exchange: Exchange, tools: Tools): Promise<Refusal | undefined> {
  const shown = await probeFor(exchange, tools);
  if (shown.refusal !== undefined) return undecided(exchange, shown, shown.refusal);
  const { method, preconditions, route } = exchange;
  return judge(exchange, shown, evaluate(method, preconditions, shown.representation, route.weak));
}

/** Asks the origin what this request's conditions are about. */
export async function probeFor(exchange: Exchange, tools: Tools): Promise<Probe> {
  const { route } = exchange;
  const started = performance.now();
  const shown = await probe(
    tools.origin,
    {
      target: exchange.probed,
      fields: probeFields(exchange.forwarded),
      preconditions: exchange.preconditions,
      method: route.probe,
      memoryKey: route.path,
      startMs: tools.forward.timeouts.connect,
      clientGone: exchange.clientGone,
    },
    tools.probe,
  );
  exchange.outcome.probeMs = performance.now() - started;
  return shown;
}

function undecided(
  exchange: Exchange,
  shown: Probe,
  refusal: NonNullable<Probe['refusal']>,
): Refusal | undefined {
  const { outcome, route } = exchange;
  outcome.verdict = 'undecided';
  if (route.undecided === 'forward' && refusal.error.code !== 'client-gone') {
    outcome.unguarded = true;
    return undefined;
  }
  const status = refusal.status === undefined ? {} : { status: refusal.status };
  return { error: refusal.error, context: { ...status, origin: shown.fields, shown: GUIDANCE } };
}

function judge(exchange: Exchange, shown: Probe, verdict: Verdict): Refusal | undefined {
  const { method, effectiveMethod, outcome, preconditions, route } = exchange;
  // an error page's ETag is no validator of the resource
  const validators = shown.representation.state === 'current' ? VALIDATORS : [];
  const context = { sent: exchange.fields, origin: shown.fields, shown: validators };
  // undecided cannot be: what the probe could not tell was refused before
  if (verdict.action !== 'respond') {
    if (verdict.action === 'undecided') throw new Error(verdict.reason);
    outcome.verdict = verdict.held.length === 0 ? 'ignored' : 'perform';
    if (verdict.held.length > 0 && verdict.held.every((field) => field === 'if-unmodified-since'))
      outcome.dateOnly = true;
    if (verdict.held.length > 0 || !demandsCondition(route, method, effectiveMethod)) return undefined;
    const detail =
      'This resource demands a condition, and the one that was sent must be ignored because the resource has no ' +
      'modification date. Send If-Match with the ETag of the version that the change is based on.';
    return { error: new GatewayError('precondition-required', detail), context };
  }
  outcome.verdict = 'failed';
  outcome.field = verdict.field;
  const error = new GatewayError(
    'precondition-failed',
    failedDetail(verdict.field, shown, preconditions.ifNoneMatch === '*'),
  );
  return { error, context: { ...context, field: verdict.field } };
}

function failedDetail(field: ConditionalField, shown: Probe, createOnly: boolean): string {
  const name = fieldName(field);
  if (shown.representation.state === 'absent') {
    return `${name} is false: the resource does not exist (any more). To create it, send If-None-Match: * instead.`;
  }
  if (field === 'if-none-match' && createOnly) {
    return `${name} is false: the resource exists already. GET it, and send If-Match with its ETag to change it.`;
  }
  return `${name} is false: the resource is not in the state that the request was made for. GET the current version, apply the change to it, and send it with the new ETag.`;
}
