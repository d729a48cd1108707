// Whether an origin sends bytes that answer no request: on a kept connection they would be read as the next answer.

/** From the worst that was found: which connections are still kept behind an answer. */
type Seen = 'nothing' | 'behind HEAD' | 'behind anything';

/**
 * Some servers answer HEAD with content, so that undici closes a connection after every HEAD (undici issue 258). Here
 * connections are kept until an origin is caught at it, or at worse: bytes that belong to no exchange, or that should begin
 * an answer and are none.
 */
export class StrayContent {
  #seen: Seen = 'nothing';
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** Whether the connection of a request with this method has to end with its answer. */
  endsAfter(method: string): boolean {
    return this.#seen === 'behind anything' || (this.#seen === 'behind HEAD' && method === 'HEAD');
  }

  /** Some were found behind the answer to a HEAD, or to another request. */
  found(behindHead: boolean): void {
    const seen = behindHead ? 'behind HEAD' : 'behind anything';
    if (this.#seen === seen || this.#seen === 'behind anything') return;
    this.#seen = seen;
    this.#warn(
      `the origin sent bytes that answer no request; its connections are no longer reused${behindHead ? ' after a HEAD' : ''}`,
    );
  }
}
