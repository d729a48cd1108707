// How a connection to the origin is opened: verified TLS, and a note of connections that break.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { buildConnector } from 'undici';
import type { Config } from '../config/config.ts';

export interface Connector {
  readonly connect: buildConnector.connector;
  /**
   * Whether a connection is breaking in this very tick. undici takes a reset for the end of an answer without framing, and
   * says so in the same tick in which the connection's error comes.
   */
  isBreaking(): boolean;
}

/** Throws when a file of the TLS settings cannot be read. */
export function connectorFor(origin: Config['origin'], url: URL): Connector {
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  // undici would verify the name in the client's Host; what counts is who was configured
  const servername = isIP(hostname) === 0 ? hostname : '';
  const open = buildConnector({
    allowH2: false,
    timeout: origin.timeouts.connect,
    rejectUnauthorized: origin.verify,
    checkServerIdentity: (_name, certificate) => checkServerIdentity(hostname, certificate),
    ...(origin.socket === undefined ? {} : { socketPath: origin.socket }),
    ...(origin.ca === undefined ? {} : { ca: readFileSync(origin.ca) }),
    ...(origin.cert === undefined ? {} : { cert: readFileSync(origin.cert) }),
    ...(origin.key === undefined ? {} : { key: readFileSync(origin.key) }),
  });
  let breaking = false;
  const noteBreak = () => {
    breaking = true;
    queueMicrotask(() => {
      breaking = false;
    });
  };
  return {
    isBreaking: () => breaking,
    connect: (options, callback) =>
      open({ ...options, servername, host: url.host }, (...result) => {
        result[1]?.on('error', noteBreak);
        callback(...result);
      }),
  };
}
