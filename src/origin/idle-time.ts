// How long an unused connection is kept.

/** Where the origin does not say, milliseconds; undici's default. */
const USUAL = 4_000;
/** The longest whatever the origin says, and how much sooner than the origin it is given up. */
const LONGEST = 600_000;
const AHEAD = 2_000;

/** Milliseconds; not above 0: not at all. `announced`: for how long the origin keeps it (`timeout` of Keep-Alive), milliseconds. */
export function idleTime(announced?: number): number {
  return Math.min(announced === undefined ? USUAL : announced - AHEAD, LONGEST);
}
