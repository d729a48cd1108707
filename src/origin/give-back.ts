// The memory of content that has been written: given back at once, not when V8 comes to collect it.

/** Bytes; for less it is not worth a call. */
export const WORTH = 16_384;

/**
 * For the callback of the write of `chunk`, which nobody may look at afterwards: frees its memory. V8 counts what buffers
 * hold, used or not, and marks its whole heap for every 64 MiB of it: with content of 1 MiB, half of all processor time.
 * `alone`: nobody else has a part of that memory; it can be told from a chunk that has all of it. Undefined where it would
 * gain nothing, or is somebody else's, too.
 */
export function giveBack(
  chunk: Buffer,
  alone = chunk.length === chunk.buffer.byteLength,
): ((error?: Error | null) => void) | undefined {
  const { buffer } = chunk;
  if (!alone || chunk.length < WORTH || !(buffer instanceof ArrayBuffer)) return undefined;
  return (error) => {
    // detaches it, which is what frees it; a write that failed may not be over yet
    if (error === undefined || error === null) buffer.transfer(0);
  };
}
