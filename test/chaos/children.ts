// Every process and directory of a run: none of them outlives it, however it ends.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest time for a process to say that it is ready, milliseconds; the machine may be busy. */
const READY = 30_000;

export class Children {
  readonly #running = new Set<ChildProcess>();
  readonly #directories = new Set<string>();

  /** What Node has compiled: gateways start often. */
  readonly #cache = this.directory();

  /** Ends everything when this process ends: by itself, by a signal, or by an error that nobody caught. */
  constructor() {
    process.once('exit', () => this.endAll());
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const)
      process.once(signal, () => process.exit(code));
  }

  /** Runs a module that ends at once when it gets no arguments, so that others of it start sooner. */
  async compile(module: string): Promise<void> {
    await once(this.#fork(module, []), 'exit');
  }

  directory(): string {
    const directory = mkdtempSync(join(tmpdir(), 'ifmatch-chaos-'));
    this.#directories.add(directory);
    return directory;
  }

  remove(directory: string): void {
    this.#directories.delete(directory);
    rmSync(directory, { recursive: true, force: true });
  }

  spawn(command: string, args: readonly string[]): ChildProcess {
    return this.#keep(spawn(command, args, { stdio: 'ignore' }));
  }

  /** Runs a module as a process of its own. Resolves with the first thing it says. */
  async fork(module: string, args: readonly string[]): Promise<{ child: ChildProcess; said: unknown }> {
    const child = this.#fork(module, args);
    const aborted = new AbortController();
    child.once('exit', (code, signal) => aborted.abort(new Error(`${module} ended: ${code ?? signal}`)));
    const late = setTimeout(() => aborted.abort(new Error(`${module} does not start`)), READY);
    try {
      const [said] = await once(child, 'message', { signal: aborted.signal });
      return { child, said };
    } catch (error) {
      child.kill('SIGKILL');
      throw aborted.signal.reason ?? error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Kills it at once; resolves when it is gone. */
  async end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  endAll(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }

  #fork(module: string, args: readonly string[]): ChildProcess {
    const env = { ...process.env, NODE_COMPILE_CACHE: this.#cache };
    return this.#keep(fork(join(import.meta.dirname, module), args, { env }));
  }

  #keep(child: ChildProcess): ChildProcess {
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }
}
