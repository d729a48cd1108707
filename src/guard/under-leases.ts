// Streamed content on its way to the origin: it stops when a lease is lost, and its last bytes leave under a fresh one.
import {
  getDefaultHighWaterMark,
  pipeline,
  Readable,
  Transform,
  type TransformCallback,
  type TransformOptions,
} from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { Lease, Lock } from '../lock/lock.ts';
import type { Content } from '../origin/exchange.ts';
import { notTaken } from '../origin/forward.ts';

/**
 * The origin performs a write when it has all of it, so the last chunk waits until the leases are armed anew: they then
 * outlive the write (`outlives`) however long the upload took. Content that is all there leaves at once, and a lease that
 * no time ends needs none of this: both come back as they are. `patience`: for how long the origin may leave what is all
 * here untaken, milliseconds.
 */
export function underLeases(
  content: Content,
  lock: Lock,
  leases: readonly Lease[],
  outlives: (lease: Lease) => boolean,
  patience: number,
): Content {
  if (
    !(content instanceof Readable) ||
    leases.every((lease) => lease.remainingMs() === Number.POSITIVE_INFINITY)
  )
    return content;
  return watched(content, lock, leases, outlives, patience);
}

function watched(
  content: Readable,
  lock: Lock,
  leases: readonly Lease[],
  outlives: (lease: Lease) => boolean,
  patience: number,
): Readable {
  let last: Buffer | undefined;
  const watch = new Watch({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      if (leases.some((lease) => lease.remainingMs() <= 0)) {
        done(brokenOff());
        return;
      }
      const next = last;
      last = chunk;
      done(null, next);
    },
    async flush(done) {
      // armed sooner, the leases would grow old while the origin takes what is before the last bytes
      await watch.untilAsked();
      lock.arm(leases).then(
        // a process that was stopped until now must not send what it was allowed to send then
        () => (leases.every(outlives) ? done(null, last) : done(brokenOff())),
        (cause: unknown) => done(brokenOff(cause)),
      );
    },
  });
  // the deadlines of the upload end here, and that of the answer begins when the last byte has left
  let timer: NodeJS.Timeout | undefined;
  content.once('end', () => {
    timer = setTimeout(() => watch.destroy(notTaken()), patience);
  });
  watch.once('close', () => clearTimeout(timer));
  // what ends one of the two ends the other; who reads `watch` gets the error
  pipeline(content, watch, () => {});
  return watch;
}

/** Nothing is kept ready for its reader, but in front of it, so that it knows when he has taken all there was and wants more. */
class Watch extends Transform {
  #isRead = false;
  #isHeld = false;
  #onAsked: (() => void) | undefined;

  constructor(options: Pick<TransformOptions, 'transform' | 'flush'>) {
    super({
      ...options,
      readableHighWaterMark: 0,
      writableHighWaterMark: 2 * getDefaultHighWaterMark(false),
    });
  }

  /** Resolves as soon as what is pushed goes to the reader at once. */
  untilAsked(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAsked = resolve;
      this.#look();
    });
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    this.#isRead = true;
    this.#look();
    return chunk;
  }

  override pause(): this {
    this.#isHeld = true;
    return super.pause();
  }

  override resume(): this {
    this.#isHeld = false;
    return super.resume();
  }

  #look(): void {
    if (this.#isRead && !this.#isHeld && this.readableLength === 0) this.#onAsked?.();
  }
}

function brokenOff(cause?: unknown): GatewayError {
  const detail =
    'The lock was lost while the content was on its way, so it was broken off before its end; it is unknown what the ' +
    'origin did with a part of it. GET the resource before you decide whether to repeat the write.';
  return new GatewayError('write-unknown', detail, { cause });
}
