// The part of explain that asks the origin (--live): the state of the resource, and the verdict on the request.
import type { Understood } from '../app/exchange-of.ts';
import { describeCause } from '../app/log-request.ts';
import { Cancellation } from '../cancel-signal.ts';
import type { Config } from '../config/config.ts';
import { openOrigin } from '../origin/client.ts';
import { forwardFields, probeFields } from '../origin/fields.ts';
import { probe } from '../origin/probe.ts';
import type { ProbeResult } from '../origin/probe-answer.ts';
import { demandsCondition } from '../route/plan.ts';
import type { Route } from '../route/route.ts';
import { evaluate, type Verdict, whyNoTagMatches } from '../semantics/evaluate.ts';
import type { Representation } from '../semantics/representation.ts';
import { describePlan, describeState, describeVerdict } from './explain-words.ts';

/** Says one line: its name, and the text. */
export type Say = (name: string, text: string) => void;

/** Probes `probed` as the request would, and says what that gives. Resolves with whether there is a verdict. */
export async function explainLive(
  config: Config,
  understood: Understood,
  probed: string,
  say: Say,
): Promise<boolean> {
  const result = await probeOnce(config, understood, probed, (message) => say('warning', message));
  say('state', describeState(result));
  const cause = result.refusal?.error.cause;
  if (cause !== undefined) say('cause', describeCause(cause));
  const { verdict, decided } = decide(understood, result);
  say('verdict', verdict);
  return decided;
}

async function probeOnce(
  config: Config,
  { received, match, preconditions }: Understood,
  target: string,
  warn: (message: string) => void,
): Promise<ProbeResult> {
  const { fields, host } = received;
  const { route } = match;
  const { timeouts } = config.origin;
  const origin = openOrigin(config.origin, warn);
  const local = { peer: '127.0.0.1', trusted: false, overrides: false, version: '1.1', via: 'ifmatch' };
  const forwarded = ['Host', origin.host(host), ...forwardFields(fields, { ...local, host })];
  const result = await probe(
    origin,
    {
      target,
      fields: probeFields(forwarded),
      preconditions,
      method: route.probe,
      memoryKey: route.path,
      startMs: timeouts.connect,
      clientGone: new Cancellation(),
    },
    { timeoutMs: timeouts.probe, memory: new Set(), now: Date.now },
  );
  await origin.close();
  return result;
}

function decide(
  { received: { method }, match: { route }, preconditions, planned }: Understood,
  { representation, refusal }: ProbeResult,
): { readonly verdict: string; readonly decided: boolean } {
  const plan = planned.plan.kind === 'observe' ? planned.plan.of : planned.plan;
  // whatever the state is
  if (plan.kind === 'forward' || plan.kind === 'malformed' || plan.kind === 'demand')
    return { verdict: describePlan(plan), decided: true };
  // a write from where nothing is checked to where something is may have conditions; nobody looks at them
  const asked = plan.kind === 'locked' ? {} : preconditions;
  const verdict = evaluate(method, asked, representation, route.weak);
  if (verdict.action === 'undecided')
    return { verdict: `undecided: ${refusal?.error.detail ?? verdict.reason}`, decided: false };
  const ignored = verdict.action === 'perform' && verdict.held.length === 0;
  if (ignored && demandsCondition(route, method, planned.effectiveMethod)) {
    const why = representation.state === 'absent' ? 'does not exist' : 'has no modification date';
    return { verdict: `428: the condition must be ignored, because the resource ${why}`, decided: true };
  }
  return { verdict: describeVerdict(verdict) + hopeless(verdict, representation, route), decided: true };
}

/** Behind a verdict: that it would be the same with any entity-tag, for the origin's are of no use. */
function hopeless(verdict: Verdict, representation: Representation, { weak }: Route): string {
  if (verdict.action !== 'respond' || verdict.field !== 'if-match' || representation.state !== 'current')
    return '';
  const why = whyNoTagMatches(representation.validators, weak);
  return why === undefined ? '' : `, and so it is with any entity-tag: ${why}`;
}
