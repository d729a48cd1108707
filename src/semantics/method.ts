// What a method means for preconditions. Methods are case-sensitive (RFC 9110 9.1): `get` is not GET.

const SAFE: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);

/** GET and HEAD: the methods that know 304 and If-Modified-Since (RFC 9110 13.1.2, 13.1.3). */
export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Safe by definition (RFC 9110 9.2.1, the registry of methods). Every other method, known or not, may write. */
export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

/** False for the methods that have no selected representation and therefore no preconditions (RFC 9110 13.2.1). */
export function selectsRepresentation(method: string): boolean {
  return method !== 'OPTIONS' && method !== 'TRACE' && method !== 'CONNECT';
}
