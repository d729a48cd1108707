// What is measured: each case is one kind of request, the status that it must get, and the peers that can answer it.

/** Every file has this modification time, and every PUT brings it along: nginx makes its tag of time and length. */
export const WRITTEN = 'Thu, 01 Jan 2026 00:00:00 GMT';
export const WRITTEN_AT = new Date(WRITTEN);

/** Bytes of content. */
export const SMALL = 1024;
export const LARGE = 1024 * 1024;

/** Paths, so that 32 connections hardly ever meet; fewer large ones, for they live in memory. */
export const PATHS = 1_000;
export const LARGE_PATHS = 16;

export type PeerName =
  | 'origin'
  | 'haproxy'
  | 'nginx'
  | 'caddy'
  | 'node-http-proxy'
  | 'fastify-http-proxy'
  | 'nginx-lua'
  | 'bare-node'
  | 'ifmatch'
  | 'ifmatch-warn';

export interface Kind {
  readonly method: 'GET' | 'PUT';
  /** The path is this and a number below `paths`. */
  readonly prefix: string;
  readonly paths: number;
  /** Bytes of the request's content. */
  readonly bytes: number;
  readonly fields: readonly string[];
  readonly status: number;
}

export interface Case {
  readonly name: CaseName;
  readonly title: string;
  readonly kind: Kind;
  readonly peers: readonly PeerName[];
}

export type CaseName =
  | 'get'
  | 'not-modified'
  | 'put'
  | 'conditional-put'
  | 'failed'
  | 'get-1m'
  | 'put-1m'
  | 'put-hot'
  | 'conditional-put-hot';

const PLAIN: readonly PeerName[] = [
  'origin',
  'haproxy',
  'nginx',
  'caddy',
  'node-http-proxy',
  'fastify-http-proxy',
];
/** As it is, and with no line of the log for a request: the others write none. */
const OURS: readonly PeerName[] = ['ifmatch', 'ifmatch-warn'];

const READ: Kind = { method: 'GET', prefix: '/small/', paths: PATHS, bytes: 0, fields: [], status: 200 };
const WRITE: Kind = { ...READ, method: 'PUT', bytes: SMALL, fields: [`Date: ${WRITTEN}`], status: 204 };

/** The tag of a file of `bytes` bytes, as nginx makes it. */
export function tagOf(bytes: number): string {
  return `"${(WRITTEN_AT.getTime() / 1000).toString(16)}-${bytes.toString(16)}"`;
}

const CURRENT = `If-Match: ${tagOf(SMALL)}`;

export const CASES: readonly Case[] = [
  { name: 'get', title: 'GET, 1 KiB', kind: READ, peers: [...PLAIN, ...OURS, 'bare-node'] },
  {
    name: 'not-modified',
    title: 'GET that ends in 304',
    kind: { ...READ, fields: [`If-None-Match: ${tagOf(SMALL)}`], status: 304 },
    peers: [...PLAIN, ...OURS],
  },
  { name: 'put', title: 'PUT without a condition, 1 KiB', kind: WRITE, peers: [...PLAIN, ...OURS] },
  {
    name: 'conditional-put',
    title: 'PUT with the current tag in If-Match',
    kind: withField(WRITE, CURRENT),
    peers: ['nginx-lua', ...OURS, 'bare-node'],
  },
  {
    name: 'failed',
    title: 'PUT with a stale tag in If-Match: 412',
    kind: { ...withField(WRITE, 'If-Match: "stale"'), status: 412 },
    peers: ['nginx-lua', ...OURS],
  },
  {
    name: 'get-1m',
    title: 'GET, 1 MiB',
    kind: { ...READ, prefix: '/large/', paths: LARGE_PATHS },
    peers: [...PLAIN, ...OURS],
  },
  {
    name: 'put-1m',
    title: 'PUT without a condition, 1 MiB',
    kind: { ...WRITE, prefix: '/large/', paths: LARGE_PATHS, bytes: LARGE },
    peers: [...PLAIN, ...OURS],
  },
  {
    name: 'put-hot',
    title: 'PUT without a condition, all to one path',
    kind: { ...WRITE, paths: 1 },
    peers: [...PLAIN, ...OURS],
  },
  {
    name: 'conditional-put-hot',
    title: 'PUT with the current tag, all to one path',
    kind: { ...withField(WRITE, CURRENT), paths: 1 },
    peers: ['nginx-lua', ...OURS],
  },
];

export function findCase(name: CaseName): Case {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

export function withField(kind: Kind, field: string): Kind {
  return { ...kind, fields: [...kind.fields, field] };
}
