// npm run bench:micro: nanoseconds for one call of what every request goes through. --json prints them for compare.ts.

import { type Micro, time } from './micro/timing.ts';
import { asText } from './report.ts';

/** Each is loaded by itself: another revision may not have what one of them calls. */
const GROUPS: readonly (() => Promise<{ readonly MICROS: readonly Micro[] }>)[] = [
  () => import('./micro/conditions.ts'),
  () => import('./micro/targets.ts'),
  () => import('./micro/fields.ts'),
];

async function measure(): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const group of GROUPS) {
    try {
      const { MICROS } = await group();
      for (const micro of MICROS) times[micro.name] = time(micro);
    } catch (error) {
      process.stderr.write(`left out: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return times;
}

const times = await measure();
if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify(times)}\n`);
} else {
  const rows = Object.entries(times).map(([name, nanoseconds]) => [name, nanoseconds.toFixed(1)]);
  process.stdout.write(`${asText({ title: 'One call', table: [['', 'ns'], ...rows] })}\n`);
}
