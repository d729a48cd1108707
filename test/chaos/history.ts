// What a run leaves behind, as data: what the clients did, what the origin applied, and what was done to them meanwhile.

/** A write in the origin's log; the log is in the order of application. Times are wall clock, milliseconds. */
export interface Applied {
  /** The client's name for its request; unique in a run. */
  readonly id: string;
  readonly key: string;
  readonly ifMatch: string | undefined;
  /** Entity-tag that was replaced. */
  readonly prevEtag: string;
  readonly newEtag: string;
  readonly fence: string | undefined;
  readonly receivedAt: number;
  readonly appliedAt: number;
}

/**
 * ok: 2xx. refused: 412. unavailable: 503. unsent: nobody listened. ambiguous: everything else, and a client that
 * stopped waiting: the write may have been applied or not.
 */
export type Outcome = 'ok' | 'refused' | 'unavailable' | 'unsent' | 'ambiguous';

/** One read and the write made from it, as its client saw them. Times are wall clock, milliseconds. */
export interface Operation {
  readonly id: string;
  readonly client: string;
  readonly key: string;
  /** Through which the write went. */
  readonly gateway: string;
  readonly readStartedAt: number;
  readonly readEtag: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
  /** The client went away before there was an answer. */
  readonly gaveUp: boolean;
  /** undefined without an answer. */
  readonly status: number | undefined;
  /** Why a gateway answered by itself: the code of its problem. */
  readonly code: string | undefined;
  /** The tag of the new version with `ok`, of the current one with `refused`, where the answer said it. */
  readonly etag: string | undefined;
}

export type FaultKind =
  | 'pause'
  | 'kill'
  | 'flush'
  | 'restart'
  | 'failover'
  | 'cut'
  | 'blackhole'
  | 'origin-cut'
  | 'slow'
  | 'give-up';

/** Something that was done, from when to when. `gateway`: to whom; undefined: to everybody. */
export interface Fault {
  readonly kind: FaultKind;
  readonly gateway: string | undefined;
  readonly from: number;
  readonly to: number;
}

export interface History {
  /** Of each key, its first entity-tag. */
  readonly initial: ReadonlyMap<string, string>;
  readonly applied: readonly Applied[];
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
  /** Of each key, the number it counts to at the end. */
  readonly counters: ReadonlyMap<string, number>;
}

/** Wall clock in milliseconds with fractions: comparable between the processes of one machine. */
export function wallNow(): number {
  return performance.timeOrigin + performance.now();
}
