// Times by which something must have happened, set anew for each exchange of a connection.

/** Of an exchange, milliseconds. Behind the head only `total` still runs: who takes the content has to see to its end. */
export type Deadlines =
  | {
      /** To the end of the answer, from the call or, with `start`, from the first byte out. */
      readonly total: number;
      /** As below. */
      readonly start?: number;
    }
  | {
      /** Until the first byte is out, where it has to wait: for a free slot, connecting, TLS. */
      readonly start: number;
      /** From the first byte out (of streamed content: from its last byte) to the answer's head. */
      readonly head: number;
    };

/**
 * One timer of Node's serves many deadlines: nearly all of them are lifted in time, so it is left to run, and looks when it
 * fires whether anything is due. A timer for each would cost a conditional write 2 %.
 */
export class Deadline {
  readonly #passed: () => void;
  /** Milliseconds on the monotonic clock; undefined: nothing is due. */
  #due: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer will fire, on the same clock. */
  #firesAt = Number.POSITIVE_INFINITY;

  /** `passed` is called when one passes that was not lifted before. */
  constructor(passed: () => void) {
    this.#passed = passed;
  }

  /** From now, milliseconds; in place of the one before. */
  set(ms: number): void {
    const now = performance.now();
    this.#due = now + ms;
    if (this.#due < this.#firesAt) this.#start(ms, now);
  }

  lift(): void {
    this.#due = undefined;
  }

  /** The same, for good: no timer keeps the process alive. */
  stop(): void {
    this.#due = undefined;
    clearTimeout(this.#timer);
    this.#firesAt = Number.POSITIVE_INFINITY;
  }

  #start(ms: number, now: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = now + ms;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    this.#firesAt = Number.POSITIVE_INFINITY;
    if (this.#due === undefined) return;
    const now = performance.now();
    const rest = Math.ceil(this.#due - now);
    if (rest > 0) {
      this.#start(rest, now);
      return;
    }
    this.#due = undefined;
    this.#passed();
  }
}
