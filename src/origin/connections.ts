// The connections of one lane: opened when none is free, used again while that is safe, closed when idle for long or in doubt.
import { OriginConnection } from './connection.ts';
import type { Connect, Opened } from './connector.ts';
import type { OriginExchange, OriginRequest } from './exchange.ts';
import { isTimeout } from './failure.ts';
import type { Keeper } from './keeper.ts';

/** How often connections are closed that were idle for too long, milliseconds. */
const IDLE_CHECK = 500;
/** How long a new connection may show nothing before the idle ones are suspected of keeping it from being served, milliseconds. */
const PATIENCE = 500;

/** As many as there are exchanges under way, which are bounded by their slots. The one used last is used first. */
export class OriginConnections implements Keeper {
  readonly stray: (behindHead: boolean) => void;
  readonly #connect: Connect;
  readonly #silent: (since: number) => void;
  readonly #idleCheck: NodeJS.Timeout;
  readonly #open = new Set<OriginConnection>();
  readonly #free: OriginConnection[] = [];
  /** Connections that are being opened. */
  #opening = 0;
  #closing: PromiseWithResolvers<void> | undefined;
  #destroyed = false;

  /**
   * `stray`: told of bytes that answer no request, and whether they came behind the answer to a HEAD. `silent`: told when a new
   * connection is not answered on, and since when: a server that has one thread waits on an idle one for a request.
   */
  constructor(connect: Connect, stray: (behindHead: boolean) => void, silent: (since: number) => void) {
    this.#connect = connect;
    this.stray = stray;
    this.#silent = silent;
    this.#idleCheck = setInterval(() => this.#closeIdle(), IDLE_CHECK).unref();
  }

  /** Has the exchange carried by a connection, sooner or later; whatever becomes of it, the exchange is told. */
  carry(request: OriginRequest, exchange: OriginExchange, last: boolean): void {
    const connection = this.#take();
    if (connection === undefined) {
      this.carryAnew(request, exchange, last);
      return;
    }
    // what this turn of the loop has yet to report comes first: its end, or bytes that answer nothing, which would be taken
    // for the answer (undici's GHSA-35p6-xmwp-9g52)
    setImmediate(() => {
      if (connection.isOpen) connection.carry(request, exchange, last);
      else this.carry(request, exchange, last);
    });
  }

  /** The same on a new connection. */
  carryAnew(request: OriginRequest, exchange: OriginExchange, last: boolean): void {
    if (this.#closing !== undefined) {
      exchange.broke('unreachable', new Error('the gateway is shutting down'));
      return;
    }
    exchange.waits('a new connection did not open');
    this.#opening += 1;
    this.#connect((opened, error) => {
      this.#opening -= 1;
      const connection = opened === undefined ? undefined : this.#opened(opened);
      if (connection === undefined) {
        const cause = error ?? new Error('the gateway is shutting down');
        exchange.broke(isTimeout(error) ? 'timeout' : 'unreachable', cause);
      } else {
        connection.carry(request, exchange, last);
        this.#watch(exchange);
      }
      this.#settle();
    });
  }

  /** Resolves once the exchanges under way are over; what is asked for from now on finds no connection. */
  close(): Promise<void> {
    this.#closing ??= Promise.withResolvers<void>();
    clearInterval(this.#idleCheck);
    this.closeFree();
    this.#settle();
    return this.#closing.promise;
  }

  /** Ends all of them at once. */
  destroy(): Promise<void> {
    this.#destroyed = true;
    const closed = this.close();
    for (const connection of [...this.#open]) connection.destroy();
    return closed;
  }

  /** Ends those that are free and have not been used since then, which is milliseconds on the monotonic clock; left out: all. */
  closeFree(since = Number.POSITIVE_INFINITY): void {
    for (const connection of this.#free.filter(({ idleSince }) => idleSince < since)) connection.abort();
  }

  free(connection: OriginConnection): void {
    if (this.#closing === undefined) this.#free.push(connection);
    else connection.abort();
  }

  gone(connection: OriginConnection): void {
    this.#open.delete(connection);
    const at = this.#free.lastIndexOf(connection);
    if (at !== -1) this.#free.splice(at, 1);
    this.#settle();
  }

  #watch(exchange: OriginExchange): void {
    const timer = setTimeout(this.#silent, PATIENCE, performance.now()).unref();
    const stop = (): void => clearTimeout(timer);
    exchange.head.then(stop, stop);
  }

  #take(): OriginConnection | undefined {
    const now = performance.now();
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (now < free.idleUntil) return free;
      free.abort();
    }
    return undefined;
  }

  #opened(opened: Opened): OriginConnection | undefined {
    const connection = new OriginConnection(opened, this);
    this.#open.add(connection);
    if (!this.#destroyed) return connection;
    connection.destroy();
    return undefined;
  }

  #closeIdle(): void {
    const now = performance.now();
    for (const connection of this.#free.filter(({ idleUntil }) => idleUntil <= now)) connection.abort();
  }

  #settle(): void {
    if (this.#open.size === 0 && this.#opening === 0) this.#closing?.resolve();
  }
}
