// The machine that measures: which core runs what, what it is, and processor time as the kernel counts it.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** Core numbers. The proxy under test has one to itself where the machine has two. */
export interface Cores {
  readonly proxy: number;
  readonly origin: number;
  /** wrk, the paced load and this program. */
  readonly load: number;
}

/** The kernel's clock ticks a second, as /proc shows them. */
const TICKS = 100;

export function chooseCores(count: number = cpus().length): Cores {
  return { proxy: count > 1 ? 1 : 0, origin: 0, load: count > 2 ? 2 : 0 };
}

/** Moves a process, with all its threads, to one core; what it starts inherits that. */
export function pin(pid: number, core: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)]);
}

/** Seconds of processor time that a process has used so far, in user and kernel mode. */
export function processorTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // the second field is a name in parentheses, which may hold spaces
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Seconds that a core has worked so far, for whomever, or was kept from us by the machine below. */
export function coreTime(core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, , , , , stolen = 0] = line.split(' ').map(Number);
  return (user + nice + system + stolen) / TICKS;
}

/** One line: processor, cores, memory, kernel, Node, and how busy the machine was when asked. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const [busy = 0] = loadavg();
  return `${cpus().length} cores of ${cpu?.model ?? 'unknown'}, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}; load average ${busy.toFixed(1)} at the start`;
}

export function describeCores({ proxy, origin, load }: Cores): string {
  return `proxy under test on core ${proxy}, origin on core ${origin}, load on core ${load}`;
}
