// The engine's side of the lock as typed calls: acquire, extend and release in Redis, and who waits to be woken.

import { createHash, randomBytes } from 'node:crypto';
import type { Place } from './redis-lease.ts';
import { ACQUIRE, EXTEND, GUARD, RELEASE } from './redis-scripts.ts';
import { RedisServer, type ServerOptions } from './redis-server.ts';

export type Reply =
  | { readonly kind: 'granted'; readonly fence: string; readonly leaseMs: number }
  /** `lockMs`: until the lock ends by itself, if it is known; `quarantined`: and it will not end before. */
  | { readonly kind: 'queued'; readonly lockMs: number | undefined; readonly quarantined: boolean }
  | { readonly kind: 'guarded'; readonly restMs: number };

export interface QueueOptions extends Omit<ServerOptions, 'channel' | 'onWake' | 'onUp'> {
  readonly namespace: string;
  /** Length of the guard for a server alone, and for one whose failover may lose what its replicas did not have. */
  readonly guardMs: { readonly alone: number; readonly replicated: number };
  readonly onUp: () => void;
}

/** What the lock needs of it; so that a test can play the engine's part. */
export type LockQueue = Pick<RedisQueue, keyof RedisQueue>;

/** How long a waiter counts as alive after its last sign, milliseconds: three of its looks. */
const WAITER_ALIVE = 3_000;
/** All keys in one slot, so that a script may use any of them in a cluster too. */
const PREFIX = 'ifmatch:{lock}';

export class RedisQueue {
  readonly #server: RedisServer;
  readonly #namespace: string;
  readonly #guardMs: QueueOptions['guardMs'];
  readonly #replicas: number;
  readonly #channel: string;
  readonly #process = randomBytes(16).toString('hex');
  readonly #guardKey: string;
  readonly #waiting = new Map<string, () => void>();
  #tokens = 0;

  /** Throws when a file of the TLS settings cannot be read. */
  constructor(options: QueueOptions) {
    this.#namespace = options.namespace;
    this.#guardMs = options.guardMs;
    this.#replicas = options.replicas;
    this.#channel = `ifmatch:wake:${this.#process}`;
    this.#guardKey = `${PREFIX}:guard:${hash(options.namespace)}`;
    this.#server = new RedisServer({
      ...options,
      channel: this.#channel,
      onWake: (token) => this.#waiting.get(token)?.(),
    });
  }

  /** As RedisServer.start(). */
  start(): Promise<void> {
    return this.#server.start();
  }

  stop(): void {
    this.#server.stop();
  }

  get up(): boolean {
    return this.#server.facts !== undefined;
  }

  /** Wakes arrive, as far as is known. */
  get hears(): boolean {
    return this.#server.hears;
  }

  /** A place for a new request; nobody else can guess its token. */
  placeFor(key: string): Place {
    this.#tokens += 1;
    return { id: hash(`${this.#namespace}\0${key}`), token: `${this.#process}-${this.#tokens}` };
  }

  /** Registers who is woken; before asking, as a wake may overtake the reply on the other connection. */
  awaitWake({ token }: Place, wake: () => void): void {
    this.#waiting.set(token, wake);
  }

  forgetWake({ token }: Place): void {
    this.#waiting.delete(token);
  }

  /** Starts the guard's time where the server has lost its memory. Milliseconds for which nothing is granted. */
  async guardRest(): Promise<number> {
    const [, restMs] = await this.#guarded((guard) => this.#server.run(GUARD, [this.#guardKey], guard));
    return restMs;
  }

  /** Asks for the lock, or once more: the place in the queue stays. */
  async acquire(place: Place, leaseMs: number): Promise<Reply> {
    const keys = [this.#guardKey, ...keysOf(place.id)];
    const rest = [place.token, leaseMs, WAITER_ALIVE, this.#member(place)];
    const [code, ms, text] = await this.#guarded((guard) =>
      this.#server.run(ACQUIRE, keys, [...guard, ...rest]),
    );
    if (code === 1) return { kind: 'granted', fence: text, leaseMs: ms };
    if (code === -2) return { kind: 'guarded', restMs: ms };
    return { kind: 'queued', lockMs: ms < 0 ? undefined : ms, quarantined: text === 'Q' };
  }

  /** Prolongs what is still theirs; false for what is not. */
  async extend(places: readonly Place[], leaseMs: number): Promise<boolean[]> {
    return readMine(places, await this.#server.run(EXTEND, ...extension(places, leaseMs)));
  }

  /** The same, and rejects when fewer replicas have it than must. */
  async arm(places: readonly Place[], leaseMs: number): Promise<boolean[]> {
    const { reply, replicas } = await this.#server.runReplicated(EXTEND, ...extension(places, leaseMs));
    if (replicas < this.#replicas) throw new Error(`fewer than ${this.#replicas} replicas have the lock`);
    return readMine(places, reply);
  }

  /** Leaves the queue, and ends the lock, or quarantines it. False: it was not (or no longer) this token's. */
  async release(place: Place, quarantineMs: number): Promise<boolean> {
    const args = [place.token, this.#member(place), Math.ceil(quarantineMs)];
    return (await this.#server.run(RELEASE, keysOf(place.id), args)) !== 0;
  }

  #member({ token }: Place): string {
    return `${this.#channel}|${token}`;
  }

  /**
   * Runs a script that looks at the guard. When the guard has another tag than this connection's server, either the
   * server was promoted under the connection, or the guard is older than the server: looking again tells which.
   */
  async #guarded(run: (guard: readonly (string | number)[]) => Promise<unknown>): Promise<Guarded> {
    let seen = '';
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const facts = this.#server.facts;
      if (facts === undefined) throw new Error('not connected');
      const guardMs = facts.replicated ? this.#guardMs.replicated : this.#guardMs.alone;
      const reply = readReply(await run([facts.tag, guardMs, seen]));
      if (reply[0] !== -3) return reply;
      const now = await this.#server.lookAgain();
      seen = now.tag === facts.tag ? reply[2] : '';
    }
    throw new Error('its guard keeps changing');
  }
}

function extension(places: readonly Place[], leaseMs: number): [keys: string[], args: (string | number)[]] {
  return [places.map(({ id }) => lockKey(id)), [leaseMs, ...places.map(({ token }) => token)]];
}

function readMine(places: readonly Place[], reply: unknown): boolean[] {
  if (!Array.isArray(reply)) throw unreadable();
  return places.map((_, at) => reply[at] === 1);
}

type Guarded = readonly [code: number, ms: number, text: string];

function readReply(reply: unknown): Guarded {
  if (!Array.isArray(reply)) throw unreadable();
  const [code, ms, text] = reply;
  if (typeof code !== 'number' || typeof ms !== 'number' || typeof text !== 'string') throw unreadable();
  return [code, ms, text];
}

function unreadable(): Error {
  return new Error('its answer cannot be read');
}

/** 128 bits: a collision would only make two resources wait for each other. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

function lockKey(id: string): string {
  return `${PREFIX}:${id}:l`;
}

function keysOf(id: string): string[] {
  return [lockKey(id), `${PREFIX}:${id}:q`, `${PREFIX}:${id}:w`];
}
