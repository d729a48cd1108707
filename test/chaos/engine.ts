// Redis as the gateways reach it, each over a link of its own: a server alone, or a primary with a replica that lags.

import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { loadConfig } from '../../src/config/load.ts';
import { LockRecord } from '../../src/lock/lock-record.ts';
import { openLock } from '../../src/lock/open-lock.ts';
import type { Children } from './children.ts';
import { Forwarder } from './forwarder.ts';
import { RedisServer } from './redis-server.ts';

/** How far the replica is behind, milliseconds: what a failover loses. */
export const REPLICA_LAG = 300;
/** Longest time for a replica to be in step, milliseconds. */
const IN_STEP = 15_000;
/** What the gateways call their locks. */
export const NAMESPACE = 'chaos';

export interface EngineOptions {
  readonly children: Children;
  readonly program: string;
  readonly gateways: readonly string[];
  readonly replicated: boolean;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #links = new Map<string, Forwarder>();
  #primary: RedisServer;
  #replica: RedisServer | undefined;
  /** From the replica to its primary. */
  #replication: Forwarder | undefined;

  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options, await RedisServer.start(options.children, options.program));
    for (const gateway of options.gateways)
      engine.#links.set(gateway, await Forwarder.open(engine.#primary.port));
    if (options.replicated) {
      engine.#replica = await RedisServer.start(options.children, options.program);
      await engine.#follow();
    }
    await greet(engine.#primary);
    return engine;
  }

  private constructor(options: EngineOptions, primary: RedisServer) {
    this.#options = options;
    this.#primary = primary;
  }

  link(gateway: string): Forwarder {
    const link = this.#links.get(gateway);
    if (link === undefined) throw new Error(`${gateway} has no link`);
    return link;
  }

  async flush(): Promise<void> {
    await this.#primary.redis.flushall();
  }

  /** Killed, and started again with nothing in memory; a replica follows the new one. */
  async restart(): Promise<void> {
    await this.#primary.stop();
    this.#primary = await RedisServer.start(this.#options.children, this.#options.program);
    this.#repoint();
    if (this.#replica !== undefined) await this.#follow();
  }

  /**
   * The primary is not reached any more, and its replica takes over without what was still under way to it; the old
   * primary comes back as the replica of the new one. Resolves when that is in step: the next failover goes back to it.
   */
  async failover(): Promise<void> {
    const promoted = this.#replica;
    if (promoted === undefined) throw new Error('there is no replica');
    for (const link of this.#links.values()) link.cut();
    this.#replication?.cut();
    await promoted.redis.replicaof('NO', 'ONE');
    this.#replica = this.#primary;
    this.#primary = promoted;
    this.#repoint();
    await this.#follow();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    await this.#replication?.close();
    await Promise.all([this.#primary.stop(), this.#replica?.stop()]);
  }

  #repoint(): void {
    for (const link of this.#links.values()) {
      link.point(this.#primary.port);
      link.restore();
    }
  }

  async #follow(): Promise<void> {
    const replica = this.#replica;
    if (replica === undefined) return;
    await this.#replication?.close();
    this.#replication = await Forwarder.open(this.#primary.port, REPLICA_LAG);
    await replica.redis.replicaof('127.0.0.1', this.#replication.port);
    for (const end = Date.now() + IN_STEP; Date.now() < end; await sleep(50))
      if (await replica.follows()) return;
    throw new Error('the replica does not follow');
  }
}

/**
 * Nobody can tell a new server from one that has lost its memory, so the guard's time begins with the first who asks. Here
 * it is known that nothing can be under way: one who guards for a millisecond asks first.
 */
async function greet({ port }: RedisServer): Promise<void> {
  const url = `redis://127.0.0.1:${port}`;
  const text = `origin: http://127.0.0.1:1\nlock: { engine: redis, url: "${url}", namespace: ${NAMESPACE}, guard: 1ms }\n`;
  const loaded = loadConfig({ text, env: {}, flags: {} });
  if ('faults' in loaded) throw new Error(loaded.faults.map(({ message }) => message).join('\n'));
  const lock = await openLock(loaded.config, pino({ level: 'silent' }), new LockRecord());
  const lease = await lock.acquire('/first', { waitMs: 5_000, signal: new AbortController().signal });
  lock.release(lease, { kind: 'known' });
  await lock.stop();
}
