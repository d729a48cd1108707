// Connections that are closed as they come, because limits.connections is reached: logged, but not one by one.
import type { Logger } from 'pino';

/** Shortest time between two lines, milliseconds. */
const PAUSE = 5_000;

const TOO_MANY =
  'connections were closed as they came: there are as many as limits.connections and the limit of open files allow';

export class Drops {
  readonly #log: Logger;
  readonly #limit: number;
  #dropped = 0;
  #pause: NodeJS.Timeout | undefined;

  /** `limit`: how many connections this process may have; of several workers each has its share of the limit. */
  constructor(log: Logger, limit: number) {
    this.#log = log;
    this.#limit = limit;
  }

  /** One more: logged at once, or with the others of the pause. */
  add(): void {
    this.#dropped += 1;
    if (this.#pause === undefined) this.#tell();
  }

  /** Nothing comes any more: what has not been logged is. */
  stop(): void {
    clearTimeout(this.#pause);
    this.#say();
  }

  #tell(): void {
    this.#pause = this.#say() ? setTimeout(() => this.#tell(), PAUSE).unref() : undefined;
  }

  /** Whether there was anything to say. */
  #say(): boolean {
    if (this.#dropped === 0) return false;
    this.#log.warn({ dropped: this.#dropped, limit: this.#limit }, TOO_MANY);
    this.#dropped = 0;
    return true;
  }
}
