// The second resource that MOVE and COPY write to (RFC 4918 9.8, 9.9).
import { GatewayError } from '../errors.ts';
import { withoutField } from '../origin/fields.ts';
import type { Resource } from '../route/resource.ts';
import type { Route } from '../route/route.ts';
import { parseTarget } from '../route/target.ts';
import { fieldValues, trimOws } from '../semantics/fields.ts';
import type { Gateway } from './gateway.ts';
import type { Received } from './receive.ts';

/** An authority behind `https:`, without the port that goes without saying. */
const SECURE = /^https:\/\/([^/?#]*?)(?::443)?(?=[/?#]|$)/i;

/** The same port, which goes without saying in Host, too. */
const SECURE_PORT = /:443$/;

const TO_DESTINATION = new Set(['MOVE', 'COPY']);

export interface Destination {
  readonly route: Route;
  readonly resource: Resource;
  /** In origin-form, where the client sent a URL. */
  readonly target: string | undefined;
}

/**
 * Where the request writes to besides its target when the origin performs `method`; undefined for other methods, and
 * without the field, which the origin will refuse. Throws GatewayError where it is malformed, ambiguous or of another
 * server: what cannot be locked must not be written.
 */
export function destinationOf(
  method: string,
  { host, fields }: Received,
  { table, resources }: Pick<Gateway, 'table' | 'resources'>,
): Destination | undefined {
  if (!TO_DESTINATION.has(method)) return undefined;
  const values = fieldValues(fields, 'destination');
  const [value] = values;
  if (value === undefined) return undefined;
  if (values.length > 1) throw new GatewayError('request-invalid', 'Send one Destination field.');
  // TLS may end in front of us: the scheme is not ours to judge, nor is its port
  const reference = trimOws(value);
  const target = SECURE.test(reference)
    ? parseTarget(reference.replace(SECURE, 'http://$1'), host.replace(SECURE_PORT, ''))
    : parseTarget(reference, host);
  if ('code' in target) throw new GatewayError(target.code, `Destination: ${target.detail}`);
  const match = table.match(target);
  if (match === 'ambiguous') {
    throw new GatewayError(
      'target-ambiguous',
      'Servers read this Destination differently; send the plain path.',
    );
  }
  const resource = resources.of(match, target);
  if ('code' in resource) throw new GatewayError(resource.code, `Destination: ${resource.detail}`);
  return { route: match.route, resource, target: reference.startsWith('/') ? undefined : target.raw };
}

/**
 * The fields of a request for an origin whose URLs begin with `self`: it takes a Destination with another Host than it
 * sees for that of another server.
 */
export function translateDestination(
  fields: readonly string[],
  target: string | undefined,
  self: string | undefined,
): readonly string[] {
  if (target === undefined || self === undefined) return fields;
  return [...withoutField(fields, 'destination'), 'Destination', self + target];
}
