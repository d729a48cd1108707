// The gateways of a run: started, stopped for a while, killed and started again.

import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Children } from './children.ts';
import { wallNow } from './history.ts';
import type { Weakness } from './weakened.ts';

export interface FleetOptions {
  readonly children: Children;
  readonly names: readonly string[];
  readonly weakness: Weakness | undefined;
  /** The configuration of one of them, without listen and admin. */
  readonly yaml: (gateway: string) => string;
  /** A pause may hit while the gateway is running code, too. */
  readonly anywhere: boolean;
}

/** Numbers of epoll_wait, epoll_pwait (x86-64, arm64) and epoll_pwait2. */
const WAITING = new Set(['232', '281', '22', '441']);
const MOST_STOPS = 100;

export class Fleet {
  readonly names: readonly string[];
  readonly #options: FleetOptions;
  readonly #directory: string;
  readonly #running = new Map<string, { readonly child: ChildProcess; readonly url: string }>();
  readonly #deaths: string[] = [];
  readonly #relaunched: Promise<void>[] = [];
  /** Stops that hit running code and were taken back. */
  #takenBack = 0;

  static async start(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    await Promise.all(options.names.map((name) => fleet.#launch(name)));
    return fleet;
  }

  private constructor(options: FleetOptions) {
    this.#options = options;
    this.names = options.names;
    this.#directory = options.children.directory();
  }

  /** Of those that nobody killed. */
  get deaths(): readonly string[] {
    return this.#deaths;
  }

  get takenBack(): number {
    return this.#takenBack;
  }

  /** Where it listens; undefined while it is not running. */
  url(name: string): string | undefined {
    return this.#running.get(name)?.url;
  }

  up(): readonly string[] {
    return [...this.#running.keys()];
  }

  /**
   * Stops the process, and lets it go on after `ms`. One that runs code just then is let go and stopped a moment later:
   * between the last look at the lease and write(2) there are microseconds in which no proxy can notice a pause, and
   * these are stated as the limit of what it promises. Resolves with when it was stopped; undefined: it could not be.
   */
  async pause(name: string, ms: number): Promise<number | undefined> {
    const { child } = this.#running.get(name) ?? {};
    const from = child?.pid === undefined ? undefined : await this.#stop(child, child.pid);
    if (from === undefined) return undefined;
    await sleep(ms);
    child?.kill('SIGCONT');
    return from;
  }

  /** Kills it, and starts another one in its place. */
  async kill(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    this.#running.delete(name);
    await this.#options.children.end(running.child);
    await this.#launch(name);
  }

  /** The lines that it logged for a path. */
  logOf(name: string, path: string): readonly string[] {
    const lines = readFileSync(this.#logFile(name), 'utf8').split('\n');
    return lines.filter((line) => line.includes(`"path":"${path}"`));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#relaunched);
    const running = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(running.map(({ child }) => this.#options.children.end(child)));
    this.#options.children.remove(this.#directory);
  }

  async #launch(name: string): Promise<void> {
    const { children, weakness, yaml } = this.#options;
    const file = join(this.#directory, `${name}.yaml`);
    writeFileSync(file, `listen: 127.0.0.1:0\nadmin: off\n${yaml(name)}`);
    const { child, said } = await children.fork('gateway.ts', [file, this.#logFile(name), weakness ?? '']);
    this.#running.set(name, { child, url: String(said) });
    child.once('exit', (code, signal) => {
      if (this.#running.get(name)?.child !== child) return;
      this.#deaths.push(`${name} ended by itself (${code ?? signal})`);
      this.#running.delete(name);
      this.#relaunched.push(this.#launch(name)); // as whoever supervises it would
    });
  }

  #logFile(name: string): string {
    return join(this.#directory, `${name}.log`);
  }

  async #stop(child: ChildProcess, pid: number): Promise<number | undefined> {
    for (let stops = 0; stops < MOST_STOPS; stops += 1) {
      const from = wallNow();
      if (!child.kill('SIGSTOP')) return undefined;
      await sleep(2);
      if (this.#options.anywhere || isWaiting(pid)) return from;
      this.#takenBack += 1;
      child.kill('SIGCONT');
      await sleep(5 + 7 * (stops % 6)); // long enough for a busy machine to let it finish
    }
    return undefined;
  }
}

/** Whether the stopped process waits for events. True as well where the system does not say. */
function isWaiting(pid: number): boolean {
  try {
    const [number = ''] = readFileSync(`/proc/${pid}/syscall`, 'latin1').split(' ');
    return WAITING.has(number.trim());
  } catch {
    return true;
  }
}
