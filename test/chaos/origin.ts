// A legacy origin as a process: checks no condition, and applies a write once it has it, whoever still waits for it.

import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Applied, wallNow } from './history.ts';
import { seeded } from './random.ts';

/** Milliseconds, from and to. */
export type Range = readonly [number, number];

export interface OriginSettings {
  readonly seed: number;
  readonly keys: readonly string[];
  /** How long a HEAD takes. */
  readonly probe: Range;
  /** How long a write takes, and the share of those that take `slow`. */
  readonly usual: Range;
  readonly slow: Range;
  readonly slowShare: number;
  /** It takes its time before it reads a write's content, not behind that. */
  readonly readsLate: boolean;
  /** The origin's own hard limit: a write that could not be applied by then, counted from when it has all of it, never is. */
  readonly limit: number;
}

/** What GET /-/state says. */
export interface OriginState {
  readonly applied: number;
  readonly breaks: number;
  readonly pending: number;
  /** Writes given up at the limit. */
  readonly dropped: number;
  /** Longest time for which this process did not get to run, milliseconds. */
  readonly stall: number;
}

interface Resource {
  readonly etag: string;
  readonly content: string;
}

const settings: OriginSettings = JSON.parse(process.argv[2] ?? '{}');
const random = seeded(settings.seed);
const resources = new Map<string, Resource>(
  settings.keys.map((key) => [key, { etag: `"${key}.0"`, content: '0' }]),
);
const log: Applied[] = [];
const tally = { revision: 0, breaks: 0, pending: 0, dropped: 0 };
const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();

async function write(request: IncomingMessage, response: ServerResponse, key: string): Promise<void> {
  const receivedAt = wallNow();
  tally.pending += 1;
  const written = await perform(request, key, receivedAt);
  tally.pending -= 1;
  // the kernel takes more and more on a connection that is used again: a reset takes back only what it has not taken
  if (settings.readsLate) response.shouldKeepAlive = false;
  if (written === undefined) response.socket?.destroy();
  else response.writeHead(200, { ETag: written, 'Content-Length': 0 }).end();
}

/** The new entity-tag; undefined: it was cut off before its end, or could not be applied in time. */
async function perform(
  request: IncomingMessage,
  key: string,
  receivedAt: number,
): Promise<string | undefined> {
  const slow = random.next() < settings.slowShare;
  const takes = random.between(...(slow ? settings.slow : settings.usual));
  if (settings.readsLate) await sleep(takes);
  let content = '';
  request.setEncoding('latin1');
  try {
    for await (const chunk of request) content += chunk;
  } catch {
    return undefined;
  }
  const completeAt = wallNow();
  if (!settings.readsLate) await sleep(takes);
  if (wallNow() - completeAt <= settings.limit) return apply(request, key, content, receivedAt);
  tally.dropped += 1;
  return undefined;
}

function apply(request: IncomingMessage, key: string, content: string, receivedAt: number): string {
  const prevEtag = resources.get(key)?.etag ?? '';
  tally.revision += 1;
  const newEtag = `"${key}.${tally.revision}"`;
  const ifMatch = request.headers['if-match'];
  if (ifMatch !== prevEtag) tally.breaks += 1;
  resources.set(key, { etag: newEtag, content: content.trimEnd() });
  const id = String(request.headers['x-chaos-id']);
  const fence = request.headers['x-lock-fence']?.toString();
  log.push({ id, key, ifMatch, prevEtag, newEtag, fence, receivedAt, appliedAt: wallNow() });
  return newEtag;
}

async function read(request: IncomingMessage, response: ServerResponse, key: string): Promise<void> {
  const probed = request.method === 'HEAD';
  if (probed) await sleep(random.between(...settings.probe));
  const resource = resources.get(key);
  if (resource === undefined) {
    response.writeHead(404, { 'Content-Length': 0 }).end();
    return;
  }
  response.writeHead(200, { ETag: resource.etag, 'Content-Length': resource.content.length });
  response.end(probed ? undefined : resource.content);
}

/** What the run asks for directly. */
function report(response: ServerResponse, of: string): void {
  const { breaks, pending, dropped } = tally;
  const state: OriginState = {
    applied: log.length,
    breaks,
    pending,
    dropped,
    stall: Math.round(delays.max / 1e6),
  };
  response.setHeader('Content-Type', 'application/json');
  if (of === 'state') response.end(JSON.stringify(state));
  else response.end(log.map((entry) => JSON.stringify(entry)).join('\n'));
}

const server = http.createServer((request, response) => {
  const key = (request.url ?? '').slice(1);
  response.on('error', () => {}); // whoever asked has gone; the write has been applied all the same
  if (key.startsWith('-/')) report(response, key.slice(2));
  else if (request.method === 'PUT') void write(request, response, key);
  else void read(request, response, key);
});
server.keepAliveTimeout = 60_000;
process.once('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.(`http://127.0.0.1:${port}`);
});
