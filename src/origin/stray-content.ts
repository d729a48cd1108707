// Whether an origin answers HEAD with content, which would be read as the next answer on a kept connection.

/**
 * Some servers do that, so that undici closes a connection after every HEAD (undici issue 258). Here connections are kept
 * until an origin is caught at it: bytes that belong to no exchange, or that should begin an answer and are none.
 */
export class StrayContent {
  #seen = false;
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** From then on connections are closed after a HEAD. */
  get seen(): boolean {
    return this.#seen;
  }

  found(): void {
    if (this.#seen) return;
    this.#seen = true;
    this.#warn(
      'the origin sent bytes that answer no request; its connections are no longer reused after a HEAD',
    );
  }
}
