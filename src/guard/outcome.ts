// What happened to one request, as data: for the log now, for metrics and the dashboard later.
import type { ErrorCode } from '../errors.ts';
import type { Plan } from '../route/plan.ts';
import type { ConditionalField } from '../semantics/preconditions.ts';

/** What `observe` and `warn` would have answered under `enforce`. */
export interface WouldAnswer {
  readonly status: number;
  readonly code: ErrorCode;
  readonly field?: ConditionalField;
}

/** Filled in as the request goes on; everything unset did not happen. */
export interface Outcome {
  plan?: Plan['kind'];
  /** RFC 9110 13.2.2. */
  verdict?: 'perform' | 'not-modified' | 'failed' | 'ignored' | 'undecided';
  /** The condition that failed. */
  field?: ConditionalField;
  would?: WouldAnswer;
  /** The refusal made here. */
  code?: ErrorCode;
  /** A write was guarded by nothing finer than a date of one second (RFC 9110 8.8.2.2). */
  dateOnly?: true;
  /** The write was forwarded although its condition could not be evaluated (`undecided: forward`). */
  unguarded?: true;
  lockMs?: number;
  /** Of the lease under which the write was sent, where the engine is shared. */
  fence?: string;
  /** The write was forwarded although the engine could not keep other processes out (`lock.down`). */
  unserialised?: true;
  probeMs?: number;
  /** The origin may or may not have applied the write. */
  fate?: 'unknown';
}
