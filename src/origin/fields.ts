// The one policy for fields: which of the client's go to the origin, which go on a probe, which of the origin's come back.
import { isIP } from 'node:net';
import { FieldNames } from '../semantics/field-names.ts';
import { type FieldLines, fieldValues, isNamed } from '../semantics/fields.ts';
import { isPlainName } from './grammar.ts';

/** Fields of one connection (RFC 9110 7.6.1), and what would be a hole if it were passed on. */
const NEVER_FORWARDED = new FieldNames([
  'connection',
  'content-length', // the exchange frames anew
  'expect', // handled here: the verdict comes before the 100
  'host', // the exchange has the origin's
  'http2-settings',
  'keep-alive',
  'proxy', // httpoxy, CVE-2016-5387
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** They change the method behind the guard's back. */
const METHOD_OVERRIDE_NAMES = ['x-http-method', 'x-http-method-override', 'x-method-override'];
const METHOD_OVERRIDES = new FieldNames(METHOD_OVERRIDE_NAMES);

/** They change the target. */
const TARGET_OVERRIDES = new FieldNames([
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-forwarded-path',
  'x-forwarded-prefix',
]);

/** Who sent the request, and how: believed only from a trusted peer, otherwise replaced. */
const FORWARDING = new FieldNames([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** Those that are evaluated here (RFC 9110 13.1). WebDAV's If is a condition, too, but the origin's to evaluate. */
const CONDITION_NAMES = ['if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since'];
const CONDITIONS = new FieldNames(CONDITION_NAMES);

/** Fields that are evaluated, replaced or taken out here. */
const SPECIAL = [NEVER_FORWARDED, METHOD_OVERRIDES, TARGET_OVERRIDES, FORWARDING, CONDITIONS];

/** Conditions, which are evaluated here, and what is of caches, hops and parts: no business of a probe. */
const NOT_ON_A_PROBE = new FieldNames([
  ...CONDITION_NAMES,
  ...METHOD_OVERRIDE_NAMES,
  'cache-control',
  'digest',
  'if',
  'max-forwards',
  'pragma',
  'range',
  'repr-digest',
  'want-digest',
  'want-repr-digest',
]);
/** They describe the request's content, which a probe has not. */
const OF_CONTENT = /^(?:want-)?content-/i;

const NEVER_RETURNED = new FieldNames([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What Connection may name: anything else would take an end-to-end field away on the next hop. */
const CONNECTION_OPTIONS = new FieldNames(['close', 'http2-settings', 'keep-alive', 'te', 'upgrade']);

/** How the request came in. */
export interface Arrival {
  readonly peer: string;
  /** The peer is in `trust`: its Forwarded and X-Forwarded-* are kept and extended. */
  readonly trusted: boolean;
  /** The method-override fields go along, because the method that they name is guarded. */
  readonly overrides: boolean;
  /** Empty when the client sent none (HTTP/1.0). */
  readonly host: string;
  /** The client's HTTP version and our pseudonym in Via (RFC 9110 7.6.3). */
  readonly version: string;
  readonly via: string;
}

/** The first name in a Connection field that must not be there: `Connection: If-Match` is an attack. */
export function forbiddenConnectionOption(value: string): string | undefined {
  return connectionOptions(value).find((option) => option !== '' && !CONNECTION_OPTIONS.has(option));
}

function connectionOptions(value: string): string[] {
  return value.split(',').map((option) => option.trim().toLowerCase());
}

/** What the method-override fields of a request name, each value once. */
export function overriddenMethods(received: FieldLines): string[] {
  const values = METHOD_OVERRIDE_NAMES.flatMap((name) => fieldValues(received, name));
  return [...new Set(values.map((value) => value.trim().toUpperCase()))];
}

/**
 * The request's fields for the origin, framing and Host excepted (the exchange adds them), in the order received:
 * same-name lines never change places (RFC 9110 5.3). Via is added (7.6.3); X-Forwarded-* are ours.
 */
export function forwardFields(received: FieldLines, arrival: Arrival): string[] {
  const fields: string[] = [];
  let forwardedFor = '';
  let lastForwarded: number | undefined;
  let proto: string | undefined;
  let host: string | undefined;
  for (let i = 0; i + 1 < received.length; i += 2) {
    const name = received[i] ?? '';
    const value = received[i + 1] ?? '';
    if (NEVER_FORWARDED.has(name) || TARGET_OVERRIDES.has(name)) continue;
    if (!isPlainName(name) && isFoldedIntoAnother(name)) continue;
    if (METHOD_OVERRIDES.has(name) && !arrival.overrides) continue;
    if (FORWARDING.has(name)) {
      if (!arrival.trusted) continue;
      const lower = name.toLowerCase();
      if (lower === 'x-forwarded-for')
        forwardedFor = forwardedFor === '' ? value : `${forwardedFor}, ${value}`;
      else if (lower === 'x-forwarded-proto') proto = value;
      else if (lower === 'x-forwarded-host') host = value;
      else if (lower === 'forwarded') lastForwarded = fields.push(name, value) - 1;
      else fields.push(name, value);
      continue;
    }
    fields.push(name, value);
  }
  // one element for each hop: those before us have added theirs (RFC 7239 4)
  if (lastForwarded !== undefined) fields[lastForwarded] += `, for=${forwardedNode(arrival.peer)}`;
  fields.push('Via', `${arrival.version} ${arrival.via}`);
  const before = forwardedFor === '' || arrival.peer === '' ? forwardedFor : `${forwardedFor}, `;
  const hops = `${before}${arrival.peer}`;
  if (hops !== '') fields.push('X-Forwarded-For', hops);
  fields.push('X-Forwarded-Proto', proto ?? 'http');
  const seenHost = host ?? arrival.host;
  if (seenHost !== '') fields.push('X-Forwarded-Host', seenHost);
  return fields;
}

/**
 * CGI-like origins fold Content_Length and Content-Length into one variable, with PHP Content.Length too, and others any octet
 * that is no letter or digit. Of names without an underscore those go that would mean something then.
 */
function isFoldedIntoAnother(name: string): boolean {
  const folded = fold(name);
  return name.includes('_') || SPECIAL.some((names) => names.has(folded));
}

function fold(name: string): string {
  return name.replace(/[^0-9A-Za-z]/g, '-');
}

/** RFC 7239 section 6: an IPv6 address is bracketed and quoted. */
function forwardedNode(peer: string): string {
  return isIP(peer) === 6 ? `"[${peer}]"` : peer === '' ? 'unknown' : peer;
}

/**
 * Removes the conditions of RFC 9110, for reads, whose answers are evaluated here. What is not evaluated goes on (13.2.1):
 * WebDAV's If stays (RFC 4918 10.4).
 */
export function withoutConditions(fields: readonly string[]): string[] {
  return without(fields, (name) => CONDITIONS.has(name));
}

/**
 * The fields of a probe, of those that are forwarded: credentials, cookies, Accept* and custom fields stay, so that
 * it selects the representation that the write is about; no cache may answer it.
 */
export function probeFields(forwarded: readonly string[]): string[] {
  const fields = without(forwarded, (name) => NOT_ON_A_PROBE.has(name) || OF_CONTENT.test(name));
  fields.push('Cache-Control', 'no-cache');
  return fields;
}

/** The lines of the field `name` (lower case) taken out. */
export function withoutField(fields: readonly string[], name: string): string[] {
  return without(fields, (field) => isNamed(field, name));
}

/** The lines taken out that are named `name`, or that an origin may fold into it: only ifmatch says what is in it. */
export function withoutClaimsOf(fields: readonly string[], name: string): string[] {
  const folded = fold(name).toLowerCase();
  return without(fields, (field) => field.length === folded.length && fold(field).toLowerCase() === folded);
}

function without(fields: readonly string[], drop: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (!drop(name)) kept.push(name, fields[i + 1] ?? '');
  }
  return kept;
}

/**
 * The origin's fields for the client: all but those of the connection, and those that Connection names (7.6.1). A 204
 * has no Content-Length (8.6).
 */
export function returnedFields(status: number, received: FieldLines): string[] {
  const nominated = nominatedFields(received);
  return without(
    received,
    (name) =>
      NEVER_RETURNED.has(name) ||
      (status === 204 && isNamed(name, 'content-length')) ||
      (nominated?.has(name.toLowerCase()) ?? false),
  );
}

/** What an answer's Connection names, in lower case; undefined: nothing to take out. A Set, for an origin may name thousands. */
export function nominatedFields(received: FieldLines): ReadonlySet<string> | undefined {
  let nominated: Set<string> | undefined;
  for (const value of fieldValues(received, 'connection')) {
    if (NEVER_RETURNED.has(value)) continue; // one name alone, as in most answers
    nominated ??= new Set();
    for (const option of connectionOptions(value)) nominated.add(option);
  }
  return nominated;
}
