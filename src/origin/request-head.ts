// The head of a request to the origin, as text: target and fields byte for byte, framing and the connection's fields ours.
import { Readable } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { OriginRequest } from './exchange.ts';
import { isText, isToken } from './grammar.ts';

const TARGET = /^\/[!-~\x80-\xff]*$/;

/** They anticipate content, so that none has to be said (RFC 9110 8.6). */
const WITH_CONTENT = new Set(['PATCH', 'POST', 'PROPFIND', 'PROPPATCH', 'PUT', 'QUERY']);

/**
 * The head with its last empty line; Latin-1. `last`: the connection ends behind the answer.
 *
 * Throws GatewayError `internal` for what would not be one field, one line: nothing that comes here should be so, and
 * whoever let it through must not split the request.
 */
export function requestHead(request: OriginRequest, last: boolean): string {
  const { method, target, fields, upgrade } = request;
  if (!isToken(method) || !TARGET.test(target)) throw unfit(`${method} and its target`);
  let text = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (!isToken(name) || !isText(value)) throw unfit('a field');
    text += `${name}: ${value}\r\n`;
  }
  if (upgrade === undefined) text += last ? 'Connection: close\r\n' : 'Connection: keep-alive\r\n';
  else if (isText(upgrade)) text += `Connection: upgrade\r\nUpgrade: ${upgrade}\r\n`;
  else throw unfit('a protocol');
  return `${text}${framing(request)}\r\n`;
}

function framing({ method, content = [], length }: OriginRequest): string {
  const streamed = content instanceof Readable;
  if (streamed && length === undefined) return 'Transfer-Encoding: chunked\r\n';
  const bytes = streamed ? length : bytesOf(content);
  return bytes === 0 && !WITH_CONTENT.has(method) ? '' : `Content-Length: ${bytes}\r\n`;
}

/** How many bytes content is that is all there. */
export function bytesOf(content: readonly Buffer[]): number {
  return content.reduce((sum, piece) => sum + piece.length, 0);
}

function unfit(what: string): GatewayError {
  return new GatewayError('internal', 'The gateway failed; its log says why.', {
    cause: new Error(`${what} cannot be written in HTTP/1.1`),
  });
}
