// The head of a request to the origin, as text: target and fields byte for byte, framing and the connection's fields ours.
import { Readable } from 'node:stream';
import { GatewayError } from '../errors.ts';
import type { OriginRequest } from './exchange.ts';

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const TARGET = /^\/[!-~\x80-\xff]*$/;
const NAME = METHOD;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** They anticipate content, so that none has to be said (RFC 9110 8.6). */
const WITH_CONTENT = new Set(['PATCH', 'POST', 'PROPFIND', 'PROPPATCH', 'PUT', 'QUERY']);

/**
 * The head with its last empty line; Latin-1. `last`: the connection ends behind the answer. Content that is streamed is
 * framed by a Content-Length among the fields, or else chunked.
 *
 * Throws GatewayError `internal` for what would not be one field, one line: nothing that comes here should be so, and
 * whoever let it through must not split the request.
 */
export function requestHead(request: OriginRequest, last: boolean): string {
  const { method, target, fields, upgrade } = request;
  if (!METHOD.test(method) || !TARGET.test(target)) throw unfit(`${method} and its target`);
  let text = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (!NAME.test(name) || !VALUE.test(value)) throw unfit('a field');
    text += `${name}: ${value}\r\n`;
  }
  if (upgrade === undefined) text += last ? 'Connection: close\r\n' : 'Connection: keep-alive\r\n';
  else if (VALUE.test(upgrade)) text += `Connection: upgrade\r\nUpgrade: ${upgrade}\r\n`;
  else throw unfit('a protocol');
  return `${text}${framing(request)}\r\n`;
}

function framing({ method, fields, content }: OriginRequest): string {
  if (content === undefined) return WITH_CONTENT.has(method) ? 'Content-Length: 0\r\n' : '';
  if (content instanceof Readable) {
    return announcedLength(fields) === undefined ? 'Transfer-Encoding: chunked\r\n' : '';
  }
  return `Content-Length: ${content.reduce((bytes, piece) => bytes + piece.length, 0)}\r\n`;
}

/** Bytes of streamed content, where its request says so; undefined: chunked. */
export function announcedLength(fields: readonly string[]): number | undefined {
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-length');
  return at === -1 ? undefined : Number(fields[at + 1]);
}

function unfit(what: string): GatewayError {
  return new GatewayError('internal', 'The gateway failed; its log says why.', {
    cause: new Error(`${what} cannot be written in HTTP/1.1`),
  });
}
