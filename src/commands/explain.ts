// ifmatch explain METHOD URL: route, target, resource, key and plan of a request; --live asks the origin for the verdict.
import { METHODS } from 'node:http';
import { UNSUPPORTED_METHOD } from '../app/client-error.ts';
import { planRequest, type RequestPlan } from '../app/request-plan.ts';
import { Cancellation } from '../cancel-signal.ts';
import type { Config } from '../config/config.ts';
import { GatewayError, PROBLEMS } from '../errors.ts';
import { openOrigin } from '../origin/client.ts';
import { forwardFields, probeFields } from '../origin/fields.ts';
import { type Probe, probe } from '../origin/probe.ts';
import type { Plan } from '../route/plan.ts';
import { keysOf, resourceOf } from '../route/resource.ts';
import type { Route } from '../route/route.ts';
import { buildRouteTable } from '../route/route-table.ts';
import { parseTarget } from '../route/target.ts';
import { evaluate, type Verdict } from '../semantics/evaluate.ts';
import { fieldValue } from '../semantics/fields.ts';
import { isRead } from '../semantics/method.ts';
import { type Preconditions, readPreconditions } from '../semantics/preconditions.ts';
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
  if (!METHODS.includes(method)) {
    return terminal.fail(describeError(new GatewayError('request-invalid', UNSUPPORTED_METHOD)));
  }
  const fields = parseFields(field, url);
  const target = parseTarget(url, fieldValue(fields, 'host'));
  if ('code' in target) return terminal.fail(`400 ${target.code}: ${target.detail}`);
  const table = buildRouteTable(config.routes, config.defaults);
  const match = table.match(target);
  if (match === 'ambiguous')
    return terminal.fail('400 target-ambiguous: servers read this target differently');
  if (method === 'TRACE' || method === 'CONNECT') return terminal.fail(`405: ${method} is not forwarded`);
  const preconditions = readPreconditions(fields, Date.now());
  const { route } = match;
  const received = { method, target, host: fieldValue(fields, 'host') ?? '', fields };
  const request = planned(received, route, preconditions, table);
  if (request instanceof GatewayError) return terminal.fail(describeError(request));
  const { plan, destination } = request;
  const found = resourceOf(match, target);
  const needsKey = plan.kind === 'locked' || plan.kind === 'check';
  if ('code' in found && needsKey) return terminal.fail(`400 ${found.code}: ${found.detail}`);
  const resource = 'code' in found ? { key: 'none', target: target.raw } : found;
  const probed = isRead(method) ? target.raw : resource.target;
  const say = (name: string, text: string) => terminal.out(`${name.padEnd(9)} ${text}\n`);
  say('route', `${route.path} (mode ${route.mode})`);
  say('target', target.raw);
  say('resource', probed);
  say('key', resource.key);
  const held = needsKey ? keysOf(resource, destination?.resource) : [];
  for (const key of held) if (key !== resource.key) say('key', key);
  say('plan', describePlan(plan));
  const question = { method, fields, route, probed, preconditions };
  const decided = live !== true || (await explainLive(config, question, say));
  return decided && plan.kind !== 'malformed' ? 0 : 1;
}

/** As for a request that comes in, or why it would be refused. */
function planned(...of: Parameters<typeof planRequest>): RequestPlan | GatewayError {
  try {
    return planRequest(...of);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

interface Question {
  readonly method: string;
  readonly fields: readonly string[];
  readonly route: Route;
  /** A read is about itself, whatever the writes to its URL are about. */
  readonly probed: string;
  readonly preconditions: Preconditions;
}

/** Whether there is a verdict. */
async function explainLive(
  config: Config,
  question: Question,
  say: (name: string, text: string) => void,
): Promise<boolean> {
  const { method, fields, route, probed, preconditions } = question;
  const origin = openOrigin(config.origin, (message) => say('warning', message));
  const host = fieldValue(fields, 'host') ?? '';
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
  if (shown.refusal !== undefined) {
    say('verdict', `undecided: ${shown.refusal.error.detail}`);
    return false;
  }
  const verdict = evaluate(method, preconditions, shown.representation, route.weak);
  say('verdict', describeVerdict(verdict));
  return verdict.action !== 'undecided';
}

function parseFields(lines: readonly string[], url: string): string[] {
  const fields = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new UsageError(`-H takes 'Field: value', not ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
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

function describeVerdict(verdict: Verdict): string {
  switch (verdict.action) {
    case 'respond':
      return `${verdict.status}: ${verdict.field} is false`;
    case 'undecided':
      return `undecided: ${verdict.reason}`;
    case 'perform':
      return verdict.held.length === 0
        ? 'perform: no condition applies'
        : `perform: ${verdict.held.join(', ')} holds`;
  }
}

function describeError({ code, detail }: GatewayError): string {
  return `${PROBLEMS[code].status} ${code}: ${detail}`;
}

function describeState({ representation, fields }: Probe): string {
  if (representation.state !== 'current') return representation.state;
  const validators = ['etag', 'last-modified'].flatMap((name) => {
    const value = fieldValue(fields, name);
    return value === undefined ? [] : [`${name} ${value}`];
  });
  return validators.length === 0 ? 'current, without validators' : `current, ${validators.join(', ')}`;
}
