// The data listener: Fastify takes connections and requests; every request goes to handle-request, whatever its target.
import { METHODS } from 'node:http';
import { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { GatewayError } from '../errors.ts';
import { refuse } from '../guard/refuse.ts';
import { answerClientError, closeWith } from './client-error.ts';
import { Connections } from './connections.ts';
import type { Gateway } from './gateway.ts';
import { handleRequest } from './handle-request.ts';
import { send } from './send.ts';
import { registerUnguarded } from './unguarded.ts';
import { handleUpgrade, opensTunnel, type Tunnels } from './upgrade.ts';

/** Milliseconds until a request's fields must be complete. */
const HEADERS_TIMEOUT = 10_000;
const CHECKING_INTERVAL = 1_000;
/** Bytes of a request's head; more is answered 431. */
const MAX_HEAD = 16_384;
/** Lines of fields; more is answered 431 (traps finding 10: older Node dropped If-Match instead). */
const MAX_FIELD_LINES = 200;

/** Builds the listener; the caller listens and closes. */
export function buildApp(gateway: Gateway): FastifyInstance {
  const connections = new Connections();
  const app = Fastify({
    logger: false,
    requestTimeout: 0, // the content has its own deadlines
    return503OnClosing: false,
    // routing is not Fastify's: its reading of a target must not differ from ours (traps findings 3 and 4)
    rewriteUrl: () => '/',
    clientErrorHandler: (error, socket) => {
      if (socket instanceof Socket) answerClientError(error, socket, connections, gateway.now);
    },
    http: {
      headersTimeout: HEADERS_TIMEOUT,
      connectionsCheckingInterval: CHECKING_INTERVAL,
      insecureHTTPParser: false,
      requireHostHeader: false, // refused by receive(), with an answer that says so
      maxHeaderSize: MAX_HEAD,
      shouldUpgradeCallback: opensTunnel,
    },
  });
  const tunnels: Tunnels = new Set();
  app.server.on('upgrade', (message, socket, early) => {
    void handleUpgrade(message, socket, early, gateway, tunnels);
  });
  app.addHook('preClose', async () => {
    connections.close();
    // a tunnel has no end to wait for
    for (const tunnel of tunnels) tunnel.destroy();
  });
  app.server.maxHeadersCount = MAX_FIELD_LINES;
  app.server.on('connect', (_message, socket) => {
    const error = new GatewayError('method-not-allowed', 'CONNECT is not forwarded.');
    if (socket instanceof Socket) closeWith(socket, error, gateway.now());
  });
  // the verdict comes before the 100 (Continue); RFC 9110 10.1.1
  app.server.on('checkContinue', (message, response) => app.routing(message, response));
  app.server.on('checkExpectation', (message, response) => {
    const error = new GatewayError(
      'expectation-failed',
      'Only Expect: 100-continue is known; leave the field out.',
    );
    send(message, response, refuse(error));
  });

  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  registerUnguarded(app, gateway.tools.origin, gateway.tools.forward.timeouts.read);
  app.route({
    method: app.supportedMethods,
    url: '/',
    // before Fastify looks at the content (traps B15 to B17)
    onRequest: (request, reply) => {
      connections.take(request.raw, reply.raw, () => void handleRequest(request, reply, gateway));
    },
    handler: () => {},
  });
  return app;
}
