// Whether an origin answers HEAD with content, which would be read as the next answer on a kept connection.
import { errorCode } from './failure.ts';

/**
 * undici closes a connection after every HEAD because some servers do that (undici issue 258). Here connections are kept
 * until an origin is caught at it: bytes that belong to no exchange, or that begin an answer and are none.
 */
export class StrayContent {
  /** From then on connections are closed after a HEAD. */
  seen = false;
  readonly #told = new WeakSet<Error>();
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** An exchange has failed by this error: no news that the bytes were unexpected. */
  told(error: unknown): void {
    if (error instanceof Error) this.#told.add(error);
  }

  /** Looks at why a connection ended. */
  look(error: Error): void {
    // an exchange that failed by the error says so first, but in a microtask
    queueMicrotask(() => {
      if (this.seen || !this.#isStray(error)) return;
      this.seen = true;
      this.#warn(
        'the origin sent bytes that answer no request; its connections are no longer reused after a HEAD',
      );
    });
  }

  #isStray(error: Error): boolean {
    const code = errorCode(error);
    if (this.#told.has(error)) return code === 'HPE_INVALID_CONSTANT';
    return code.startsWith('HPE_') || (code === 'UND_ERR_SOCKET' && error.message === 'bad response');
  }
}
