// A real redis-server of Debian's, without persistence, on a free port of this machine.

import type { ChildProcess } from 'node:child_process';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { closedPort } from '../fixtures/closed-port.ts';
import type { Children } from './children.ts';

const TRIES = 5;
const READY = 10_000;

export class RedisServer {
  readonly port: number;
  /** For the run's own commands. */
  readonly redis: Redis;
  readonly #children: Children;
  readonly #child: ChildProcess;
  readonly #directory: string;

  static async start(children: Children, program: string): Promise<RedisServer> {
    for (let attempt = 1; ; attempt += 1) {
      const server = new RedisServer(children, program, await closedPort());
      if (await server.#ready()) return server;
      await server.stop();
      if (attempt === TRIES) throw new Error('redis-server does not start');
    }
  }

  private constructor(children: Children, program: string, port: number) {
    this.port = port;
    this.#children = children;
    this.#directory = children.directory();
    const settings = {
      port,
      bind: '127.0.0.1',
      save: '',
      appendonly: 'no',
      dir: this.#directory,
      'repl-diskless-sync': 'yes',
      'repl-diskless-sync-delay': 0,
      'repl-diskless-load': 'swapdb',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.#child = children.spawn(program, args);
    this.redis = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 50 });
    this.redis.on('error', () => {}); // it is not up yet, or has been stopped
  }

  /** Whether all that the primary had when it was asked has arrived here. */
  async follows(): Promise<boolean> {
    const info = await this.redis.info('replication');
    return info.includes('master_link_status:up') && info.includes('master_sync_in_progress:0');
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
    await this.#children.end(this.#child);
    this.#children.remove(this.#directory);
  }

  async #ready(): Promise<boolean> {
    for (const end = Date.now() + READY; Date.now() < end; await sleep(20)) {
      if (this.#child.exitCode !== null) return false; // somebody else has taken the port
      if (await canConnect(this.port)) {
        await this.redis.connect();
        return (await this.redis.info('server')).includes(`process_id:${this.#child.pid}\r`);
      }
    }
    return false;
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
