// Redis or Valkey as it can be asked: commands on one connection, wakes on the other; usable only while its tag is known.

import { Redis } from 'ioredis';
import type { LockLog } from './lock-log.ts';
import {
  CLOSED,
  type ConnectionSettings,
  connectionOptions,
  failureOf,
  giveUp,
  hasTimedOut,
  isUnknownScript,
  reasonOf,
} from './redis-connection.ts';
import { readInfo, type ServerFacts, UnfitServer } from './redis-info.ts';
import { ReplicatedWrites, type Written } from './redis-replicated.ts';
import type { Script } from './redis-scripts.ts';
import { WakeConnection } from './redis-wakes.ts';

export interface ServerOptions extends ConnectionSettings {
  /** Where this process is woken. */
  readonly channel: string;
  /** How many replicas must have what is written with runReplicated(). */
  readonly replicas: number;
  readonly log: LockLog;
  /** It can be asked (again), from now on. */
  readonly onUp: () => void;
  /** A message came on the channel. */
  readonly onWake: (message: string) => void;
}

/** How often a server that is up is looked at, milliseconds. */
const LOOK = 1_000;
/** How soon a server that is loading, a replica, or unfit, is looked at again. Milliseconds. */
const SECOND_LOOK = 250;

export class RedisServer {
  readonly #commands: Redis;
  readonly #wakes: WakeConnection;
  /** Undefined where no replicas are waited for. */
  readonly #replicated: ReplicatedWrites | undefined;
  readonly #options: ServerOptions;
  #facts: ServerFacts | undefined;
  #unfit: UnfitServer | undefined;
  /** Scripts that were sent on this connection: whatever was asked on it keeps its order, which a second try would not. */
  readonly #told = new Set<Script>();
  /** What the server said against logging in, or choosing the database, on this connection. */
  #refused: string | undefined;
  /** Connections for commands that have closed so far. */
  #closed = 0;
  /** The connection for commands is another one than when the one for wakes was made: the address may lead elsewhere now. */
  #moved = false;
  #complaint = '';
  #look: NodeJS.Timeout | undefined;
  #firstLook = Promise.withResolvers<void>();
  #stopped = false;

  /** Throws when a file of the TLS settings cannot be read. */
  constructor(options: ServerOptions) {
    this.#options = options;
    const connection = connectionOptions(options);
    this.#commands = new Redis(connection);
    const { channel, log, onWake, address, replicas } = options;
    const says = (error: unknown): string => reasonOf(error, address);
    this.#wakes = new WakeConnection({ connection, channel, log, onWake, reasonOf: says });
    const onLost = (): void => this.#reconnect(CLOSED);
    if (replicas > 0) this.#replicated = new ReplicatedWrites({ connection, replicas, onLost });
    this.#commands.on('ready', () => void this.#examine());
    this.#commands.on('close', () => {
      this.#closed += 1;
      this.#moved = true;
      this.#down(CLOSED);
    });
    this.#commands.on('connect', () => {
      this.#refused = undefined;
      this.#told.clear();
    });
    this.#commands.on('error', (error: Error) => this.#failed(error));
  }

  /** Undefined: it cannot be asked now. */
  get facts(): ServerFacts | undefined {
    return this.#facts;
  }

  /** Messages of the channel arrive, as far as is known. */
  get hears(): boolean {
    return this.#wakes.listening;
  }

  /** Connects. Resolves when it can be asked, or cannot be reached as yet; rejects with UnfitServer. */
  async start(): Promise<void> {
    await Promise.all([this.#commands.connect().catch(() => {}), this.#wakes.start()]);
    if (this.#commands.status === 'ready') await this.#firstLook.promise;
    if (this.#unfit !== undefined) throw this.#unfit;
  }

  /**
   * Runs a script. Rejects when the server cannot be asked, or gives no answer in time, with Refused when it says no; the
   * error names no address or user.
   */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args];
    return this.#ask(async (commands) => {
      try {
        if (this.#told.has(script)) return await commands.call('EVALSHA', script.sha, ...rest);
        this.#told.add(script);
        return await commands.call('EVAL', script.lua, ...rest);
      } catch (error) {
        if (!isUnknownScript(error)) throw error;
        return await commands.call('EVAL', script.lua, ...rest);
      }
    });
  }

  /** As run(), with how many replicas have what was written: as many as are wanted, unless they take too long. */
  async runReplicated(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<Written> {
    const replicated = this.#replicated;
    if (replicated === undefined) return { reply: await this.run(script, keys, args), replicas: 0 };
    return this.#ask(() => replicated.write(script, keys, args));
  }

  /** Asks once more which server this is; the connection may have outlived a promotion. */
  async lookAgain(): Promise<ServerFacts> {
    const facts = readInfo(await this.#ask((commands) => commands.info()));
    if (facts.busy !== undefined) {
      this.#lookLater(isBusy(facts.busy));
      throw new Error(isBusy(facts.busy));
    }
    if (this.#facts !== undefined) this.#facts = facts;
    return facts;
  }

  stop(): void {
    this.#stopped = true;
    this.#facts = undefined;
    clearTimeout(this.#look);
    this.#commands.disconnect();
    this.#replicated?.close();
    this.#wakes.stop();
  }

  async #ask<T>(command: (commands: Redis) => Promise<T>): Promise<T> {
    if (this.#facts === undefined) throw new Error('not connected');
    try {
      return await command(this.#commands);
    } catch (error) {
      if (hasTimedOut(error)) this.#reconnect('it gives no answer');
      throw failureOf(error, this.#options.address);
    }
  }

  #reconnect(complaint: string): void {
    // of many commands that time out together the first one says it
    if (this.#facts === undefined) return;
    this.#down(complaint);
    giveUp(this.#commands, this.#options.address);
  }

  #failed(error: Error): void {
    this.#refused = reasonOf(error, this.#options.address);
    this.#down(this.#refused);
    // without this an error that does not close the connection would leave it unused for ever
    if (!this.#stopped && this.#commands.status === 'ready') this.#commands.disconnect(true);
  }

  async #examine(): Promise<void> {
    clearTimeout(this.#look);
    const closed = this.#closed;
    try {
      if (this.#refused !== undefined) throw new Error(this.#refused);
      const facts = readInfo(await this.#commands.info());
      this.#unfit = undefined;
      const other = facts.busy === undefined ? await this.#replicated?.open() : undefined;
      if (closed !== this.#closed) return; // the next connection is looked at by itself
      if (facts.busy !== undefined) this.#lookLater(isBusy(facts.busy));
      // armed on a server of the past, a lock would not last on the one that knows of it
      else if (other !== undefined && other.run !== facts.run)
        this.#lookLater('its address leads to several servers');
      else this.#up(facts);
    } catch (error) {
      if (closed !== this.#closed) return;
      if (error instanceof UnfitServer) this.#unfit = error;
      this.#lookLater(this.#refused ?? reasonOf(error, this.#options.address));
    } finally {
      this.#firstLook.resolve();
    }
  }

  #up(facts: ServerFacts): void {
    if (this.#stopped) return;
    this.#facts = facts;
    this.#complaint = '';
    if (this.#moved) this.#wakes.renew();
    this.#moved = false;
    const { version, tag } = facts;
    this.#options.log.info({ version, epoch: tag }, 'the lock engine is up');
    this.#options.onUp();
    this.#keepLooking();
  }

  /** A connection that has died in silence, or a promotion under it, is found out before a writer does. */
  #keepLooking(): void {
    clearTimeout(this.#look);
    this.#look = setTimeout(async () => {
      const tag = this.#facts?.tag;
      if (tag === undefined) return;
      try {
        const facts = await this.lookAgain();
        if (facts.tag !== tag) this.#options.onUp();
        await this.#ask(async () => this.#replicated?.look());
        await this.#wakes.look((channel, text) => this.#ask((commands) => commands.publish(channel, text)));
      } catch (error) {
        if (error instanceof UnfitServer) this.#lookLater(error.message);
      }
      if (this.#facts !== undefined) this.#keepLooking();
    }, LOOK).unref();
  }

  #lookLater(complaint: string): void {
    this.#down(complaint);
    clearTimeout(this.#look);
    if (this.#stopped) return;
    this.#look = setTimeout(() => {
      // a replica's name may lead to the new primary by now: only a new connection shows that
      if (this.#commands.status === 'ready') this.#commands.disconnect(true);
    }, SECOND_LOOK).unref();
  }

  /** Says each thing once, however often it is tried. */
  #down(complaint: string): void {
    this.#facts = undefined;
    this.#replicated?.close();
    if (this.#stopped || (this.#complaint !== '' && complaint === CLOSED)) return;
    if (complaint === this.#complaint) return;
    this.#complaint = complaint;
    this.#options.log.warn(
      { reason: complaint },
      'the lock engine cannot be used: lock.down says what becomes of writes',
    );
  }
}

function isBusy(busy: NonNullable<ServerFacts['busy']>): string {
  return busy === 'replica' ? 'it is a replica' : 'it is loading its data';
}
