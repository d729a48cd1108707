// The head of an origin's answer, as it can be relied on (RFC 9112 4 to 6).
import { FieldNames } from '../semantics/field-names.ts';
import { skipOwsBack, trimmedBetween } from '../semantics/fields.ts';
import { ANSWER_FIELD, TEXT } from './grammar.ts';

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
const HEAD = new RegExp(`^HTTP/1\\.[01] [1-5]\\d\\d(?: ${TEXT})?(?:\r\n${ANSWER_FIELD})*$`);
/** `HTTP/1.1 200 Reason`. */
const MINOR = 7;
const CODE = 9;
const REASON = 13;
const LINE_BREAK = 2;
const SP = 0x20;
/** What is read of them here is about the message and its connection. */
const ABOUT_MESSAGE = new FieldNames(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);
const ASCII = /^[\t\x20-\x7e]*$/;
const DIGITS = /^\d{1,15}$/;
/** Among the options of Connection, of which each is followed by a comma. */
const CLOSE = /(?:^|,)[\t ]*close[\t ]*,/i;
const KEEP_ALIVE = /(?:^|,)[\t ]*keep-alive[\t ]*,/i;
const TIMEOUT = /(?:^|[,;\t ])timeout=(\d{1,6})/i;

/**
 * Reads a head, given without its last line break; whitespace before a colon is taken out (RFC 9112 5.1). Undefined where it
 * is malformed, or where recipients could disagree about its content: two lengths, a length beside a coding, a coding other
 * than chunked, or in HTTP/1.0.
 */
export function readHead(text: string): RawHead | undefined {
  if (!HEAD.test(text)) return undefined;
  // there is no CR but before an LF, now
  let end = endOfLine(text, 0);
  const isHttp11 = text.charAt(MINOR) === '1';
  const status = Number(text.slice(CODE, REASON - 1));
  const reason = text.slice(REASON, end);
  const fields: string[] = [];
  let length: string | undefined;
  let coding: string | undefined;
  let connection = '';
  let keepAlive: string | undefined;
  while (end < text.length) {
    const start = end + LINE_BREAK;
    end = endOfLine(text, start);
    const colon = text.indexOf(':', start);
    const name = text.slice(start, nameEnd(text, colon));
    const value = trimmedBetween(text, colon + 1, end);
    fields.push(name, value);
    if (!ABOUT_MESSAGE.has(name)) continue;
    switch (name.toLowerCase()) {
      case 'content-length':
        if (length !== undefined || !DIGITS.test(value)) return undefined;
        length = value;
        break;
      case 'transfer-encoding':
        // llhttp takes a tab beside it for a part of another coding
        if (coding !== undefined || text.slice(colon, end).includes('\t')) return undefined;
        coding = value.toLowerCase();
        break;
      case 'connection':
        connection += `${value},`;
        break;
      case 'keep-alive':
        keepAlive = TIMEOUT.exec(value)?.[1];
        break;
    }
  }
  if (coding !== undefined && (coding !== 'chunked' || length !== undefined || !isHttp11)) return undefined;
  return {
    status,
    statusText: ASCII.test(reason) ? reason : '',
    fields,
    length: length === undefined ? undefined : Number(length),
    chunked: coding !== undefined,
    persists: !CLOSE.test(connection) && (isHttp11 || KEEP_ALIVE.test(connection)),
    keepAlive: keepAlive === undefined ? undefined : Number(keepAlive) * 1000,
  };
}

/** Almost every name ends at its colon, which one comparison tells. */
function nameEnd(text: string, colon: number): number {
  return text.charCodeAt(colon - 1) > SP ? colon : skipOwsBack(text, colon);
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\r', from);
  return end === -1 ? text.length : end;
}
