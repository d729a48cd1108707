// The pause of one waiter: ended by time, by a wake, by its client's going or by the lock's stop.

import type { CancelSignal } from '../cancel-signal.ts';
import type { Clock } from './clock.ts';

export type WokenBy = 'time' | 'wake' | 'abort' | 'stop';

/** A wake that comes before the pause is kept: it may overtake the reply that says there is something to wait for. */
export class Sleeper {
  readonly #clock: Clock;
  readonly #signal: CancelSignal;
  readonly #onAbort = (): void => this.wake('abort');
  #woken: WokenBy | undefined;
  #resume: ((by: WokenBy) => void) | undefined;

  constructor(clock: Clock, signal: CancelSignal) {
    this.#clock = clock;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  sleep(ms: number): Promise<WokenBy> {
    const early = this.#woken;
    this.#woken = undefined;
    if (early !== undefined) return Promise.resolve(early);
    return new Promise((resolve) => {
      const cancel = this.#clock.after(Math.max(1, ms), () => this.wake('time'));
      this.#resume = (by) => {
        cancel();
        this.#resume = undefined;
        resolve(by);
      };
    });
  }

  wake(by: WokenBy): void {
    if (this.#resume === undefined) this.#woken = by;
    else this.#resume(by);
  }

  /** Leaves no listener behind. Not to be called during a pause. */
  end(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
