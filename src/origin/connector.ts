// How a connection to the origin is opened: TCP or a Unix socket, verified TLS.
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { buildConnector } from 'undici';
import type { Config } from '../config/config.ts';
import { bareHost } from '../config/origin-url.ts';
import { sharedLookup } from './name-lookup.ts';

/** An open connection; over TLS `socket` is what goes into it. */
export interface Opened {
  readonly socket: Socket;
  /**
   * Ends it at once, and what has been written and not delivered ends with it: a mere close leaves that with the kernel,
   * which goes on delivering it for minutes. A Unix socket knows no such end.
   */
  cut(): void;
}

/** A connection that is open and verified, or why there is none. */
type Told = (connection: Opened | undefined, error: Error | undefined) => void;

/** Calls back once. */
export type Connect = (told: Told) => void;

/** Throws when a file of the TLS settings cannot be read. */
export function connectorFor(origin: Config['origin'], url: URL): Connect {
  const secure = url.protocol === 'https:' ? secured(origin, url) : undefined;
  const open = buildConnector({
    allowH2: false,
    timeout: origin.timeouts.connect,
    lookup: sharedLookup(),
    ...(origin.socket === undefined ? {} : { socketPath: origin.socket }),
  });
  const { port } = url;
  const options = { hostname: bareHost(url), protocol: 'http:', port: port === '' && secure ? '443' : port };
  return (told) =>
    open(options, (error, socket) => {
      if (!socket) {
        told(undefined, error ?? undefined);
        return;
      }
      const cut = (): void => {
        if (origin.socket === undefined) socket.resetAndDestroy();
        else socket.destroy();
      };
      if (secure === undefined) told({ socket, cut }, undefined);
      else secure({ socket, cut }, told);
    });
}

/** TLS over a connection. Each has a deadline of its own; whoever waits for both has one for them together. */
function secured(origin: Config['origin'], url: URL): (below: Opened, told: Told) => void {
  const hostname = bareHost(url);
  const open = buildConnector({
    allowH2: false,
    timeout: origin.timeouts.connect,
    rejectUnauthorized: origin.verify,
    // what counts is who was configured, not the name in the client's Host
    checkServerIdentity: (_name, certificate) => checkServerIdentity(hostname, certificate),
    ...(origin.ca === undefined ? {} : { ca: readFileSync(origin.ca) }),
    ...(origin.cert === undefined ? {} : { cert: readFileSync(origin.cert) }),
    ...(origin.key === undefined ? {} : { key: readFileSync(origin.key) }),
  });
  const { host, protocol, port } = url;
  const options = { hostname, host, protocol, port, servername: isIP(hostname) === 0 ? hostname : '' };
  return (below, told) =>
    open({ ...options, httpSocket: below.socket }, (error, socket) => {
      if (!socket) {
        told(undefined, error ?? undefined);
        return;
      }
      const cut = (): void => {
        below.cut();
        socket.destroy();
      };
      told({ socket, cut }, undefined);
    });
}
