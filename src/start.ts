// From a Config to a running gateway: lock, origin, data listener, admin listener; and back, losing nothing.
import { randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { buildAdminApp } from './admin/admin-app.ts';
import { buildApp } from './app/build-app.ts';
import type { Log } from './app/log.ts';
import { mostClients, openFileLimit } from './app/open-files.ts';
import { trustedPeers } from './app/peer.ts';
import type { Config, Listen } from './config/config.ts';
import type { Lock, LockState } from './lock/lock.ts';
import { LockRecord } from './lock/lock-record.ts';
import { openLock } from './lock/open-lock.ts';
import { openOrigin } from './origin/client.ts';
import { buildResources } from './route/resource.ts';
import { buildRouteTable } from './route/route-table.ts';

/**
 * Most connections that wait for being accepted; the kernel takes the lesser of this and net.core.somaxconn. With Node's 511
 * a crowd that comes in a busy moment has its SYNs dropped, and each tries again after 1, 3, 7 ... seconds (RFC 6298 5.5).
 */
const BACKLOG = 4096;

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
}

const FEW_FILES =
  'fewer connections than limits.connections: this process may not open enough files; raise their limit (ulimit -n, nofile)';

/** How often the end of the last write is looked for while draining, milliseconds. */
const DRAIN_POLL = 20;

/** What the end of everything may take once all connections are cut, milliseconds. */
const LAST = 1_000;

/** What a process gets from the one above it (`workers`). */
export interface Given {
  /** Instead of the one that the configuration asks for. */
  readonly lock?: Lock;
  /** The pseudonym in Via: the workers of one listener are one instance, or a loop through them would not be seen. */
  readonly via?: string;
}

/** Opens everything or, when a listener cannot be opened, nothing; then it rejects with Node's error. */
export async function start(config: Config, log: Log, given: Given = {}): Promise<Running> {
  const { origin: originConfig, lock: lockConfig } = config;
  const record = new LockRecord();
  const lock = given.lock ?? (await openLock(config, log.events, record));
  const origin = openOrigin(originConfig, (message) => log.events.warn(message));
  const now = Date.now;
  const openFiles = openFileLimit();
  const connections = mostClients(config, openFiles);
  if (connections < config.limits.connections) log.events.warn({ openFiles, connections }, FEW_FILES);
  const table = buildRouteTable(config.routes, config.defaults);
  const { app, retire, inFlight, cut } = buildApp({
    table,
    resources: buildResources(config.routes, table),
    tools: {
      origin,
      lock,
      waitMs: lockConfig.wait,
      fenceField: lockConfig.fence,
      buffer: config.buffer,
      forward: { timeouts: originConfig.timeouts, release: lockConfig.release },
      probe: { timeoutMs: originConfig.timeouts.probe, memory: new Set(), now },
    },
    limits: { ...config.limits, connections },
    isTrusted: trustedPeers(config.trust),
    via: given.via ?? newPseudonym(),
    log,
    now,
  });
  let ready = false;
  const hasEngine = engineSeen(lock);
  const startedAt = performance.now();
  const admin = buildAdminApp({
    ready: () => ready && hasEngine(),
    lock: () => ({ ...lock.state(), ...lock.engine(), ...record.report() }),
    uptime: () => Math.round((performance.now() - startedAt) / 1000),
  });
  let late = false;
  const close = async (): Promise<void> => {
    await app.close();
    // a guarded write whose client has gone holds no connection here; `origin.close()` waits for all others
    if (!settled(lock)) log.events.info(lock.state(), 'waits until no write can still be under way');
    await until(() => late || (settled(lock) && !inFlight()));
    await lock.stop();
    await Promise.all([origin.close(), admin.close()]);
  };
  try {
    const data = await listen(app, config.listen);
    const adminAddress = config.admin === 'off' ? undefined : await listen(admin, config.admin);
    ready = true;
    let stopping: Promise<boolean> | undefined;
    const drain = async (delayMs: number): Promise<boolean> => {
      ready = false;
      retire();
      await delay(delayMs);
      const closed = close();
      if (await inTime(closed, config.drain.timeout)) return true;
      // a client that does not go when its connection is ended has nothing in flight
      if (!inFlight()) {
        cut();
        if (await inTime(closed, LAST)) return true;
      }
      late = true;
      log.events.error('stopped before everything in flight had ended');
      await lock.stop();
      cut();
      await Promise.all([origin.destroy(), admin.close()]);
      await until(() => !inFlight(), LAST);
      return false;
    };
    return {
      data,
      admin: adminAddress,
      lock: () => lock.state(),
      stop: (delayMs = config.drain.delay) => (stopping ??= drain(delayMs)),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Whether the lock's engine was up once: until then no write can succeed here; later on reads must not suffer from an
 * engine that is down for everybody.
 */
export function engineSeen(lock: Lock): () => boolean {
  let seen = false;
  return () => (seen ||= lock.engine().up);
}

export function newPseudonym(): string {
  return `ifmatch-${randomBytes(4).toString('hex')}`;
}

/** The address as it is bound: Fastify's own report names a loopback address for all interfaces. */
export async function listen(app: FastifyInstance, where: Listen): Promise<string> {
  if ('socket' in where) {
    await app.listen({ path: where.socket, backlog: BACKLOG });
    return `unix:${where.socket}`;
  }
  await app.listen({ ...where, backlog: BACKLOG });
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : where.port;
  return `http://${isIPv6(where.host) ? `[${where.host}]` : where.host}:${port}`;
}

/**
 * Whether this process may end, as far as the lock goes. With it an engine in memory forgets its quarantines, and a write of
 * unknown fate might land on top of one that the next process lets in.
 */
export function settled(lock: Lock): boolean {
  const { held, quarantined } = lock.state();
  return held === 0 && (quarantined === 0 || lock.engine().engine !== 'memory');
}

/** Resolves as soon as it holds, or after `most` milliseconds. */
export async function until(holds: () => boolean, most = Number.POSITIVE_INFINITY): Promise<void> {
  for (let waited = 0; !holds() && waited < most; waited += DRAIN_POLL) await delay(DRAIN_POLL);
}

/** Whether `done` comes within so many milliseconds. */
function inTime(done: Promise<void>, ms: number): Promise<boolean> {
  return Promise.race([done.then(() => true), delay(ms, false, { ref: false })]);
}
