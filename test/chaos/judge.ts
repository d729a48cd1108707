// From a history to a verdict: the protocol must hold, a control must break by its own cause, and both must have been tried.

import { isExplained } from './cause.ts';
import {
  brokenChain,
  fallenFences,
  falseAnswers,
  falseCounts,
  type Injected,
  injected,
  staleViews,
  type Violation,
} from './invariants.ts';
import { type Scenario, TRANSPORT } from './scenario.ts';
import type { Trial } from './trial.ts';
import { mustBreak, type Weakness } from './weakened.ts';

export type Verdict = 'holds' | 'breaks, as it must' | 'BROKEN' | 'DID NOT BREAK' | 'VOID';

export interface Judged {
  readonly verdict: Verdict;
  /** What makes it a bad one; empty otherwise. */
  readonly why: string;
  readonly applied: number;
  readonly acknowledged: number;
  readonly ambiguous: number;
  readonly injected: readonly Injected[];
  /** I1. */
  readonly breaks: number;
  /** Of the breaks of a control, those that bear the mark of its rule. */
  readonly explained: number;
  /** I2, I3, I4 and I6. */
  readonly violations: readonly Violation[];
  /** I5: who did not get on. */
  readonly stuck: readonly string[];
  /** Longest time for which the origin, or the links to it, did not run, milliseconds. */
  readonly stall: number;
}

export function isGood({ verdict }: Judged): boolean {
  return verdict === 'holds' || verdict === 'breaks, as it must';
}

/** `least`: how many writes there must be for the run to say something. */
export function judge(
  scenario: Scenario,
  weakness: Weakness | undefined,
  trial: Trial,
  least: number,
): Judged {
  const { history } = trial;
  const broken = brokenChain(history);
  const count = (of: string) => history.operations.filter(({ outcome }) => outcome === of).length;
  const counted = {
    applied: history.applied.length,
    acknowledged: count('ok'),
    ambiguous: count('ambiguous'),
    injected: injected(history, scenario.budget.write),
    breaks: broken.length,
    explained:
      weakness === undefined ? 0 : broken.filter((entry) => isExplained(history, entry, weakness)).length,
    violations: [
      ...falseAnswers(history),
      ...falseCounts(history),
      ...(scenario.engine === 'memory' ? [] : fallenFences(history)),
      ...staleViews(history),
    ],
    stuck: trial.stuck,
    stall: trial.stall,
  };
  return { ...counted, ...sentence(scenario, weakness, counted, least) };
}

type Counted = Omit<Judged, 'verdict' | 'why'>;

function sentence(
  scenario: Scenario,
  weakness: Weakness | undefined,
  counted: Counted,
  least: number,
): Pick<Judged, 'verdict' | 'why'> {
  const { breaks, explained, violations, stuck, stall } = counted;
  if (mustBreak(weakness)) {
    if (breaks === 0) return { verdict: 'DID NOT BREAK', why: voidReason(scenario, counted, 1) };
    if (explained === breaks) return { verdict: 'breaks, as it must', why: '' };
    return { verdict: 'VOID', why: `${breaks - explained} breaks have another cause than the missing rule` };
  }
  if (breaks > 0 && stall > TRANSPORT)
    return { verdict: 'VOID', why: `${breaks} breaks, while the origin did not run for ${stall} ms` };
  if (breaks > 0) return { verdict: 'BROKEN', why: `the chain broke ${breaks} times` };
  const [first] = violations;
  if (first !== undefined) return { verdict: 'BROKEN', why: `${first.rule}: ${first.text}` };
  if (stuck.length > 0) return { verdict: 'BROKEN', why: `I5: ${stuck.join(', ')} did not get on` };
  const why = voidReason(scenario, counted, least);
  return { verdict: why === '' ? 'holds' : 'VOID', why };
}

/** Why the run says nothing; empty if it does say something. */
function voidReason({ requires }: Scenario, { applied, injected }: Counted, least: number): string {
  if (applied < least) return `${applied} writes are too few, ${least} were wanted`;
  const missed = requires.filter((kind) => !injected.some((of) => of.kind === kind && of.hits > 0));
  return missed.length === 0 ? '' : `no ${missed.join(', no ')} befell a write`;
}
