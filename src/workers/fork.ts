// Starts a worker: a process of this program that listens where the primary does.
import cluster from 'node:cluster';
import { DescriptorOutput } from '../app/descriptor-output.ts';
import { type Clock, processClock } from '../lock/clock.ts';
import { type Channel, channelOf, pulseOf } from './channel.ts';
import { watchPulse } from './pulse.ts';
import { closeUntaken } from './untaken.ts';
import { wholeLines } from './whole-lines.ts';

export interface Child {
  readonly pid: number | undefined;
  readonly channel: Channel;
  /** Resolves when it has ended and all that it wrote has been passed on: with the exit code, or the signal, and why. */
  readonly ended: Promise<string>;
  /** At once: SIGKILL. */
  kill(): void;
}

/** How a worker ended that had to be killed: it served nobody, and kept the connections that it had. */
const STUCK = 'SIGKILL: it had stopped answering';

/**
 * What forks workers; what they write to stdout goes to `out` in whole lines, and stderr to ours. One that is stopped or
 * hangs is killed.
 */
export function forker(out: { write(lines: string): void }, clock: Clock = processClock): () => Child {
  cluster.setupPrimary({ args: ['worker'], silent: true });
  const error = new DescriptorOutput(2);
  return () => {
    const worker = cluster.fork();
    const { process: child } = worker;
    // what Node itself cannot send to a dying worker is an error that would end this process; `ended` says that it is gone
    worker.on('error', () => {});
    closeUntaken(child);
    // no pipes: each would leave listeners at our end, of which Node warns from eleven workers on
    for (const [from, to] of [
      [child.stdout, out],
      [child.stderr, error],
    ] as const)
      from?.on(
        'data',
        wholeLines((lines) => to.write(lines)),
      );
    let stuck = false;
    watchPulse(
      pulseOf(child),
      () => {
        stuck = true;
        child.kill('SIGKILL');
      },
      clock,
    );
    const ended = new Promise<string>((resolve) => {
      // a process that could not be started has no end of its own
      child.on('error', (error) => child.pid === undefined && resolve(error.message));
      child.once('close', (code, signal) => resolve(stuck ? STUCK : (signal ?? `exit code ${code}`)));
    });
    return { pid: child.pid, channel: channelOf(child), ended, kill: () => void child.kill('SIGKILL') };
  };
}
