// The content of the origin's answer on its way to whoever wants it, with back-pressure and a bounded lead.
import { OriginFailure } from './failure.ts';
import { Pieces } from './pieces.ts';

/** Bytes of an unwanted answer that are read and dropped to keep its connection; beyond, the connection is given up. */
export const MAX_DISCARD = 64 * 1024;

const NOTHING = Buffer.alloc(0);

/** Where content goes. `write` returns false when it wants a pause; `drained()` of the content ends the pause. */
export interface Sink {
  /** The memory of the chunk is the sink's. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** The content is cut off: what was written so far must not look complete. */
  cut(failure: OriginFailure): void;
}

export interface Flow {
  pause(): void;
  resume(): void;
}

/**
 * Content waits here in pieces until a sink is attached and while it pauses. The origin is paused once more than `lead` bytes
 * wait: a write's answer gets a long lead, so that a slow reader does not keep the origin's side open.
 */
export class OriginContent {
  readonly #flow: () => Flow | undefined;
  readonly #lead: number;
  readonly #waiting = new Pieces();
  #waitingBytes = 0;
  #sink: Sink | undefined;
  #sinkReady = true;
  /** Somebody has it, or gets it as it comes. */
  #taken = false;
  #paused = false;
  #started = false;
  #end: 'complete' | OriginFailure | undefined;

  /** `flow`: where the content comes from now, if it is still to come. */
  constructor(flow: () => Flow | undefined, lead: number) {
    this.#flow = flow;
    this.#lead = lead;
  }

  /** Some of it has come, or its end. */
  get hasStarted(): boolean {
    return this.#started || this.#end !== undefined;
  }

  /**
   * All of it, if that has come already in one piece, or is nothing: the common case, which needs no sink. It is taken then.
   * Undefined otherwise.
   */
  takeWhole(): Buffer | undefined {
    if (this.#end !== 'complete' || this.#taken || this.#waiting.count > 1) return undefined;
    this.#taken = true;
    return this.#waiting.shift() ?? NOTHING;
  }

  push(chunk: Buffer): void {
    this.#started = true;
    if (this.#sink !== undefined && this.#sinkReady && this.#waiting.count === 0) {
      this.#sinkReady = this.#sink.write(chunk);
      if (!this.#sinkReady && this.#lead === 0) this.#pause();
      return;
    }
    this.#waiting.add(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > this.#lead) this.#pause();
  }

  /** All of it has come, or no more will. */
  finish(end: 'complete' | OriginFailure): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#flush();
  }

  attach(sink: Sink): void {
    this.#taken = true;
    this.#sink = sink;
    this.#sinkReady = true;
    this.#flush();
  }

  /** The sink takes more again. */
  drained(): void {
    this.#sinkReady = true;
    this.#flush();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#flow()?.pause();
  }

  #flush(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    while (this.#sinkReady) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) break;
      this.#waitingBytes -= chunk.length;
      this.#sinkReady = sink.write(chunk);
    }
    if (this.#end instanceof OriginFailure) {
      this.#sink = undefined;
      this.#waiting.take();
      sink.cut(this.#end);
    } else if (this.#end === 'complete' && this.#waiting.count === 0) {
      this.#sink = undefined;
      sink.end();
    } else if (this.#paused && this.#sinkReady && this.#end === undefined) {
      this.#paused = false;
      this.#flow()?.resume();
    }
  }
}
