// How many exchanges may be under way at once; the others wait here, in order, and can still give up.

/** Counts holders up to a size. What waits here can leave without a trace. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();
  #handingOut = false;

  constructor(size: number) {
    this.#free = size;
  }

  /** Who enters now does not wait. */
  get hasFree(): boolean {
    return this.#free > 0 && this.#waiting.size === 0;
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
      if (this.#waiting.delete(start)) return;
      this.#free += 1;
      this.#handOut();
    };
    if (this.hasFree) {
      this.#free -= 1;
      start();
    } else {
      this.#waiting.add(start);
    }
    return leave;
  }

  /** Those that give their slot up as they start would recurse here, a level for each: only the first one hands out. */
  #handOut(): void {
    if (this.#handingOut) return;
    this.#handingOut = true;
    for (let [start] = this.#waiting; start !== undefined && this.#free > 0; [start] = this.#waiting) {
      this.#waiting.delete(start);
      this.#free -= 1;
      start();
    }
    this.#handingOut = false;
  }
}

/** Takes a slot of `first`, and then of `second`; with each as {@link Slots.enter}. */
export function enterBoth(first: Slots, second: Slots, start: () => void): () => void {
  let leaveSecond = (): void => {};
  const leaveFirst = first.enter(() => {
    leaveSecond = second.enter(start);
  });
  return () => {
    leaveSecond();
    leaveFirst();
  };
}
