// The one canonical target of a request: checked, reduced to origin-form, otherwise byte for byte as received.

import { foldCase } from './octets.ts';
import { readPath } from './readings.ts';

/** A request target in origin-form that is fit to be forwarded. Text is Latin-1, an octet a character. */
export interface Target {
  /** Path and query exactly as received: what is forwarded. */
  readonly raw: string;
  /** `raw` without the query. */
  readonly path: string;
  /** Empty, or `?` and what follows it. */
  readonly query: string;
  /** Every way servers may read the path: decoded segments, without a trailing slash; the last is the most merged. */
  readonly readings: Readings;
  /**
   * The same by the paths that it may be. Mostly it is one; but to servers that resolve the target as a reference `//a/b` is
   * `/b` of the authority `a` (RFC 3986 4.2).
   */
  readonly paths: readonly Readings[];
}

export type Readings = readonly (readonly string[])[];

/** Why a request target is refused with 400. */
export interface TargetFault {
  readonly code: 'target-invalid' | 'target-dot-segment' | 'target-foreign';
  readonly detail: string;
}

/** Visible octets but `#` and `\`. */
const PATH = /^[!"$-[\]-~\x80-\xff]*$/;
/** Visible octets but `#`. */
const QUERY = /^[!"$-~\x80-\xff]*$/;
const ENCODED_CONTROL = /%(?:[01][0-9a-f]|7f)/i;
const MALFORMED_TRIPLET = /%(?![0-9a-f]{2})/i;
/** The WHATWG's URL, which such servers go by, takes any number of slashes for two. */
const AUTHORITY = /^\/{2,}[^/]*/;
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i;

/**
 * Checks a request target and reduces it to origin-form (RFC 9112 3.2.1).
 *
 * Absolute-form (3.2.2) is accepted for `http` and the authority of the Host field alone: compared as text,
 * ASCII letters in any case, `:80` and a bare `:` as no port. A trailing dot, another port and userinfo are
 * foreign. `//host/x` is a path with a doubled slash, or `/x`. Asterisk- and authority-form are faults.
 *
 * @param requestTarget as on the request line, Latin-1
 * @param host value of the Host field
 */
export function parseTarget(requestTarget: string, host: string | undefined): Target | TargetFault {
  const raw = requestTarget.startsWith('/') ? requestTarget : reduceAbsoluteForm(requestTarget, host);
  if (typeof raw !== 'string') return raw;
  const mark = raw.indexOf('?');
  const path = mark === -1 ? raw : raw.slice(0, mark);
  const query = mark === -1 ? '' : raw.slice(mark);
  const detail = pathFault(path) ?? queryFault(query);
  if (detail !== undefined) return { code: 'target-invalid', detail };
  const readings = readPath(path);
  // The most merged reading has a segment for each that any reading has, cut as short as any cuts it.
  if (readings.at(-1)?.some(isDotSegment)) {
    return {
      code: 'target-dot-segment',
      detail: 'Send the path without "." and ".." segments, encoded or not.',
    };
  }
  if (!path.startsWith('//')) return { raw, path, query, readings, paths: [readings] };
  const behindAuthority = readPath(path.replace(AUTHORITY, '') || '/');
  return {
    raw,
    path,
    query,
    readings: [...behindAuthority, ...readings],
    paths: [readings, behindAuthority],
  };
}

function isDotSegment(segment: string): boolean {
  return segment === '.' || segment === '..';
}

function reduceAbsoluteForm(requestTarget: string, host: string | undefined): string | TargetFault {
  const [prefix, scheme = '', authority = ''] = ABSOLUTE.exec(requestTarget) ?? [];
  if (prefix === undefined) {
    return { code: 'target-invalid', detail: 'Send the target as a path that starts with "/".' };
  }
  if (scheme.toLowerCase() !== 'http' || !sameAuthority(authority, host)) {
    return {
      code: 'target-foreign',
      detail: 'Send the target as a path, or with the authority of the Host field.',
    };
  }
  const rest = requestTarget.slice(prefix.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function sameAuthority(authority: string, host: string | undefined): boolean {
  if (host === undefined || authority === '' || authority.includes('@')) return false;
  return withoutDefaultPort(authority) === withoutDefaultPort(host);
}

function withoutDefaultPort(authority: string): string {
  return foldCase(authority).replace(/:(?:80)?$/, '');
}

function pathFault(path: string): string | undefined {
  if (path.includes('#')) return 'Send the target without a fragment ("#").';
  if (path.includes('\\')) return 'Write a backslash in the path as %5C.';
  if (!PATH.test(path)) return 'Send the path without control characters and spaces.';
  if (!path.includes('%')) return undefined;
  if (MALFORMED_TRIPLET.test(path)) return 'Write two hexadecimal digits after each "%" of the path.';
  if (ENCODED_CONTROL.test(path)) return 'Send the path without encoded control characters.';
  return undefined;
}

function queryFault(query: string): string | undefined {
  if (query.includes('#')) return 'Send the target without a fragment ("#").';
  if (!QUERY.test(query)) return 'Send the query without control characters and spaces.';
  return undefined;
}
