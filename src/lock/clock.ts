// The time a lock lives by: a parameter, so that tests need not wait.

export interface Clock {
  /** Milliseconds since some fixed moment; steps of the wall clock do not show. */
  now(): number;
  /** Milliseconds since the epoch: it goes on while a machine sleeps, when the monotonic clock may stand still. */
  wall(): number;
  /** Calls `run` once after `ms` milliseconds, and never before `after` has returned. The result calls it off. */
  after(ms: number, run: () => void): () => void;
}

/** What setTimeout can count; with more than that it fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The clock of this process. None of its timers keeps the process alive: a waiter's client does, a quarantine need not. */
export const processClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, LONGEST_MS)).unref();
    return () => clearTimeout(timer);
  },
};

/** A moment on both clocks. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
}

export function momentOf(clock: Clock): Moment {
  return { now: clock.now(), wall: clock.wall() };
}

/** Milliseconds since then, by the clock that says more: a machine that sleeps stops one, a wrong time moves the other. */
export function ageOf({ now, wall }: Moment, clock: Clock): number {
  return Math.max(clock.now() - now, clock.wall() - wall);
}
