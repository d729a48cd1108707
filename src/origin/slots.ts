// How many exchanges may be under way at once; the others wait here, in order, and can still give up.

/** Counts holders up to a size. What waits here can leave without a trace. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(size: number) {
    this.#free = size;
  }

  /** Who enters now does not wait. */
  get hasFree(): boolean {
    return this.#free > 0;
  }

  /**
   * Calls `start` once there is a slot: at once, if one is free. The returned function gives up the slot, or the place
   * in the queue; only its first call counts.
   */
  enter(start: () => void): () => void {
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      if (!this.#waiting.delete(start)) this.#next();
    };
    if (this.#free > 0) {
      this.#free -= 1;
      start();
    } else {
      this.#waiting.add(start);
    }
    return leave;
  }

  #next(): void {
    const [start] = this.#waiting;
    if (start === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(start);
    start();
  }
}
