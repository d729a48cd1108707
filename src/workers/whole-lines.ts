// Lines that come in pieces, passed on whole: several processes write to one log, and none of them into a line of another.

/** Returns what takes the pieces. A line that never ends is not passed on: its writer was killed in the middle of it. */
export function wholeLines(write: (lines: string) => void): (piece: Buffer) => void {
  let begun: Buffer[] = [];
  return (piece) => {
    const end = piece.lastIndexOf(0x0a) + 1;
    if (end === 0) {
      begun.push(piece);
      return;
    }
    write(Buffer.concat([...begun, piece.subarray(0, end)]).toString('utf8'));
    begun = end < piece.length ? [piece.subarray(end)] : [];
  };
}
