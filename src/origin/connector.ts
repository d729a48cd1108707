// How a connection to the origin is opened: TCP or a Unix socket, verified TLS.
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { buildConnector } from 'undici';
import type { Config } from '../config/config.ts';

/** Calls back once: with a connection that is open and verified, or with why there is none. */
export type Connect = (opened: (socket: Socket | undefined, error: Error | undefined) => void) => void;

/** Throws when a file of the TLS settings cannot be read. */
export function connectorFor(origin: Config['origin'], url: URL): Connect {
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const open = buildConnector({
    allowH2: false,
    timeout: origin.timeouts.connect,
    rejectUnauthorized: origin.verify,
    // what counts is who was configured, not the name in the client's Host
    checkServerIdentity: (_name, certificate) => checkServerIdentity(hostname, certificate),
    ...(origin.socket === undefined ? {} : { socketPath: origin.socket }),
    ...(origin.ca === undefined ? {} : { ca: readFileSync(origin.ca) }),
    ...(origin.cert === undefined ? {} : { cert: readFileSync(origin.cert) }),
    ...(origin.key === undefined ? {} : { key: readFileSync(origin.key) }),
  });
  const options = {
    hostname,
    host: url.host,
    protocol: url.protocol,
    port: url.port,
    servername: isIP(hostname) === 0 ? hostname : '',
  };
  return (opened) => open(options, (error, socket) => opened(socket ?? undefined, error ?? undefined));
}
