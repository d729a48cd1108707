// The connection for what replicas must have: they are waited for once, for everything that was written meanwhile.

import { Redis } from 'ioredis';
import { COMMAND, type connectionOptions } from './redis-connection.ts';
import { readInfo, type ServerFacts } from './redis-info.ts';
import type { Script } from './redis-scripts.ts';

export interface ReplicatedOptions {
  readonly connection: ReturnType<typeof connectionOptions>;
  /** How many replicas are waited for. */
  readonly replicas: number;
  /** It can be written to no longer, until it is opened again. */
  readonly onLost: () => void;
}

export interface Written {
  readonly reply: unknown;
  /** How many replicas have it. */
  readonly replicas: number;
}

interface Write {
  readonly script: Script;
  readonly args: readonly (string | number)[];
  readonly done: PromiseWithResolvers<Written>;
}

/** How long replicas may take, milliseconds: a write may have to wait for those of the one before, too. */
const LONGEST_WAIT = COMMAND / 2;

/**
 * WAIT (Redis' command) is for what was written on its own connection, and lets nothing past it there until it has its
 * answer: so it has a connection of its own, and what comes meanwhile is sent in one go, with one WAIT for all of it.
 */
export class ReplicatedWrites {
  readonly #options: ReplicatedOptions;
  #connection: Redis | undefined;
  readonly #next: Write[] = [];
  #writing = false;

  constructor(options: ReplicatedOptions) {
    this.#options = options;
  }

  /** Connects, once: it is for the caller to open it again. What it leads to is the caller's to judge, too. */
  async open(): Promise<ServerFacts> {
    this.close();
    const connection = new Redis({
      ...this.#options.connection,
      retryStrategy: () => null,
      disconnectTimeout: 0, // what is closed is not to say later that it had no answer: that would be taken for its successor's
    });
    const refused = Promise.withResolvers<never>();
    connection.on('error', (error: Error) => refused.reject(error)); // such as another database than the one that was asked for
    connection.on('close', () => {
      if (this.#connection !== connection) return;
      this.close();
      this.#options.onLost();
    });
    this.#connection = connection;
    try {
      const opened = connection.connect().then(() => connection.info());
      return readInfo(await Promise.race([opened, refused.promise]));
    } catch (error) {
      if (this.#connection === connection) this.close();
      throw error;
    }
  }

  /** Runs a script, and waits until as many replicas as wanted have what it wrote, or for half a second. */
  write(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Written> {
    const done = Promise.withResolvers<Written>();
    this.#next.push({ script, args: [keys.length, ...keys, ...args], done });
    void this.#writeAll();
    return done.promise;
  }

  /** So that it is not closed for its silence; rejects when it gives no answer. */
  async look(): Promise<void> {
    await this.#opened().info('server');
  }

  /** What was not sent is not sent any more: the next connection may lead elsewhere. */
  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.disconnect();
    for (const { done } of this.#next.splice(0)) done.reject(notConnected());
  }

  #opened(): Redis {
    if (this.#connection !== undefined) return this.#connection;
    this.#options.onLost();
    throw notConnected();
  }

  async #writeAll(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    while (this.#next.length > 0) {
      await this.#writeTogether(this.#next.splice(0));
    }
    this.#writing = false;
  }

  async #writeTogether(writes: readonly Write[]): Promise<void> {
    try {
      const connection = this.#opened();
      // not by their names: a script that is not known would be sent again, behind the WAIT
      const replies = writes.map(({ script, args }) => connection.call('EVAL', script.lua, ...args));
      const waited = connection.wait(this.#options.replicas, LONGEST_WAIT);
      for (const [at, { done }] of writes.entries())
        done.resolve(Promise.all([replies[at], waited]).then(([reply, replicas]) => ({ reply, replicas })));
      await waited;
    } catch (error) {
      for (const { done } of writes) done.reject(error);
    }
  }
}

function notConnected(): Error {
  return new Error('not connected');
}
