// One request as received: what is ambiguous or malformed ends here, before anything else looks at it.
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';
import { forbiddenConnectionOption } from '../origin/fields.ts';
import { parseTarget, type Target } from '../route/target.ts';
import { FieldNames } from '../semantics/field-names.ts';
import { type FieldLines, trimOws } from '../semantics/fields.ts';

export interface Received {
  readonly method: string;
  readonly target: Target;
  /** The Host field; empty for HTTP/1.0 without one. */
  readonly host: string;
  readonly fields: FieldLines;
}

/** Fields of which a second line would be read differently by the next hop. */
const SINGLE = new FieldNames([
  'host',
  'content-type',
  'authorization',
  'content-length',
  'expect',
  'max-forwards',
]);
/** Fields that frame the message, or are about the connection. */
const OF_CONNECTION = new FieldNames(['connection', 'transfer-encoding']);

const HOST = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/** What of a request's head is looked at first; the target goes beside it. */
export type Head = Pick<IncomingMessage, 'method' | 'httpVersion' | 'rawHeaders'>;

/**
 * Throws GatewayError; a request that passes has one target, one host and unambiguous framing. `longest`: most octets
 * of the target.
 */
export function receive(message: Head, requestTarget: string, longest: number): Received {
  const { method = '', rawHeaders: fields } = message;
  if (message.httpVersion !== '1.1' && message.httpVersion !== '1.0') {
    throw new GatewayError('version-unsupported', 'Use HTTP/1.1.');
  }
  const host = checkFields(fields, message.httpVersion);
  if (method === 'TRACE' || method === 'CONNECT') {
    throw new GatewayError('method-not-allowed', `${method} is not forwarded.`);
  }
  if (requestTarget.length > longest) {
    throw new GatewayError('target-too-long', `The target is longer than ${longest} octets; shorten it.`);
  }
  const target = parseTarget(requestTarget, host);
  if ('code' in target) throw new GatewayError(target.code, target.detail);
  return { method, target, host, fields };
}

/** One pass over the raw lines: Node's collapsed map hides repetition. Returns the host. */
function checkFields(fields: FieldLines, version: string): string {
  const seen: string[] = [];
  let host = '';
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const field = fields[i] ?? '';
    const isSingle = SINGLE.has(field);
    if (!isSingle && !OF_CONNECTION.has(field)) continue;
    const name = field.toLowerCase();
    const value = fields[i + 1] ?? '';
    if (isSingle && seen.includes(name)) throw invalid(`The field ${name} was sent twice; send it once.`);
    seen.push(name);
    if (name === 'host') host = checkHost(value);
    else if (name === 'connection') checkConnection(value);
    else if (name === 'transfer-encoding') checkTransferCoding(value, version);
    else if (name === 'expect') checkExpectation(value, version);
  }
  if (host === '' && version === '1.1') throw invalid('Send one Host field.');
  return host;
}

function checkHost(value: string): string {
  const match = HOST.exec(value);
  if (match === null || Number(match[1] ?? 0) > 65_535)
    throw invalid('The Host field is not a host and port.');
  return value;
}

function checkConnection(value: string): void {
  const name = forbiddenConnectionOption(value);
  if (name === undefined) return;
  throw invalid(
    `Connection names ${JSON.stringify(name).slice(0, 60)}, which is not a connection option; remove it.`,
  );
}

/** HTTP/1.0 knows no expectations: they are ignored there (RFC 9110 10.1.1). */
function checkExpectation(value: string, version: string): void {
  if (version === '1.0' || trimOws(value).toLowerCase() === '100-continue') return;
  throw new GatewayError('expectation-failed', 'Only Expect: 100-continue is known; leave the field out.');
}

function checkTransferCoding(value: string, version: string): void {
  if (version === '1.0') throw invalid('HTTP/1.0 has no transfer codings.');
  const codings = value.toLowerCase().split(',');
  if (codings.at(-1)?.trim() !== 'chunked') throw invalid('The last transfer coding must be chunked.');
  if (codings.length === 1) return;
  throw new GatewayError(
    'transfer-coding-unsupported',
    'Send the content with the chunked transfer coding alone, or with Content-Length.',
  );
}

function invalid(detail: string): GatewayError {
  return new GatewayError('request-invalid', detail);
}
