// Whether a break bears the mark of the rule that was turned off: a control that breaks for another reason shows nothing.

import type { Applied, FaultKind, History, Operation } from './history.ts';
import { overwritten } from './invariants.ts';
import type { Weakness } from './weakened.ts';

/** A write, what its client knows of it, and what was done while it was on its way. */
interface Traced {
  readonly operation: Operation;
  /** A fault of one of these kinds befell it. */
  befell(...kinds: FaultKind[]): boolean;
}

const MARKS: Readonly<Record<Weakness, (write: Traced) => boolean>> = {
  short: () => false,
  off: () => true,
  apart: () => true,
  // its gateway was stopped while it had the lease
  R1: ({ befell }) => befell('pause'),
  // the gateway had given it up
  R2: ({ operation }) => operation.status === 504 || operation.status === 502,
  // its client had gone
  R3: ({ operation }) => operation.gaveUp,
  // its gateway had died
  R4: ({ befell }) => befell('kill'),
  // Redis forgot its lock
  R5: ({ befell }) => befell('flush', 'restart', 'failover'),
  // as with R2
  late: (write) => MARKS.R2(write),
  all: (write) => [MARKS.R1, MARKS.R2, MARKS.R3, MARKS.R4, MARKS.R5].some((mark) => mark(write)),
};

/** The write that broke the chain, or one that it wrote over, bears the mark. */
export function isExplained(history: History, broken: Applied, weakness: Weakness): boolean {
  return [broken, ...overwritten(history, broken)].some((applied) => {
    const operation = history.operations.find(({ id }) => id === applied.id);
    return operation !== undefined && MARKS[weakness](trace(history, applied, operation));
  });
}

function trace({ faults }: History, applied: Applied, operation: Operation): Traced {
  return {
    operation,
    befell: (...kinds) =>
      faults.some(
        ({ kind, gateway, from, to }) =>
          kinds.includes(kind) &&
          (gateway === undefined || gateway === operation.gateway) &&
          from <= applied.appliedAt &&
          operation.startedAt <= to,
      ),
  };
}
