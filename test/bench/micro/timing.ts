// How long one call takes: batches long enough for the clock, and the fastest of them.

export interface Micro {
  readonly name: string;
  /** One call; what it returns is kept, so that it cannot be optimized away. */
  readonly run: () => unknown;
}

/** Milliseconds. */
const WARM_UP = 150;
const BATCH = 8;

const BATCHES = 25;

/** Nanoseconds for one call: of the fastest fifth the slowest, since whatever else the machine does only adds. */
export function time({ run }: Micro): number {
  let calls = 0;
  const start = performance.now();
  while (performance.now() - start < WARM_UP) {
    batch(run, 100);
    calls += 100;
  }
  const size = Math.max(1, Math.round((calls * BATCH) / WARM_UP));
  const times = Array.from({ length: BATCHES }, () => batch(run, size) / size).sort((a, b) => a - b);
  return (times[Math.floor(BATCHES / 5)] ?? Number.NaN) * 1e6;
}

/** Milliseconds for `size` calls. */
function batch(run: () => unknown, size: number): number {
  let kept: unknown;
  const start = performance.now();
  for (let call = 0; call < size; call++) {
    const result = run();
    // never true, and the compiler does not know
    if (result === batch) kept = result;
  }
  const spent = performance.now() - start;
  if (kept !== undefined) throw new Error('cannot be');
  return spent;
}
