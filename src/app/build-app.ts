// The data listener: Fastify takes connections and requests; every request goes to handle-request, whatever its target.
import { createServer, type IncomingMessage, METHODS, type Server, type ServerResponse } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { GatewayError } from '../errors.ts';
import { refuse } from '../guard/refuse.ts';
import { answerClientError, closeWith } from './client-error.ts';
import { Connections } from './connections.ts';
import { Drops } from './drops.ts';
import type { Gateway } from './gateway.ts';
import { handleRequest } from './handle-request.ts';
import type { Log } from './log.ts';
import { send } from './send.ts';
import { registerUnguarded } from './unguarded.ts';
import { handleUpgrade, opensTunnel } from './upgrade.ts';

/** How often Node looks for heads that are late, milliseconds; its default of 30 s would let them pile up. */
const CHECKING_INTERVAL = 1_000;

/**
 * After how long without a byte the kernel asks whether a client is still there (TCP keepalive), milliseconds: a tunnel or a
 * stream of events may be silent for ever, and so is a client that has lost its network.
 */
const SILENCE = 60_000;

/** Said to whom a stop does not wait for. */
const UNFINISHED = 'This gateway is shutting down, and the request was not complete; send it again.';

type Listener = (message: IncomingMessage, response: ServerResponse) => void;

export interface DataListener {
  /** The caller listens and closes. */
  readonly app: FastifyInstance;
  /** From now on every answer is the last of its connection, so that clients go elsewhere; all else goes on. */
  retire(): void;
  /** Whether a request is not yet answered, or not yet in the log: its client may have left. */
  inFlight(): boolean;
  /** Ends every connection at once, tunnels included. */
  cut(): void;
}

export function buildApp(gateway: Gateway): DataListener {
  const { limits } = gateway;
  const connections = new Connections(limits.send);
  const drops = new Drops(gateway.log.events, limits.connections);
  let atWork = 0;
  const over = (): void => {
    atWork -= 1;
  };
  const app = Fastify({
    logger: false,
    return503OnClosing: false,
    // routing is not Fastify's: its reading of a target must not differ from ours
    rewriteUrl: () => '/',
    clientErrorHandler: (error, socket) => answerClientError(error, socket, connections, gateway),
    serverFactory: (routing) => {
      const server = openServer(inTurn(connections, gateway.log, routing), connections, gateway);
      server.on('drop', () => drops.add());
      return server;
    },
  });
  app.addHook('preClose', async () => {
    connections.close((socket) =>
      closeWith(socket, new GatewayError('request-timeout', UNFINISHED), gateway),
    );
  });
  app.addHook('onClose', async () => {
    connections.stop();
    drops.stop();
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
      atWork += 1;
      void handleRequest(request, reply, gateway).then(over);
    },
    handler: () => {},
  });
  return {
    app,
    retire: () => connections.retire(),
    inFlight: () => atWork > 0 || connections.inFlight,
    cut: () => connections.cut(),
  };
}

/** Each request in its turn; methods of other protocols, which Node's parser knows and Fastify does not, end here. */
function inTurn(connections: Connections, log: Log, routing: Listener): Listener {
  return (message, response) =>
    connections.take(message, response, () => {
      if (METHODS.includes(message.method ?? '')) {
        routing(message, response);
        return;
      }
      const error = new GatewayError('request-invalid', 'This is not an HTTP method.');
      log.events.info({ code: error.code }, 'refused');
      response.shouldKeepAlive = false;
      send(message, response, refuse(error), () => response.destroy());
    });
}

function openServer(listener: Listener, connections: Connections, gateway: Gateway): Server {
  const { limits } = gateway;
  const options = {
    headersTimeout: limits.arrival,
    connectionsCheckingInterval: CHECKING_INTERVAL,
    keepAliveTimeout: limits.keepalive,
    keepAlive: true,
    keepAliveInitialDelay: SILENCE,
    requestTimeout: 0, // the content has its own deadlines
    optimizeEmptyRequests: true, // what has no content needs no stream of it: 7 % of a GET
    insecureHTTPParser: false,
    requireHostHeader: false, // refused by receive(), with an answer that says so
    maxHeaderSize: limits.head,
    shouldUpgradeCallback: (message: IncomingMessage) =>
      opensTunnel(message) && !connections.isBusy(message.socket),
  };
  const server = createServer(options, listener);
  server.maxHeadersCount = limits.fields;
  server.maxConnections = limits.connections;
  // among workers a connection too many would be handed round and round otherwise
  Object.assign(server, { dropMaxConnection: true });
  // called by close(), of Node's as of Fastify's: it would destroy connections whose last answer is not all taken yet, and
  // those on which a request is on its way
  server.closeIdleConnections = () => {};
  server.on('connection', (socket) => connections.accept(socket));
  // the verdict comes before the 100 (Continue), RFC 9110 10.1.1; other expectations are refused by receive()
  server.on('checkContinue', listener);
  server.on('checkExpectation', listener);
  server.on('upgrade', (message, socket, early) => {
    void handleUpgrade(message, socket, early, gateway, connections);
  });
  server.on('connect', (_message, socket) => {
    connections.adopt(socket);
    const error = new GatewayError('method-not-allowed', 'CONNECT is not forwarded.');
    connections.breakOff(socket, false, () => closeWith(socket, error, gateway));
  });
  return server;
}
