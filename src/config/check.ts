// Rules across keys: what the schema of single values cannot say.
import { METHODS } from 'node:http';
import { patternFault } from '../route/pattern.ts';
import { resourceTemplateFault } from '../route/resource-template.ts';
import { unreachableRoutes } from '../route/route-table.ts';
import { isSafe } from '../semantics/method.ts';
import type { Listen } from './config.ts';
import { formatPath, type Path } from './fault.ts';
import type { PemFiles } from './files.ts';
import { reaches, sameListener } from './listen.ts';
import { bareHost, portOf } from './origin-url.ts';
import type { Draft, Issue, RouteSettings } from './settings.ts';
import { didYouMean, quote } from './wording.ts';

/** Everything that is wrong with the settings taken together. Settings that could not be read are left out. */
export function checkSettings(draft: Draft): Issue[] {
  return [
    ...checkListeners(draft),
    ...checkOrigin(draft),
    ...checkLock(draft),
    ...checkLoop(draft),
    ...checkWorkers(draft),
    ...checkContent(draft),
    ...draft.routes.flatMap((route, index) => (route === undefined ? [] : checkRoute(route, index))),
    ...checkReach(draft.routes),
  ];
}

function issue(path: Path, message: string): Issue {
  return { path, part: 'value', message: `${formatPath(path)} ${message}` };
}

function checkListeners({ listen, admin }: Draft): Issue[] {
  if (listen === undefined || admin === undefined || admin === 'off' || !sameListener(listen, admin))
    return [];
  return [issue(['admin'], 'is the address of listen: give it another port, or write off')];
}

/** `user`: who alone makes use of the files. */
function checkTls(at: string, files: PemFiles, tls: boolean, user: string): Issue[] {
  const issues: Issue[] = [];
  if (files.cert !== undefined && files.key === undefined)
    issues.push(issue([at, 'cert'], 'needs key beside it'));
  if (files.key !== undefined && files.cert === undefined)
    issues.push(issue([at, 'key'], 'needs cert beside it'));
  if (tls) return issues;
  const idle = (['ca', 'cert', 'key'] as const).filter((name) => files[name] !== undefined);
  return [...issues, ...idle.map((name) => issue([at, name], `has no effect: only ${user} uses it`))];
}

function checkOrigin({ origin }: Draft): Issue[] {
  if (origin === undefined) return [];
  const tls = origin.url.url.startsWith('https:');
  const issues = checkTls('origin', origin, tls, 'an https origin');
  if (tls || origin.verify) return issues;
  return [...issues, issue(['origin', 'verify'], 'has no effect: only an https origin is verified')];
}

/** Keys that engine memory makes no use of would promise something. */
const OF_REDIS = ['url', 'ca', 'cert', 'key', 'namespace', 'fence'] as const;

function checkLock({ lock }: Draft): Issue[] {
  if (lock === undefined) return [];
  if (lock.engine === 'redis')
    return lock.url === undefined ? [] : checkTls('lock', lock, lock.url.tls, 'a rediss URL');
  const idle = OF_REDIS.filter((name) => lock[name] !== undefined);
  return idle.map((name) => issue(['lock', name], 'has no effect: write engine: redis too'));
}

function checkLoop({ origin, listen, admin }: Draft): Issue[] {
  const addresses = [listen, admin].filter((address) => address !== undefined && address !== 'off');
  if (origin === undefined || !addresses.some((address) => leadsTo(origin.url, address))) return [];
  return [issue(['origin', 'url'], 'leads back to ifmatch itself: requests would go round for ever')];
}

function leadsTo(origin: { readonly url: string; readonly socket?: string }, listen: Listen): boolean {
  if (origin.socket !== undefined) return 'socket' in listen && listen.socket === origin.socket;
  const url = new URL(origin.url);
  return reaches(listen, bareHost(url), portOf(url));
}

/** They divide what is limited, and nobody can do with less than one. */
function checkWorkers({ workers = 1, origin, limits }: Draft): Issue[] {
  const divided = { 'origin.connections': origin?.connections, 'limits.connections': limits?.connections };
  return Object.entries(divided).flatMap(([name, most = workers]) =>
    most < workers ? [issue(['workers'], `is more than ${name}, which they divide among them`)] : [],
  );
}

function checkContent({ buffer, limits }: Draft): Issue[] {
  if (limits === undefined) return [];
  const issues: Issue[] = [];
  if (buffer !== undefined && buffer > limits.content)
    issues.push(issue(['buffer'], 'is larger than limits.content'));
  if (limits.idle > limits.upload) issues.push(issue(['limits', 'idle'], 'is longer than limits.upload'));
  return issues;
}

function checkRoute(route: RouteSettings, index: number): Issue[] {
  const path = ['routes', index];
  const issues: Issue[] = [];
  const pattern = patternFault(route.path);
  if (pattern !== undefined) issues.push(issue([...path, 'path'], `is not a valid pattern: ${pattern}`));
  const template =
    route.resource === undefined || pattern !== undefined
      ? undefined
      : resourceTemplateFault(route.resource, route.path);
  if (template !== undefined)
    issues.push(issue([...path, 'resource'], `is not a valid template: ${template}`));
  if (route.methods.length === 0)
    issues.push(
      issue(
        [...path, 'methods'],
        'is empty: leave it out for the default, or choose another mode than require',
      ),
    );
  route.methods.forEach((method, position) => {
    const fault =
      methodFault(method) ?? (route.methods.indexOf(method) < position ? 'is there twice' : undefined);
    if (fault !== undefined) issues.push(issue([...path, 'methods', position], fault));
  });
  return issues;
}

function methodFault(method: string): string | undefined {
  if (method === 'CONNECT') return 'must not be CONNECT: it is never forwarded';
  if (!METHODS.includes(method))
    return `must be a method in capitals, such as PUT, not ${quote(method)}${didYouMean(method, METHODS)}`;
  return isSafe(method) ? `must not be ${method}: a safe method needs no precondition` : undefined;
}

/** Routes that never match. Routes that could not be read or have no good pattern are left out. */
function checkReach(routes: Draft['routes']): Issue[] {
  const good = routes.flatMap((route, index) =>
    route === undefined || patternFault(route.path) !== undefined ? [] : [{ route, index }],
  );
  return unreachableRoutes(good.map(({ route }) => route)).flatMap(({ index, by }) => {
    const never = good[index];
    const first = good[by];
    if (never === undefined || first === undefined) return [];
    const earlier = `routes[${first.index}]`;
    const reason =
      never.route.path === first.route.path
        ? `is the path of ${earlier} too: the first match wins`
        : `never matches: ${earlier} (${quote(first.route.path)}) comes first and covers it`;
    return [issue(['routes', never.index, 'path'], reason)];
  });
}
