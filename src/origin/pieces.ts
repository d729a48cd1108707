// Content that is kept as it comes, in pieces: many small ones are put together, for each takes hundreds of bytes besides its own.

import { WORTH } from './give-back.ts';

/** A longer piece is kept as it is, bytes. */
const SMALL = 1024;
/** So many are kept as they are, whatever their length: content mostly comes in a few. */
const FEW = 16;
/** What small ones are copied into, bytes: those of one block share its memory, so none may be long enough to be given back. */
const BLOCK = WORTH / 2;
const NO_BLOCK = Buffer.alloc(0);

export class Pieces {
  #kept: Buffer[] = [];
  /** What is left of a block, with `#used` bytes of it written that are not in `#kept` yet. */
  #block = NO_BLOCK;
  #used = 0;

  /** How many there are now. */
  get count(): number {
    return this.#kept.length + (this.#used > 0 ? 1 : 0);
  }

  add(piece: Buffer): void {
    if (this.#kept.length < FEW || piece.length > SMALL) {
      this.#keepCopied();
      this.#kept.push(piece);
      return;
    }
    if (piece.length > this.#block.length - this.#used) {
      this.#keepCopied();
      this.#block = Buffer.allocUnsafeSlow(BLOCK);
    }
    this.#used += piece.copy(this.#block, this.#used);
  }

  /** Takes the first one. */
  shift(): Buffer | undefined {
    if (this.#kept.length === 0) this.#keepCopied();
    return this.#kept.shift();
  }

  /** All of it, in its order; nothing is left here. */
  take(): Buffer[] {
    this.#keepCopied();
    const taken = this.#kept;
    this.#kept = [];
    return taken;
  }

  /** The rest of the block serves on: small pieces between long ones do not take one each. */
  #keepCopied(): void {
    if (this.#used === 0) return;
    this.#kept.push(this.#block.subarray(0, this.#used));
    this.#block = this.#block.subarray(this.#used);
    this.#used = 0;
  }
}
