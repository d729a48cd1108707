// ifmatch explain METHOD URL: route, target, resource, key and plan of a request; --live asks the origin for the verdict.
import { METHODS, validateHeaderName, validateHeaderValue } from 'node:http';
import { INVALID_SYNTAX, UNSUPPORTED_METHOD } from '../app/client-error.ts';
import type { Understood } from '../app/exchange-of.ts';
import { newLogEntry } from '../app/log-entry.ts';
import { understandHead } from '../app/understand.ts';
import { GatewayError, PROBLEMS } from '../errors.ts';
import { buildResources, keysOf } from '../route/resource.ts';
import { buildRouteTable } from '../route/route-table.ts';
import { type FieldLines, fieldValue, trimOws } from '../semantics/fields.ts';
import { isRead } from '../semantics/method.ts';
import { readConfiguration } from './configuration.ts';
import { explainLive, type Say } from './explain-live.ts';
import { describePlan } from './explain-words.ts';
import { parseCommand, type Terminal, UsageError } from './terminal.ts';

/** 0; 1 when the request would be refused as malformed, and with --live when there is no verdict. */
export async function explain(args: string[], terminal: Terminal): Promise<number> {
  const options = {
    config: { type: 'string' },
    origin: { type: 'string' },
    live: { type: 'boolean' },
    field: { type: 'string', short: 'H', multiple: true },
  } as const;
  const { values, positionals } = parseCommand({ args, options, allowPositionals: true });
  const [method, url, ...more] = positionals;
  if (method === undefined || url === undefined || more.length > 0)
    throw new UsageError('give METHOD and URL');
  const { live, field = [], ...flags } = values;
  const config = readConfiguration(flags, terminal);
  if (config === undefined) return 1;
  const table = buildRouteTable(config.routes, config.defaults);
  const resources = buildResources(config.routes, table);
  const gateway = { table, resources, limits: config.limits, now: Date.now };
  const understood = understoodOf(method, url, parseFields(field, url), gateway);
  if (understood instanceof GatewayError) return terminal.fail(readable(describeError(understood)));
  const { match } = understood;
  const { target } = understood.received;
  const { route } = match;
  const { plan, destination } = understood.planned;
  const found = resources.of(match, target);
  const needsKey = plan.kind === 'locked' || plan.kind === 'check';
  if ('code' in found && needsKey) return terminal.fail(`400 ${found.code}: ${found.detail}`);
  const resource = 'code' in found ? { keys: ['none'], target: target.raw } : found;
  // a read is about itself, whatever the writes to its URL are about
  const probed = isRead(method) ? target.raw : resource.target;
  const say: Say = (name, text) => terminal.out(`${name.padEnd(9)} ${readable(text)}\n`);
  say('route', `${route.path} (mode ${route.mode})`);
  say('target', target.raw);
  say('resource', probed);
  const held = needsKey ? keysOf(resource, destination?.resource) : [];
  for (const key of new Set([...resource.keys, ...held])) say('key', key);
  say('plan', describePlan(plan));
  const decided = live !== true || (await explainLive(config, understood, probed, say));
  return decided && plan.kind !== 'malformed' ? 0 : 1;
}

/** An argument as it would come over the wire: an octet a character. */
function octets(argument: string): string {
  return Buffer.from(argument, 'utf8').toString('latin1');
}

function readable(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

/** As for a request that comes in, or why it would be refused. */
function understoodOf(
  method: string,
  url: string,
  fields: string[],
  gateway: Parameters<typeof understandHead>[2],
): Understood | GatewayError {
  try {
    checkSyntax(method, url, fields);
    const head = { method, httpVersion: '1.1', rawHeaders: fields };
    return understandHead(head, url, gateway, newLogEntry(method, url));
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

/** What Node's parser refuses; of the target more is refused behind it. */
function checkSyntax(method: string, url: string, fields: FieldLines): void {
  if (!METHODS.includes(method)) throw new GatewayError('request-invalid', UNSUPPORTED_METHOD);
  try {
    if (!/^[!-~]+$/.test(url)) throw new TypeError('octets that a target has only percent-encoded');
    for (let i = 0; i + 1 < fields.length; i += 2) {
      validateHeaderName(fields[i] ?? '');
      validateHeaderValue(fields[i] ?? '', fields[i + 1] ?? '');
    }
  } catch {
    throw new GatewayError('request-invalid', INVALID_SYNTAX);
  }
}

function parseFields(lines: readonly string[], url: string): string[] {
  const fields = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new UsageError(`-H takes 'Field: value', not ${JSON.stringify(line)}`);
    return [octets(line.slice(0, colon)), trimOws(octets(line.slice(colon + 1)))];
  });
  if (fieldValue(fields, 'host') !== undefined) return fields;
  const authority = /^http:\/\/([^/?#]*)/i.exec(url)?.[1] ?? 'localhost';
  return ['Host', authority, ...fields];
}

function describeError({ code, detail }: GatewayError): string {
  return `${PROBLEMS[code].status} ${code}: ${detail}`;
}
