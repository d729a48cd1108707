// The two connections to Redis or Valkey: commands on one, wakes on the other; usable only while its tag is known.

import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress } from '../config/redis-url.ts';
import type { LockLog } from './lock-log.ts';
import { readInfo, type ServerFacts, UnfitServer } from './redis-info.ts';
import type { Script } from './redis-scripts.ts';

export interface ServerOptions {
  readonly address: RedisAddress;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Where this process is woken. */
  readonly channel: string;
  readonly log: LockLog;
  /** It can be asked (again), from now on. */
  readonly onUp: () => void;
  /** A message came on the channel. */
  readonly onWake: (message: string) => void;
}

/** Longest time for one command, milliseconds; then the connection is given up, for whatever ails it may not show on it. */
const COMMAND = 1_000;
const CONNECT = 2_000;
const LONGEST_PAUSE = 1_000;
/** How soon a server that is loading, a replica, or unfit, is looked at again. Milliseconds. */
const SECOND_LOOK = 250;

export class RedisServer {
  readonly #commands: Redis;
  readonly #wakes: Redis;
  readonly #options: ServerOptions;
  #facts: ServerFacts | undefined;
  #unfit: UnfitServer | undefined;
  #complaint = '';
  #look: NodeJS.Timeout | undefined;
  #firstLook = Promise.withResolvers<void>();
  #stopped = false;

  /** Throws when a file of the TLS settings cannot be read. */
  constructor(options: ServerOptions) {
    this.#options = options;
    const connection = connectionOptions(options);
    this.#commands = new Redis(connection);
    this.#wakes = new Redis(connection);
    this.#commands.on('ready', () => void this.#examine());
    this.#commands.on('close', () => this.#down('the connection is closed'));
    this.#commands.on('error', (error: Error) => this.#down(error.message));
    this.#wakes.on('error', () => {}); // waiters look by themselves, and the other connection says what is wrong
    this.#wakes.on('ready', () => void this.#wakes.subscribe(options.channel).catch(() => {}));
    this.#wakes.on('message', (_channel: string, message: string) => options.onWake(message));
  }

  /** Undefined: it cannot be asked now. */
  get facts(): ServerFacts | undefined {
    return this.#facts;
  }

  /** Connects. Resolves when it can be asked, or cannot be reached as yet; rejects with UnfitServer. */
  async start(): Promise<void> {
    const connect = (connection: Redis) => connection.connect().catch(() => {});
    await Promise.all([connect(this.#commands), connect(this.#wakes)]);
    if (this.#commands.status === 'ready') await this.#firstLook.promise;
    if (this.#unfit !== undefined) throw this.#unfit;
  }

  /** Runs a script. Rejects when the server cannot be asked, or gives no answer in time. */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (this.#facts === undefined) throw new Error('not connected');
    const rest = [keys.length, ...keys, ...args];
    try {
      return await this.#commands.call('EVALSHA', script.sha, ...rest);
    } catch (error) {
      if (isError(error, /^NOSCRIPT/)) return await this.#commands.call('EVAL', script.lua, ...rest);
      if (isError(error, /^Command timed out/)) this.#reconnect();
      throw error;
    }
  }

  /** How many replicas have everything that was written on this connection so far. */
  async replicasThatHaveIt(wanted: number): Promise<number> {
    return await this.#commands.wait(wanted, COMMAND / 2);
  }

  /** Asks once more which server this is; the connection may have outlived a promotion. */
  async lookAgain(): Promise<ServerFacts> {
    const facts = readInfo(await this.#commands.info());
    if (this.#facts !== undefined) this.#facts = facts;
    return facts;
  }

  stop(): void {
    this.#stopped = true;
    this.#facts = undefined;
    clearTimeout(this.#look);
    this.#commands.disconnect();
    this.#wakes.disconnect();
  }

  #reconnect(): void {
    if (this.#stopped || this.#commands.status !== 'ready') return;
    this.#down('it gives no answer');
    this.#commands.disconnect(true);
  }

  async #examine(): Promise<void> {
    clearTimeout(this.#look);
    try {
      const facts = readInfo(await this.#commands.info());
      this.#unfit = undefined;
      if (facts.busy === undefined) this.#up(facts);
      else this.#lookLater(`it is ${facts.busy === 'replica' ? 'a replica' : 'loading its data'}`);
    } catch (error) {
      if (error instanceof UnfitServer) this.#unfit = error;
      this.#lookLater(error instanceof Error ? error.message : String(error));
    }
    this.#firstLook.resolve();
  }

  #up(facts: ServerFacts): void {
    if (this.#stopped) return;
    this.#facts = facts;
    this.#complaint = '';
    this.#options.log.info({ version: facts.version }, 'the lock engine is up');
    this.#options.onUp();
  }

  #lookLater(complaint: string): void {
    this.#down(complaint);
    if (this.#stopped) return;
    this.#look = setTimeout(() => {
      // a replica's name may lead to the new primary by now: only a new connection shows that
      if (this.#commands.status === 'ready') this.#commands.disconnect(true);
    }, SECOND_LOOK).unref();
  }

  /** Says each thing once, however often it is tried. */
  #down(complaint: string): void {
    this.#facts = undefined;
    if (this.#stopped || (this.#complaint !== '' && complaint === 'the connection is closed')) return;
    if (complaint === this.#complaint) return;
    this.#complaint = complaint;
    this.#options.log.warn({ reason: complaint }, 'the lock engine cannot be asked');
  }
}

function connectionOptions({ address, ca, cert, key }: ServerOptions) {
  const { tls, db, username, password } = address;
  return {
    ...('socket' in address ? { path: address.socket } : { host: address.host, port: address.port }),
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls
      ? {
          tls: {
            ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
            ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
            ...(key === undefined ? {} : { key: readFileSync(key) }),
          },
        }
      : {}),
    lazyConnect: true,
    protocol: 2 as const,
    enableOfflineQueue: false, // what cannot be asked now is refused now
    autoResendUnfulfilledCommands: false, // a lock that was asked for on another connection is none
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND,
    connectTimeout: CONNECT,
    retryStrategy: (times: number) => Math.min(50 * times, LONGEST_PAUSE),
    reconnectOnError: (error: Error) => /^READONLY/.test(error.message),
    enableReadyCheck: false, // #examine() looks at more
    disableClientInfo: true,
  } satisfies RedisOptions;
}

function isError(error: unknown, pattern: RegExp): boolean {
  return error instanceof Error && pattern.test(error.message);
}
