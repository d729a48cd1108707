// What explain says of a plan, a state and a verdict.
import type { ProbeResult } from '../origin/probe-answer.ts';
import type { Plan } from '../route/plan.ts';
import type { Verdict } from '../semantics/evaluate.ts';
import { fieldValue } from '../semantics/fields.ts';

/** The steps of a plan, or the refusal that it is. */
export function describePlan(plan: Plan): string {
  switch (plan.kind) {
    case 'forward':
      return 'forward: nothing is checked';
    case 'malformed':
      return `400: ${plan.field} is malformed: it takes * alone, or entity-tags in double quotes`;
    case 'demand':
      return `428: ${plan.why}`;
    case 'locked':
      return 'lock, forward, release';
    case 'check':
      return `${plan.lock ? 'lock, ' : ''}probe, evaluate, forward or 412${plan.lock ? ', release' : ''}`;
    case 'read':
      return 'forward, evaluate the answer: pass, 304 or 412';
    case 'observe':
      return `forward always; enforce would: ${describePlan(plan.of)}`;
  }
}

export function describeVerdict(verdict: Exclude<Verdict, { action: 'undecided' }>): string {
  if (verdict.action === 'respond') return `${verdict.status}: ${verdict.field} is false`;
  if (verdict.held.length === 0) return 'perform: no condition applies';
  return `perform: ${verdict.held.join(', ')} holds`;
}

/** What a probe has shown: the state, with its validators as they were sent. */
export function describeState({ representation, fields }: ProbeResult): string {
  if (representation.state !== 'current') return representation.state;
  const validators = ['etag', 'last-modified'].flatMap((name) => {
    const value = fieldValue(fields, name);
    return value === undefined ? [] : [`${name} ${value}`];
  });
  return validators.length === 0 ? 'current, without validators' : `current, ${validators.join(', ')}`;
}
