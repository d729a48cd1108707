// The proxies that are compared: how each is started on one core, in front of the origin, and which version it is.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { debianProgram } from '../fixtures/debian.ts';
import { nodeFlags } from '../fixtures/node-flags.ts';
import type { PeerName } from './cases.ts';
import type { Origin } from './origin.ts';
import { fillIn, freePort, type Program, startProgram } from './program.ts';

export interface Peer extends Program {
  readonly name: PeerName;
  readonly port: number;
}

/** Where to start: what the peer is in front of, where it may write, and on which core. */
export interface Place {
  readonly origin: Origin;
  readonly folder: string;
  readonly core: number;
}

const ROOT = join(import.meta.dirname, '../..');
const LUA = '/usr/lib/nginx/modules/ngx_http_lua_module.so';
const MODULES = '/usr/lib/nginx/modules';

/** What each one is, in words of the report. */
export const DESCRIPTIONS: Readonly<Record<PeerName, string>> = {
  origin: 'the origin itself, nginx with its DAV module: what no proxy exceeds',
  haproxy: 'HAProxy, one thread',
  nginx: 'nginx as a plain proxy, one worker',
  caddy: 'Caddy, GOMAXPROCS=1',
  'node-http-proxy': 'node-http-proxy with kept connections',
  'fastify-http-proxy': '@fastify/http-proxy',
  'nginx-lua': 'nginx with a HEAD check in Lua: no lock, loses updates',
  'bare-node': 'node:http and the Pool of undici, and nothing else: GET, or HEAD and then PUT',
  ifmatch: 'ifmatch serve with its defaults, memory lock: a line for each request, to /dev/null',
  'ifmatch-warn': 'the same at log level warn: no line for a request, as no other here writes one',
};

/** They run on V8. */
const COMPILED_WHILE_RUNNING: ReadonlySet<PeerName> = new Set([
  'ifmatch',
  'ifmatch-warn',
  'node-http-proxy',
  'fastify-http-proxy',
  'bare-node',
]);

export function warmsUp(name: PeerName): boolean {
  return COMPILED_WHILE_RUNNING.has(name);
}

/** Installs what is missing of Debian's packages; throws when something stays missing. */
export async function installPeers(): Promise<void> {
  const wanted = [
    ['/usr/bin/wrk', 'wrk', 'WRK'],
    ['/usr/sbin/nginx', 'nginx-extras', 'NGINX'],
    [LUA, 'nginx-extras', 'NGINX_LUA'],
    ['/usr/sbin/haproxy', 'haproxy', 'HAPROXY'],
    ['/usr/bin/caddy', 'caddy', 'CADDY'],
  ] as const;
  for (const [path, packageName, variable] of wanted) {
    const found = await debianProgram(path, packageName, variable);
    if (found === undefined) throw new Error(`${path} is missing: install ${packageName} (as root: apt-get)`);
  }
}

/** Starts one; the origin is its own peer, for the load that goes past every proxy. */
export async function startPeer(name: PeerName, place: Place): Promise<Peer> {
  const { origin, core } = place;
  if (name === 'origin') return { name, port: origin.port, pid: origin.pid, stop: async () => {} };
  if (name === 'ifmatch') return startIfmatch(place);
  if (name === 'ifmatch-warn') return startIfmatch(place, { name, level: 'warn' });
  const port = await freePort();
  // Caddy keeps its last configuration below its home
  const env = { GOMAXPROCS: '1', XDG_CONFIG_HOME: place.folder, XDG_DATA_HOME: place.folder };
  return { name, port, ...(await startProgram(await commandOf(name, port, place), { core, port, env })) };
}

export interface IfmatchOptions {
  readonly name?: PeerName;
  /** Lines of YAML beside listen, admin and origin. */
  readonly more?: string;
  /** The source tree. */
  readonly root?: string;
  /** Of the log. */
  readonly level?: string;
}

export async function startIfmatch(place: Place, options: IfmatchOptions = {}): Promise<Peer> {
  const { name = 'ifmatch', more = '', root = ROOT, level = 'info' } = options;
  const { origin, core } = place;
  const port = await freePort();
  const folder = join(place.folder, `ifmatch-${port}`);
  await mkdir(folder, { recursive: true });
  const config = await fillIn('ifmatch.yaml', folder, { port, origin: origin.port, more });
  const program = join(root, 'src/cli.ts');
  const command = [process.execPath, ...nodeFlags(program), program, 'serve', '--config', config];
  const env = { IFMATCH_LOG: level };
  return { name, port, ...(await startProgram(command, { core, port, env })) };
}

async function commandOf(
  name: Exclude<PeerName, 'origin' | 'ifmatch' | 'ifmatch-warn'>,
  port: number,
  { origin, folder }: Place,
): Promise<string[]> {
  const values = { port, origin: origin.port, folder, modules: MODULES };
  switch (name) {
    case 'haproxy':
      return ['haproxy', '-db', '-f', await fillIn('haproxy.cfg', folder, values)];
    case 'nginx':
      return ['nginx', '-c', await fillIn('nginx-proxy.conf', folder, values), '-e', 'stderr'];
    case 'nginx-lua':
      return ['nginx', '-c', await fillIn('nginx-lua.conf', folder, values), '-e', 'stderr'];
    case 'caddy':
      return [
        'caddy',
        'run',
        '--adapter',
        'caddyfile',
        '--config',
        await fillIn('Caddyfile', folder, values),
      ];
    case 'node-http-proxy':
    case 'fastify-http-proxy':
    case 'bare-node':
      return [
        process.execPath,
        join(import.meta.dirname, `peers/${name}.ts`),
        String(port),
        String(origin.port),
      ];
  }
}

/** Name and version of everything that takes part. */
export function versions(): string {
  const said = (command: string, ...args: string[]) => {
    // nginx says its version on stderr
    const text = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', command, ...args], { encoding: 'utf8' });
    return /\d+\.\d+[.\d]*/.exec(text)?.[0] ?? 'unknown';
  };
  const installed = (name: string) => {
    const path = join(ROOT, 'node_modules', name, 'package.json');
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return /"version":\s*"([^"]+)"/.exec(text)?.[1] ?? 'unknown';
  };
  return [
    `nginx ${said('nginx', '-v')}`,
    `HAProxy ${said('haproxy', '-v')}`,
    `Caddy ${said('caddy', 'version')}`,
    `http-proxy ${installed('http-proxy')}`,
    `@fastify/http-proxy ${installed('@fastify/http-proxy')}`,
    `undici ${installed('undici')}`,
  ].join(', ');
}
