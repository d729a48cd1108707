// The connection on which this process is woken: whether it still hears anything is tried, as its silence looks like peace.

import { Redis } from 'ioredis';
import type { LockLog } from './lock-log.ts';
import { CLOSED, type connectionOptions } from './redis-connection.ts';

export interface WakeOptions {
  /** Of a connection, as the other one has them. */
  readonly connection: ReturnType<typeof connectionOptions>;
  readonly channel: string;
  readonly log: LockLog;
  /** A message came on the channel. */
  readonly onWake: (message: string) => void;
  /** What an error means, in words that are nobody's secret. */
  readonly reasonOf: (error: unknown) => string;
}

/** What this process says to itself; no token is spelt so. */
const ECHO = 'look';

export class WakeConnection {
  readonly #options: WakeOptions;
  #connection: Redis;
  #state: 'opening' | 'listening' | 'refused' = 'opening';
  /** An echo is on its way. */
  #awaited = false;
  #complaint = '';
  #stopped = false;

  constructor(options: WakeOptions) {
    this.#options = options;
    this.#connection = this.#make();
  }

  /** Resolves when it is connected, or cannot be as yet. */
  async start(): Promise<void> {
    await this.#connection.connect().catch(() => {}); // it goes on trying
  }

  get listening(): boolean {
    return this.#state === 'listening';
  }

  /** Listens where the address leads now, and no longer where it led. */
  renew(): void {
    if (this.#stopped) return;
    this.#connection.disconnect();
    this.#state = 'opening';
    this.#awaited = false;
    this.#connection = this.#make();
    void this.start();
  }

  /**
   * To be called from time to time, after an answer on the other connection, on which `publish` says the message: what was
   * said the last time must have been heard by now. That needs no right that waking does not need. Never rejects.
   */
  async look(publish: (channel: string, message: string) => Promise<unknown>): Promise<void> {
    if (this.#awaited) this.#complain('it gives no answer');
    if (this.#awaited || this.#state === 'refused') {
      this.renew();
      return;
    }
    if (this.#state !== 'listening') return;
    this.#awaited = true;
    try {
      await publish(this.#options.channel, ECHO);
    } catch {
      this.#awaited = false; // it was not said
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#connection.disconnect();
  }

  #make(): Redis {
    const connection = new Redis(this.#options.connection);
    connection.on('error', () => {}); // waiters look by themselves, and the other connection says what is wrong
    connection.on('ready', () => void this.#listen(connection));
    connection.on('close', () => this.#become(connection, 'opening'));
    connection.on('message', (_channel: string, message: string) => {
      if (message !== ECHO) this.#options.onWake(message);
      else if (connection === this.#connection) this.#heard();
    });
    return connection;
  }

  async #listen(connection: Redis): Promise<void> {
    try {
      await connection.subscribe(this.#options.channel);
      this.#become(connection, 'listening');
    } catch (error) {
      const reason = this.#options.reasonOf(error);
      if (reason === CLOSED || !this.#become(connection, 'refused')) return;
      this.#complain(reason);
    }
  }

  /** False: it is another one by now. */
  #become(connection: Redis, state: 'opening' | 'listening' | 'refused'): boolean {
    if (connection !== this.#connection) return false;
    this.#state = state;
    this.#awaited = false;
    return true;
  }

  #heard(): void {
    this.#awaited = false;
    this.#complaint = '';
  }

  /** Says each thing once, until it is well again. Without wakes waiters look by themselves, at the price of their pauses. */
  #complain(reason: string): void {
    if (this.#stopped || reason === this.#complaint) return;
    this.#complaint = reason;
    this.#options.log.warn({ reason }, 'the lock engine cannot wake waiters');
  }
}
