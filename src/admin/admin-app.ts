// The admin listener: is it alive, is it ready, what is it doing. Read-only, and never on the data listener.
import Fastify, { type FastifyInstance } from 'fastify';
import type { Config } from '../config/config.ts';
import { isLoopbackOnly } from '../config/listen.ts';
import type { Health } from './health.ts';

/** How long a stop waits for what is under way here, milliseconds: no answer takes as long, but a request may never come whole. */
const GRACE = 1_000;

/** A Host that no other site can have: not a name of the DNS, which may come to mean this machine (DNS rebinding). */
const OWN_HOST = /^(?:localhost|[\d.]+|\[[\da-f:.]+\])?(?::\d*)?$/i;

/** Builds the listener; the caller listens, at `where`, and closes. */
export function buildAdminApp(health: Health, where: Config['admin']): FastifyInstance {
  const app = Fastify({
    logger: false,
    requestTimeout: 5_000,
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000, insecureHTTPParser: false },
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  // elsewhere the names that it goes by are not known
  if (where !== 'off' && isLoopbackOnly(where)) {
    app.addHook('onRequest', (request, reply, next) => {
      if (OWN_HOST.test(request.headers.host ?? '')) next();
      else reply.code(421).send({ message: 'Ask for localhost, or for an address.' });
    });
  }
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
