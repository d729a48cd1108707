// How far a client has taken the answer at work, looked at now and then: one that takes nothing shows by standing still.
import type { Duplex } from 'node:stream';

/** No number of bytes: nobody has looked yet. */
const NOT_LOOKED = -1;

export class Progress {
  #taken = NOT_LOOKED;
  /** On the monotonic clock. */
  #since = 0;

  /** Another answer begins. */
  restart(): void {
    this.#taken = NOT_LOOKED;
  }

  /** How long the client has taken nothing although there was something to take, milliseconds; `now`: the monotonic clock. */
  stalledMs(socket: Duplex & { readonly bytesWritten: number }, now: number): number {
    const taken = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength === 0 || taken !== this.#taken) {
      this.#taken = taken;
      this.#since = now;
    }
    return now - this.#since;
  }
}
