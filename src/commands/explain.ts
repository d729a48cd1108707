// ifmatch explain METHOD URL: route, target, resource, key and plan of a request; --live asks the origin for the verdict.
import { METHODS, validateHeaderName, validateHeaderValue } from 'node:http';
import { INVALID_SYNTAX, UNSUPPORTED_METHOD } from '../app/client-error.ts';
import type { Understood } from '../app/exchange-of.ts';
import { newLogEntry } from '../app/log-entry.ts';
import { understandHead } from '../app/understand.ts';
import { Cancellation } from '../cancel-signal.ts';
import type { Config } from '../config/config.ts';
import { GatewayError, PROBLEMS } from '../errors.ts';
import { openOrigin } from '../origin/client.ts';
import { forwardFields, probeFields } from '../origin/fields.ts';
import { type ProbeResult, probe } from '../origin/probe.ts';
import { demandsCondition, type Plan } from '../route/plan.ts';
import { buildResources, keysOf } from '../route/resource.ts';
import { buildRouteTable } from '../route/route-table.ts';
import { evaluate, type Verdict } from '../semantics/evaluate.ts';
import { type FieldLines, fieldValue, trimOws } from '../semantics/fields.ts';
import { isRead } from '../semantics/method.ts';
import { readConfiguration } from './configuration.ts';
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
  const say = (name: string, text: string) => terminal.out(`${name.padEnd(9)} ${readable(text)}\n`);
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

/** Whether there is a verdict. */
async function explainLive(
  config: Config,
  { received, match, preconditions, planned }: Understood,
  probed: string,
  say: (name: string, text: string) => void,
): Promise<boolean> {
  const { method, fields, host } = received;
  const { route } = match;
  const origin = openOrigin(config.origin, (message) => say('warning', message));
  const arrival = {
    peer: '127.0.0.1',
    trusted: false,
    overrides: false,
    host,
    version: '1.1',
    via: 'ifmatch',
  };
  const forwarded = ['Host', origin.host(host), ...forwardFields(fields, arrival)];
  const shown = await probe(
    origin,
    {
      target: probed,
      fields: probeFields(forwarded),
      preconditions,
      method: route.probe,
      memoryKey: route.path,
      startMs: config.origin.timeouts.connect,
      clientGone: new Cancellation(),
    },
    { timeoutMs: config.origin.timeouts.probe, memory: new Set(), now: Date.now },
  );
  await origin.close();
  say('state', describeState(shown));
  const plan = planned.plan.kind === 'observe' ? planned.plan.of : planned.plan;
  // whatever the state is
  if (plan.kind === 'forward' || plan.kind === 'malformed' || plan.kind === 'demand') {
    say('verdict', describePlan(plan));
    return true;
  }
  // a write from where nothing is checked to where something is may have conditions; nobody looks at them
  const asked = plan.kind === 'locked' ? {} : preconditions;
  const verdict = evaluate(method, asked, shown.representation, route.weak);
  const ignored = verdict.action === 'perform' && verdict.held.length === 0;
  if (verdict.action === 'undecided')
    say('verdict', `undecided: ${shown.refusal?.error.detail ?? verdict.reason}`);
  else if (ignored && demandsCondition(route, method, planned.method))
    say('verdict', '428: the condition must be ignored, because the resource has no modification date');
  else say('verdict', describeVerdict(verdict));
  return verdict.action !== 'undecided';
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

function describePlan(plan: Plan): string {
  switch (plan.kind) {
    case 'forward':
      return 'forward: nothing is checked';
    case 'malformed':
      return `400: ${plan.field} is malformed`;
    case 'demand':
      return `428: ${plan.why}`;
    case 'locked':
      return 'lock, forward, release';
    case 'check':
      return `${plan.lock ? 'lock, ' : ''}probe, evaluate, forward or 412${plan.lock ? ', release' : ''}`;
    case 'read':
      return 'forward, evaluate the answer: pass, 304 or 412';
    case 'observe':
      return `forward always; enforce would: ${describePlan(plan.of)}`;
  }
}

function describeVerdict(verdict: Exclude<Verdict, { action: 'undecided' }>): string {
  if (verdict.action === 'respond') return `${verdict.status}: ${verdict.field} is false`;
  if (verdict.held.length === 0) return 'perform: no condition applies';
  return `perform: ${verdict.held.join(', ')} holds`;
}

function describeError({ code, detail }: GatewayError): string {
  return `${PROBLEMS[code].status} ${code}: ${detail}`;
}

function describeState({ representation, fields }: ProbeResult): string {
  if (representation.state !== 'current') return representation.state;
  const validators = ['etag', 'last-modified'].flatMap((name) => {
    const value = fieldValue(fields, name);
    return value === undefined ? [] : [`${name} ${value}`];
  });
  return validators.length === 0 ? 'current, without validators' : `current, ${validators.join(', ')}`;
}
