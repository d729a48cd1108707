// The admin listener: is it alive, is it ready, what is it doing. Read-only, and never on the data listener.
import Fastify, { type FastifyInstance } from 'fastify';
import type { EngineState, LockState } from '../lock/lock.ts';
import type { LockReport } from '../lock/lock-record.ts';

/** What the admin listener may know. */
export interface Health {
  /** False before the data listener is open, and from the first signal to stop. */
  ready(): boolean;
  /** How the lock stands, and what it has done since the start. */
  lock(): LockState & EngineState & LockReport;
  /** Where several processes share the data listener: how many of them are listening, of how many. */
  workers?(): { readonly up: number; readonly of: number };
  /** Seconds since the start. */
  uptime(): number;
}

/** How long a stop waits for what is under way here, milliseconds: no answer takes as long, but a request may never come whole. */
const GRACE = 1_000;

/** Builds the listener; the caller listens and closes. */
export function buildAdminApp(health: Health): FastifyInstance {
  const app = Fastify({
    logger: false,
    requestTimeout: 5_000,
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000, insecureHTTPParser: false },
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  let grace: NodeJS.Timeout | undefined;
  app.addHook('preClose', async () => {
    grace = setTimeout(() => app.server.closeAllConnections(), GRACE);
  });
  app.addHook('onClose', async () => clearTimeout(grace));
  app.get('/livez', async () => ({ status: 'alive' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = health.ready();
    const status = ready ? 'ready' : 'not ready';
    return reply.code(ready ? 200 : 503).send({ status, lock: health.lock(), workers: health.workers?.() });
  });
  app.get('/status', async () => ({
    ready: health.ready(),
    uptime: health.uptime(),
    lock: health.lock(),
    workers: health.workers?.(),
  }));
  return app;
}
