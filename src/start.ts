// From a Config to a running gateway: lock, origin, data listener, admin listener; and back, losing nothing.
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { buildAdminApp } from './admin/admin-app.ts';
import { healthOf } from './admin/health.ts';
import { buildApp, type DataListener } from './app/build-app.ts';
import { newPseudonym } from './app/gateway.ts';
import { listen } from './app/listen.ts';
import type { Log } from './app/log.ts';
import { mostClients, openFileLimit } from './app/open-files.ts';
import { trustedPeers } from './app/peer.ts';
import type { Config } from './config/config.ts';
import type { Lock, LockState } from './lock/lock.ts';
import { LockRecord } from './lock/lock-record.ts';
import { openLock } from './lock/open-lock.ts';
import { settled, until } from './lock/settled.ts';
import { type OriginClient, openOrigin } from './origin/client.ts';
import { buildResources } from './route/resource.ts';
import { buildRouteTable } from './route/route-table.ts';

/** What the end of everything may take once all connections are cut, milliseconds. */
const CUT_GRACE = 1_000;
/** What the answers to those who are refused at the end may take, milliseconds. */
const SAY_GRACE = 50;

export interface Running {
  /** http://address:port, or unix:path. */
  readonly data: string;
  readonly admin: string | undefined;
  lock(): LockState;
  /**
   * Unready at once; serves on for `delayMs` (default: `drain.delay`), one request for each connection, then takes no more
   * connections, finishes what is in flight, writes of clients that have gone included, and closes. Bounded by
   * `drain.timeout`. Resolves when all is in the log, with whether everything in flight had ended.
   */
  stop(delayMs?: number): Promise<boolean>;
  /** Ends at once what could outlive a process that is about to exit: writes that its kernel would go on delivering. */
  kill(): void;
}

const FEW_FILES =
  'fewer connections than limits.connections: this process may not open enough files; raise their limit (ulimit -n, nofile)';

/** What a worker gets from the process above it (`workers`). */
export interface FromPrimary {
  /** Instead of the one that the configuration asks for. */
  readonly lock?: Lock;
  /** The pseudonym in Via: the workers of one listener are one instance, or a loop through them would not be seen. */
  readonly via?: string;
}

/** Opens everything or, when a listener cannot be opened, nothing; then it rejects with Node's error. */
export async function start(config: Config, log: Log, given: FromPrimary = {}): Promise<Running> {
  const record = new LockRecord();
  const lock = given.lock ?? (await openLock(config, log.events, record));
  const origin = openOrigin(config.origin, (message) => log.events.warn(message));
  const listener = buildListener(config, log, lock, origin, given.via ?? newPseudonym());
  let serving = false;
  const admin = buildAdminApp(
    healthOf(lock, record, () => serving),
    config.admin,
  );
  const opened = new Opened({ listener, admin, lock, origin, log });
  try {
    const data = await listen(listener.app, config.listen);
    const adminAddress = config.admin === 'off' ? undefined : await listen(admin, config.admin);
    serving = true;
    let stopping: Promise<boolean> | undefined;
    const stop = (delayMs: number): Promise<boolean> => {
      serving = false;
      return opened.drain(delayMs, config.drain.timeout);
    };
    return {
      data,
      admin: adminAddress,
      lock: () => lock.state(),
      stop: (delayMs = config.drain.delay) => (stopping ??= stop(delayMs)),
      kill: () => void origin.destroy(),
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function buildListener(
  config: Config,
  log: Log,
  lock: Lock,
  origin: OriginClient,
  via: string,
): DataListener {
  const { timeouts } = config.origin;
  const now = Date.now;
  const openFiles = openFileLimit();
  const connections = mostClients(config, openFiles);
  if (connections < config.limits.connections) log.events.warn({ openFiles, connections }, FEW_FILES);
  const table = buildRouteTable(config.routes, config.defaults);
  return buildApp({
    table,
    resources: buildResources(config.routes, table),
    tools: {
      origin,
      lock,
      waitMs: config.lock.wait,
      fenceField: config.lock.fence,
      buffer: config.buffer,
      forward: { timeouts, release: config.lock.release },
      probe: { timeoutMs: timeouts.probe, memory: new Set(), now },
    },
    limits: { ...config.limits, connections },
    isTrusted: trustedPeers(config.trust),
    via,
    log,
    now,
  });
}

interface Parts {
  readonly listener: DataListener;
  readonly admin: FastifyInstance;
  readonly lock: Lock;
  readonly origin: OriginClient;
  readonly log: Log;
}

/** What was opened, on its way back. */
class Opened {
  readonly #parts: Parts;
  /** There is no more time for what is in flight. */
  #late = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes no more connections, and resolves when everything in flight has ended and all is closed. */
  async close(): Promise<void> {
    const { listener, admin, lock, origin, log } = this.#parts;
    await listener.app.close();
    // a guarded write whose client has gone holds no connection here; `origin.close()` waits for all others
    if (!settled(lock)) log.events.info(lock.state(), 'waits until no write can still be under way');
    await until(() => this.#late || (settled(lock) && !listener.inFlight()));
    await lock.stop();
    await Promise.all([origin.close(), admin.close()]);
  }

  /** Serves on for `delayMs`, then closes; after `timeoutMs` whatever is in flight is cut. Resolves with whether nothing was. */
  async drain(delayMs: number, timeoutMs: number): Promise<boolean> {
    const { listener } = this.#parts;
    listener.retire();
    await delay(delayMs);
    const closed = this.close();
    if (await inTime(closed, timeoutMs)) return true;
    // a client that does not go when its connection is ended has nothing in flight
    if (!listener.inFlight()) {
      listener.cut();
      if (await inTime(closed, CUT_GRACE)) return true;
    }
    await this.#destroy();
    return false;
  }

  async #destroy(): Promise<void> {
    const { listener, admin, lock, origin, log } = this.#parts;
    this.#late = true;
    log.events.error('stopped before everything in flight had ended');
    await lock.stop();
    await delay(SAY_GRACE); // who has waited for the lock until now is told that nothing was sent
    listener.cut();
    await Promise.all([origin.destroy(), admin.close()]);
    await until(() => !listener.inFlight(), CUT_GRACE);
  }
}

/** Whether `done` comes within so many milliseconds. */
function inTime(done: Promise<void>, ms: number): Promise<boolean> {
  return Promise.race([done.then(() => true), delay(ms, false, { ref: false })]);
}
