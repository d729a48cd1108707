// What the guard needs to know of one request, and what it gives back: nothing is sent from this folder.
import type { CancelSignal } from '../cancel-signal.ts';
import type { GatewayError } from '../errors.ts';
import type { Fate, Lock } from '../lock/lock.ts';
import type { OriginClient } from '../origin/client.ts';
import type { Content } from '../origin/exchange.ts';
import type { ForwardSettings, OriginAnswer } from '../origin/forward.ts';
import type { ProbeSettings } from '../origin/probe.ts';
import type { Route } from '../route/route.ts';
import type { FieldLines } from '../semantics/fields.ts';
import type { Preconditions } from '../semantics/preconditions.ts';
import type { Outcome } from './outcome.ts';

/** The request's content. Nothing is read, and no 100 (Continue) sent, before it is asked for. */
export interface RequestContent {
  /** Bytes announced; undefined: chunked; 0: none. */
  readonly length: number | undefined;
  /** The client waits for a 100 (Continue) before it sends. */
  readonly withheld: boolean;
  /**
   * All of the content, in pieces, when it is at most `limit` bytes, otherwise a stream of it.
   * Rejects with GatewayError `content-timeout`, `content-too-large` or `client-gone`; so does the stream.
   */
  read(limit: number): Promise<Content>;
}

export interface Exchange {
  /** As received: the conditions are evaluated for it, for it may be the one that is performed. */
  readonly method: string;
  /** The one that the origin may perform instead: an unsafe one, named where the route passes method overrides; or the same. */
  readonly effectiveMethod: string;
  /** Path and query to forward, byte for byte. */
  readonly target: string;
  readonly route: Route;
  /** Path and query of the resource whose validators count; of a read its own. */
  readonly probed: string;
  /** The resource keys that a write holds, in the order in which everybody takes them. */
  readonly keys: readonly string[];
  /** The fields as received. */
  readonly fields: FieldLines;
  readonly preconditions: Preconditions;
  /** The fields for the origin, Host included, conditional ones as received. */
  readonly forwarded: readonly string[];
  readonly content: RequestContent;
  readonly clientGone: CancelSignal;
  readonly outcome: Outcome;
  /** Notes a refusal, and what is behind it, for the log. */
  readonly noteError: (error: GatewayError) => void;
  /** Told of each write's fate to come, so that the log can wait for it. */
  readonly awaitFate: (settled: Promise<Fate>) => void;
}

/** What the guard works with; one set for the life of a configuration. */
export interface Tools {
  readonly origin: OriginClient;
  readonly lock: Lock;
  /** Longest wait for the lock, milliseconds. */
  readonly waitMs: number;
  /** Name of the field that tells the origin the lease's fence; undefined: none. */
  readonly fenceField: string | undefined;
  /** Bytes of content read before the lock is taken. */
  readonly buffer: number;
  readonly forward: ForwardSettings;
  readonly probe: ProbeSettings;
}

/** An answer made here. */
export interface MadeAnswer {
  readonly made: true;
  readonly status: number;
  readonly fields: readonly string[];
  readonly content: Buffer;
}

/** The origin's answer; its fields are ready for the client. */
export interface PassedAnswer extends OriginAnswer {
  readonly made: false;
}

export type Answer = MadeAnswer | PassedAnswer;
