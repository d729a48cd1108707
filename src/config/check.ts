// Rules across keys: what the schema of single values cannot say.
import { METHODS } from 'node:http';
import { patternFault } from '../route/pattern.ts';
import { resourceTemplateFault } from '../route/resource-template.ts';
import { unreachableRoutes } from '../route/route-table.ts';
import { isSafe } from '../semantics/method.ts';
import type { Listen } from './config.ts';
import { formatPath, type Path } from './fault.ts';
import { reaches, sameListener } from './listen.ts';
import { bareHost, portOf } from './origin-url.ts';
import type { Draft, Issue, RouteSettings } from './settings.ts';
import { didYouMean, quote } from './wording.ts';

/** Everything that is wrong with the settings taken together. Settings that could not be read are left out. */
export function checkSettings(draft: Draft): Issue[] {
  return [
    ...checkListeners(draft),
    ...checkTls(draft),
    ...checkLoop(draft),
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

function checkTls({ origin }: Draft): Issue[] {
  if (origin === undefined) return [];
  const issues: Issue[] = [];
  if (origin.cert !== undefined && origin.key === undefined)
    issues.push(issue(['origin', 'cert'], 'needs key beside it'));
  if (origin.key !== undefined && origin.cert === undefined)
    issues.push(issue(['origin', 'key'], 'needs cert beside it'));
  if (origin.url.url.startsWith('https:')) return issues;
  const idle = (['ca', 'cert', 'key'] as const).filter((name) => origin[name] !== undefined);
  issues.push(...idle.map((name) => issue(['origin', name], 'has no effect: only an https origin uses it')));
  if (!origin.verify)
    issues.push(issue(['origin', 'verify'], 'has no effect: only an https origin is verified'));
  return issues;
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
  if (pattern !== undefined) issues.push(issue([...path, 'path'], `is no pattern: ${pattern}`));
  const template =
    route.resource === undefined || pattern !== undefined
      ? undefined
      : resourceTemplateFault(route.resource, route.path);
  if (template !== undefined) issues.push(issue([...path, 'resource'], `is no template: ${template}`));
  if (route.methods.length === 0)
    issues.push(issue([...path, 'methods'], 'is empty: leave it out, or choose a mode'));
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
