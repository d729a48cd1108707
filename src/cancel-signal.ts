// Word that something is not wanted any more: for most requests made, asked, and never given.

/** As much of an AbortSignal as is needed here; one of those serves as well. */
export interface CancelSignal {
  readonly aborted: boolean;
  /** `listener` is called once, when it fires; never, when it has fired before. */
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Fires when it is told to. An AbortController for each request would cost a conditional write 1 % and more. */
export class Cancellation implements CancelSignal {
  #aborted = false;
  readonly #listeners: (() => void)[] = [];

  get aborted(): boolean {
    return this.#aborted;
  }

  /** Fires; only the first call counts. */
  abort(): void {
    this.#aborted = true;
    // one by one, for a listener may take another one back
    for (let next = this.#listeners.shift(); next !== undefined; next = this.#listeners.shift()) next();
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (!this.#aborted) this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at !== -1) this.#listeners.splice(at, 1);
  }
}
