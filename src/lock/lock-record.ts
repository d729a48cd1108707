// What the lock has done so far, as data: for the log and the admin listener now, for a metrics exporter later.

/** Upper bounds of a histogram's buckets, seconds; above the last one everything counts as infinite. */
export const BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export interface HistogramState {
  /** How many were at most so long, for each of BOUNDS, and all: cumulative, as Prometheus wants them. */
  readonly buckets: readonly number[];
  readonly count: number;
  /** Seconds. */
  readonly sum: number;
}

class Histogram {
  readonly #counts = new Array<number>(BOUNDS.length + 1).fill(0);
  #count = 0;
  #sum = 0;

  observe(ms: number): void {
    const seconds = ms / 1000;
    const at = BOUNDS.findIndex((bound) => seconds <= bound);
    const bucket = at === -1 ? BOUNDS.length : at;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += seconds;
  }

  state(): HistogramState {
    let total = 0;
    const buckets = this.#counts.map((count) => (total += count));
    return { buckets, count: this.#count, sum: this.#sum };
  }
}

/** When a lease was lost: before its write was sent, while it was on its way, or found out at its release. */
export type Loss = 'before_send' | 'in_flight' | 'after';

export interface LockReport {
  /** How a request for the lock ended (`granted` or the code of the refusal), and how long that took. */
  readonly acquireSeconds: Readonly<Record<string, HistogramState>>;
  /** How long a lease was held: `check` until it was armed or given up, `write` from then on. */
  readonly holdSeconds: { readonly check: HistogramState; readonly write: HistogramState };
  readonly quarantinedTotal: number;
  readonly lostTotal: Readonly<Record<Loss, number>>;
  /** Waiters that were woken, and those that looked by themselves: many more of these say that wakes do not arrive. */
  readonly wakesTotal: number;
  readonly pollsTotal: number;
  /** Writes that went through without the engine (`lock.down`: local or open). */
  readonly unserialisedTotal: number;
}

/** Counts; it is handed to whoever has something to count. */
export class LockRecord {
  readonly #acquired = new Map<string, Histogram>();
  readonly #check = new Histogram();
  readonly #write = new Histogram();
  readonly #lost: Record<Loss, number> = { before_send: 0, in_flight: 0, after: 0 };
  #quarantined = 0;
  #wakes = 0;
  #polls = 0;
  #unserialised = 0;

  acquired(outcome: string, ms: number): void {
    let histogram = this.#acquired.get(outcome);
    if (histogram === undefined) {
      histogram = new Histogram();
      this.#acquired.set(outcome, histogram);
    }
    histogram.observe(ms);
  }

  held(phase: 'check' | 'write', ms: number): void {
    (phase === 'check' ? this.#check : this.#write).observe(ms);
  }

  quarantined(): void {
    this.#quarantined += 1;
  }

  lost(when: Loss): void {
    this.#lost[when] += 1;
  }

  woken(by: 'wake' | 'poll'): void {
    if (by === 'wake') this.#wakes += 1;
    else this.#polls += 1;
  }

  unserialised(): void {
    this.#unserialised += 1;
  }

  report(): LockReport {
    const acquired = [...this.#acquired].map(([outcome, histogram]) => [outcome, histogram.state()] as const);
    return {
      acquireSeconds: Object.fromEntries(acquired),
      holdSeconds: { check: this.#check.state(), write: this.#write.state() },
      quarantinedTotal: this.#quarantined,
      lostTotal: { ...this.#lost },
      wakesTotal: this.#wakes,
      pollsTotal: this.#polls,
      unserialisedTotal: this.#unserialised,
    };
  }
}
