// Whether the machine is as fast as it was: what else it does slows down all that is measured, and not all alike.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pin } from './machine.ts';

export interface Steadiness {
  /** How long a fixed piece of work takes now, against its best so far, on the core that is worse off: 1 or more. */
  slowness(): Promise<number>;
  stop(): void;
}

/** Before this V8 is still compiling the work. */
const WARM = 20;

/** Watches cores; each has a process of its own, which does nothing between two questions. */
export async function watchSteadiness(cores: readonly number[]): Promise<Steadiness> {
  const watches = [...new Set(cores)].map((core) => new Watch(core));
  for (let n = 0; n < WARM; n++) for (const watch of watches) await watch.slowness();
  return {
    async slowness() {
      let worst = 1;
      for (const watch of watches) worst = Math.max(worst, await watch.slowness());
      return worst;
    },
    stop() {
      for (const watch of watches) watch.stop();
    },
  };
}

class Watch {
  readonly #child: ChildProcess;
  #best = Number.POSITIVE_INFINITY;

  constructor(core: number) {
    this.#child = fork(join(import.meta.dirname, 'pulse.ts'));
    pin(this.#child.pid ?? 0, core);
  }

  async slowness(): Promise<number> {
    const took = await this.#ask();
    this.#best = Math.min(this.#best, took);
    return took / this.#best;
  }

  stop(): void {
    this.#child.disconnect();
  }

  async #ask(): Promise<number> {
    const over = new AbortController();
    const { signal } = over;
    try {
      this.#child.send('now');
      const [took] = await Promise.race([
        once(this.#child, 'message', { signal }),
        once(this.#child, 'exit', { signal }),
      ]);
      if (typeof took !== 'number' || !this.#child.connected) throw new Error('the pulse has stopped');
      return took;
    } finally {
      over.abort();
    }
  }
}
