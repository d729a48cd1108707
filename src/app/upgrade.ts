// Upgrade (RFC 9110 7.8): a GET that asks for WebSocket becomes a tunnel to the origin, if the origin agrees.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { Answer } from '../guard/exchange.ts';
import { passed } from '../guard/perform.ts';
import { refuseError } from '../guard/refuse.ts';
import type { Upgraded } from '../origin/exchange.ts';
import { returnedFields } from '../origin/fields.ts';
import { forwardUpgrade } from '../origin/forward.ts';
import type { Connections } from './connections.ts';
import type { Gateway } from './gateway.ts';
import { newLogEntry, noteBreak, noteError } from './log-entry.ts';
import { logRequest } from './log-request.ts';
import { send } from './send.ts';
import { sendOff } from './send-off.ts';
import { understand } from './understand.ts';

const PROTOCOL = 'websocket';

const CONNECT_AGAIN = 'This gateway opens no more tunnels; connect again.';

/**
 * Only what cannot be anything but a WebSocket's opening handshake (RFC 6455 4.1): every other Upgrade is ignored, which
 * a server may do, and the request is answered as if it had none. Conditions and content are for the guard.
 */
export function opensTunnel({
  method,
  httpVersion,
  headers,
}: Pick<IncomingMessage, 'method' | 'httpVersion' | 'headers'>): boolean {
  if (method !== 'GET' || httpVersion !== '1.1' || headers.upgrade?.toLowerCase() !== PROTOCOL) return false;
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0) return false;
  return !Object.keys(headers).some((name) => name.startsWith('if-'));
}

/**
 * Answers the request, or joins its connection to the origin's. To be called only while no answer is owed on the connection;
 * never rejects. `early`: bytes that came right behind the request; they wait for the origin's 101.
 */
export async function handleUpgrade(
  message: IncomingMessage,
  client: Duplex,
  early: Buffer,
  gateway: Gateway,
  connections: Connections,
): Promise<void> {
  const started = performance.now();
  const requestTarget = message.url ?? '';
  const entry = newLogEntry(message.method, requestTarget);
  const response = new ServerResponse(message);
  connections.adopt(client, response);
  client.once('close', () => {
    response.destroy();
    logRequest(gateway.log, entry, response, performance.now() - started);
  });
  const answer = (toSend: Answer): void => {
    response.shouldKeepAlive = false;
    response.assignSocket(client as Parameters<ServerResponse['assignSocket']>[0]);
    response.once('finish', () => sendOff(client));
    send(message, response, toSend, (error) => {
      if (response.headersSent) noteBreak(error, entry);
      else noteError(error, entry);
      client.destroy();
    });
  };
  try {
    if (connections.closing) throw noTunnel();
    const { exchange } = understand(message, response, requestTarget, gateway, entry);
    const { method, target, forwarded: fields } = exchange;
    const request = { method, target, fields, upgrade: PROTOCOL };
    const opened = await forwardUpgrade(
      gateway.tools.origin,
      request,
      gateway.tools.forward,
      exchange.clientGone,
    );
    if (!('socket' in opened)) return answer(passed(opened));
    if (connections.closing) {
      opened.socket.destroy();
      throw noTunnel();
    }
    connections.becomeTunnel(client);
    response.statusCode = opened.status;
    join(client, early, opened);
  } catch (error) {
    noteError(error, entry);
    answer(refuseError(error));
  }
}

/** A stop does not wait for tunnels. */
function noTunnel(): GatewayError {
  return new GatewayError('shutting-down', CONNECT_AGAIN, { retryAfter: 1 });
}

function join(client: Duplex, early: Buffer, { status, fields, socket: origin }: Upgraded): void {
  const lines = [`HTTP/1.1 ${status} Switching Protocols`, 'Connection: Upgrade', `Upgrade: ${PROTOCOL}`];
  const returned = returnedFields(status, fields);
  for (let i = 0; i + 1 < returned.length; i += 2) lines.push(`${returned[i]}: ${returned[i + 1]}`);
  client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  if (early.length > 0) origin.write(early);
  origin.on('error', () => client.destroy());
  origin.once('close', () => client.destroy());
  client.once('close', () => origin.destroy());
  client.pipe(origin).pipe(client);
}
