// The head of an origin's answer, as it can be relied on (RFC 9112 4 to 6).
import { trimOws } from '../semantics/fields.ts';
import { TEXT, TOKEN } from './grammar.ts';

/** Field values are Latin-1, a character an octet. */
export interface OriginHead {
  readonly status: number;
  /** Empty where the origin's is none, or no ASCII. */
  readonly statusText: string;
  readonly fields: readonly string[];
}

/** A head with what it says of its message and of the connection. */
export interface RawHead extends OriginHead {
  /** Content-Length, bytes. */
  readonly length: number | undefined;
  readonly chunked: boolean;
  /** The connection may serve on behind this answer (RFC 9112 9.3). */
  readonly persists: boolean;
  /** For how long the origin means to keep it, milliseconds; undefined where it does not say. */
  readonly keepAlive: number | undefined;
}

/** All of a head; each octet can be read in one way only, so that time is linear. */
const HEAD = new RegExp(`^HTTP/1\\.[01] [1-5]\\d\\d(?: ${TEXT})?(?:\r\n${TOKEN}:${TEXT})*$`);
/** `HTTP/1.1 200 Reason`. */
const MINOR = 7;
const CODE = 9;
const REASON = 13;
const ASCII = /^[\t\x20-\x7e]*$/;
const DIGITS = /^\d{1,15}$/;
const TIMEOUT = /(?:^|[,;\t ])timeout=(\d{1,6})/i;

/**
 * Reads a head, given without its last line break. Undefined where it is malformed, or where recipients could disagree
 * about its content: two lengths, a length beside a coding, a coding other than chunked, or in HTTP/1.0.
 */
export function readHead(text: string): RawHead | undefined {
  if (!HEAD.test(text)) return undefined;
  const lines = text.split('\r\n');
  const [first = ''] = lines;
  const isHttp11 = first.charAt(MINOR) === '1';
  const reason = first.slice(REASON);
  const fields: string[] = [];
  let length: string | undefined;
  let coding: string | undefined;
  let connection = '';
  let keepAlive: string | undefined;
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const value = trimOws(line.slice(colon + 1));
    fields.push(name, value);
    switch (name.toLowerCase()) {
      case 'content-length':
        if (length !== undefined || !DIGITS.test(value)) return undefined;
        length = value;
        break;
      case 'transfer-encoding':
        // llhttp takes a tab beside it for a part of another coding
        if (coding !== undefined || line.includes('\t')) return undefined;
        coding = value.toLowerCase();
        break;
      case 'connection':
        connection += `,${value.toLowerCase()}`;
        break;
      case 'keep-alive':
        keepAlive = TIMEOUT.exec(value)?.[1];
        break;
    }
  }
  if (coding !== undefined && (coding !== 'chunked' || length !== undefined || !isHttp11)) return undefined;
  const options = connection.split(',').map(trimOws);
  return {
    status: Number(first.slice(CODE, REASON - 1)),
    statusText: ASCII.test(reason) ? reason : '',
    fields,
    length: length === undefined ? undefined : Number(length),
    chunked: coding !== undefined,
    persists: !options.includes('close') && (isHttp11 || options.includes('keep-alive')),
    keepAlive: keepAlive === undefined ? undefined : Number(keepAlive) * 1000,
  };
}
