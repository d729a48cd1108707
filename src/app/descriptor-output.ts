// Text to a file descriptor, at once. A write that fails, on a full disk or for want of a reader, ends nothing.
import { writeSync } from 'node:fs';

/** How soon a pipe is tried again whose reader is slow, milliseconds. */
const PAUSE = 10;

const NOTHING = Buffer.alloc(0);

/**
 * Not process.stdout, which makes a pipe non-blocking, so that writes fail while its reader is slow; and not pino's
 * destination, for the command line needs it before it is known that libraries run on this version of Node.
 */
export class DescriptorOutput {
  readonly #descriptor: number;
  readonly #failed: (code: string) => void;
  /** What could not be written goes first when it can, or a line would be cut in two; what comes meanwhile is lost. */
  #left: Buffer = NOTHING;
  #failing = false;

  /** `failed`: told of the first failure, and of the first one after each success. */
  constructor(descriptor: number, failed: (code: string) => void = () => {}) {
    this.#descriptor = descriptor;
    this.#failed = failed;
  }

  /** Whether the last of it could not be written. */
  get isFailing(): boolean {
    return this.#failing;
  }

  /** Never throws. The bytes are the caller's again when it returns. With no bytes it only tries once more what is left. */
  write(content: string | Buffer): void {
    this.#left = this.#restOf(this.#left);
    if (this.#left.length > 0) return;
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.#left = Buffer.from(this.#restOf(bytes));
  }

  #restOf(bytes: Buffer): Buffer {
    let at = 0;
    while (at < bytes.length) {
      try {
        at += writeSync(this.#descriptor, bytes, at);
        this.#failing = false;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        if (code === 'EAGAIN') {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
          continue;
        }
        if (!this.#failing) this.#failed(code);
        this.#failing = true;
        return bytes.subarray(at);
      }
    }
    return NOTHING;
  }
}
