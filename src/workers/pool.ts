// The workers of one listener: each has a place, and a place whose worker has died gets another.
import { setTimeout as delay } from 'node:timers/promises';
import type { LockLog } from '../lock/lock-log.ts';
import type { Child } from './fork.ts';
import { type Order, readReport } from './order.ts';

export interface PoolOptions {
  readonly count: number;
  readonly fork: () => Child;
  /** The first order of the worker at place `number`, which counts from 1. */
  readonly orderFor: (number: number) => Order;
  /** Told of each worker as it starts. */
  readonly onFork: (child: Child) => void;
  readonly log: LockLog;
  /**
   * Pauses before a place is filled again, milliseconds: the first, doubled each time, and the longest. A worker that has
   * listened for `settled` did not die of its start: the next pause is the first again.
   */
  readonly pauses?: { readonly first: number; readonly longest: number; readonly settled: number };
}

const PAUSES = { first: 100, longest: 10_000, settled: 5_000 };

/** How a worker ends that was told to stop, and had nothing left in flight. */
const FINISHED = 'exit code 0';

/** How a worker ended, and for how long it had listened. */
interface Ended {
  readonly pid: number | undefined;
  readonly how: string;
  readonly listenedMs: number;
}

export class Pool {
  readonly #options: Required<PoolOptions>;
  readonly #children = new Set<Child>();
  readonly #up = new Set<Child>();
  readonly #first = Promise.withResolvers<string>();
  readonly #stopping = new AbortController();
  #places: readonly Promise<void>[] = [];
  /** One has listened. */
  #started = false;
  #failed = 0;
  #killed = false;
  /** Every worker that was told to stop has ended by itself, with all that it had in flight. */
  #clean = true;

  constructor(options: PoolOptions) {
    this.#options = { pauses: PAUSES, ...options };
  }

  /** How many listen. */
  get up(): number {
    return this.#up.size;
  }

  /**
   * Starts all of them. Resolves with the address as soon as the first one listens; rejects when one reports that it
   * cannot start before any of them listened, or when all of them died. Then no more are started.
   */
  start(): Promise<string> {
    const numbers = Array.from({ length: this.#options.count }, (_, at) => at + 1);
    this.#places = numbers.map((number) => this.#keep(number));
    return this.#first.promise;
  }

  /**
   * Every worker serves on for `delayMs`, finishes what is in flight, and ends. Those that have not ended after
   * `limitMs` are killed. Resolves with whether all of them had finished.
   */
  async stop(delayMs: number, limitMs: number): Promise<boolean> {
    this.#stopping.abort();
    for (const child of this.#children) tell(child, { op: 'stop', delayMs });
    const ended = new AbortController();
    const late = delay(limitMs, 'late', { signal: ended.signal }).catch(() => 'ended');
    const all = Promise.all(this.#places);
    if ((await Promise.race([all, late])) === 'late') {
      this.#options.log.error({ workers: this.#children.size }, 'killed workers that did not stop');
      this.kill();
    }
    await all;
    ended.abort();
    return this.#clean;
  }

  /** Ends all of them at once. */
  kill(): void {
    this.#killed = true;
    this.#stopping.abort();
    for (const child of this.#children) child.kill();
  }

  async #keep(number: number): Promise<void> {
    const { log, pauses } = this.#options;
    let pauseMs = pauses.first;
    while (!this.#stopping.signal.aborted) {
      const { pid, how, listenedMs } = await this.#run(number);
      if (this.#stopping.signal.aborted) {
        if (how === FINISHED) return;
        this.#clean = false;
        if (!this.#killed) log.error({ worker: number, pid, how }, 'a worker ended before it had finished');
        return;
      }
      if (!this.#started) {
        this.#failed += 1;
        if (this.#failed === this.#options.count) this.#giveUp(`no worker came up: ${how}`);
        await this.#first.promise.catch(() => {});
        if (this.#stopping.signal.aborted) return;
      }
      if (listenedMs >= pauses.settled) pauseMs = pauses.first;
      log.error({ worker: number, pid, how, pauseMs }, 'a worker ended; another takes its place');
      await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      pauseMs = Math.min(2 * pauseMs, pauses.longest);
    }
  }

  /** One worker from its start to its end. */
  async #run(number: number): Promise<Ended> {
    const { onFork, orderFor } = this.#options;
    const child = this.#fork();
    if (typeof child === 'string') return { pid: undefined, how: child, listenedMs: 0 };
    let since: number | undefined;
    let fault: string | undefined;
    child.channel.orders.onMessage((message) => {
      const report = readReport(message);
      if (report?.op === 'listening') {
        since = performance.now();
        this.#up.add(child);
        this.#options.log.info({ worker: number, pid: child.pid }, 'a worker is up');
        this.#started = true;
        this.#first.resolve(report.data);
      }
      if (report?.op === 'fault') {
        fault = report.message;
        if (!this.#started) this.#giveUp(fault);
        child.kill();
      }
    });
    child.channel.orders.onGone(() => this.#up.delete(child));
    this.#children.add(child);
    onFork(child);
    tell(child, orderFor(number));
    const how = await child.ended;
    this.#children.delete(child);
    return {
      pid: child.pid,
      how: fault ?? how,
      listenedMs: since === undefined ? 0 : performance.now() - since,
    };
  }

  /** Why there is none: the system has no room for another process at the moment, and nobody else has to end for that. */
  #fork(): Child | string {
    try {
      return this.#options.fork();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #giveUp(why: string): void {
    this.kill();
    this.#first.reject(new Error(why));
  }
}

function tell({ channel }: Child, order: Order): void {
  channel.orders.send(order);
}
