// The data listener: Fastify takes connections and requests; every request goes to handle-request, whatever its target.
import { METHODS } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { GatewayError } from '../errors.ts';
import { answerClientError, closeWith } from './client-error.ts';
import { Connections } from './connections.ts';
import type { Gateway } from './gateway.ts';
import { handleRequest } from './handle-request.ts';
import { registerUnguarded } from './unguarded.ts';
import { handleUpgrade, opensTunnel, type Tunnels } from './upgrade.ts';

/** How often Node looks for heads that are late, milliseconds; its default of 30 s would let them pile up. */
const CHECKING_INTERVAL = 1_000;

/** Builds the listener; the caller listens and closes. */
export function buildApp(gateway: Gateway): FastifyInstance {
  const { limits } = gateway;
  const connections = new Connections();
  const app = Fastify({
    logger: false,
    keepAliveTimeout: limits.keepalive,
    requestTimeout: 0, // the content has its own deadlines
    return503OnClosing: false,
    // routing is not Fastify's: its reading of a target must not differ from ours
    rewriteUrl: () => '/',
    clientErrorHandler: (error, socket) => answerClientError(error, socket, connections, gateway),
    http: {
      headersTimeout: limits.arrival,
      connectionsCheckingInterval: CHECKING_INTERVAL,
      insecureHTTPParser: false,
      requireHostHeader: false, // refused by receive(), with an answer that says so
      maxHeaderSize: limits.head,
      shouldUpgradeCallback: (message) => opensTunnel(message) && !connections.isBusy(message.socket),
    },
  });
  app.server.maxHeadersCount = limits.fields;
  app.server.maxConnections = limits.connections;

  const tunnels: Tunnels = new Set();
  app.server.on('upgrade', (message, socket, early) => {
    void handleUpgrade(message, socket, early, gateway, tunnels);
  });
  app.server.on('connect', (_message, socket) => {
    const error = new GatewayError('method-not-allowed', 'CONNECT is not forwarded.');
    connections.breakOff(socket, false, () => closeWith(socket, error, gateway));
  });
  // the verdict comes before the 100 (Continue); RFC 9110 10.1.1
  app.server.on('checkContinue', (message, response) => app.routing(message, response));
  app.server.on('checkExpectation', (message, response) => app.routing(message, response));
  app.addHook('preClose', async () => {
    connections.close();
    // a tunnel has no end to wait for
    for (const tunnel of tunnels) tunnel.destroy();
  });

  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  registerUnguarded(app, gateway.tools.origin, gateway.tools.forward.timeouts);
  app.route({
    method: app.supportedMethods,
    url: '/',
    // before Fastify looks at the content: it would parse it, and refuse types it does not know
    onRequest: (request, reply) => {
      connections.take(request.raw, reply.raw, () => void handleRequest(request, reply, gateway));
    },
    handler: () => {},
  });
  return app;
}
