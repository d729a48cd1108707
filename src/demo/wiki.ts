// A small legacy wiki for the demo: pages in memory, tags on what it shows, no idea of preconditions.
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { renderPage } from './page.ts';

/** Longest text that a page takes, in bytes. */
const MAX_CONTENT = 256 * 1024;
/** How long a write takes, in ms: long enough for two writers to meet. */
const THINK_TIME = 30;
const METHODS = 'GET, HEAD, PUT, POST, DELETE, OPTIONS';

const WELCOME = `Welcome to the wiki.

It stores what it is sent, and the last writer wins.
`;

export interface WikiOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly log?: Logger;
}

export interface RunningWiki {
  /** The wiki's own address, without a path. */
  readonly url: string;
  stop(): Promise<void>;
}

interface Page {
  readonly content: Buffer;
  readonly revision: number;
  readonly written: Date;
}

/**
 * Starts the wiki with one page, `home`, at revision "r1".
 *
 * Every conditional field is ignored, on reads and on writes: that is what makes it a legacy server.
 *
 * @throws What `listen` throws: EADDRINUSE, EACCES.
 */
export async function startWiki(options: WikiOptions): Promise<RunningWiki> {
  const server = createServer();
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const url = addressOf(server);
  const wiki = new Wiki(renderPage(url), options.log);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    wiki.answer(request, response).catch((error: unknown) => {
      options.log?.warn({ err: error, method: request.method, url: request.url }, 'wiki: request broken off');
      response.destroy();
    });
  });
  return {
    url,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

class Wiki {
  readonly #html: Buffer;
  readonly #log: Logger | undefined;
  readonly #pages = new Map<string, Page>();
  /** One count for all pages, so that a page that was removed and made anew never repeats a tag. */
  #revision = 0;

  constructor(html: Buffer, log: Logger | undefined) {
    this.#html = html;
    this.#log = log;
    this.#store('home', Buffer.from(WELCOME));
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setCommonFields(request, response);
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    if (path === '/') return send(response, 302, 'See /wiki/home.', { Location: '/wiki/home' });
    const name = pageName(path);
    if (name === undefined) return send(response, 404, 'There is nothing here.');
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return this.#show(name, request, response);
      case 'PUT':
      case 'POST':
        return this.#write(name, request, response);
      case 'DELETE':
        return this.#remove(name, response);
      case 'OPTIONS':
        return send(response, 204, '', { Allow: METHODS });
      default:
        return send(response, 405, 'The wiki does not do that.', { Allow: METHODS });
    }
  }

  #show(name: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.headers.accept?.includes('text/html')) {
      // No entity-tag: with that of the text, a browser's cache would take the page for the text, or the text for it.
      const fields = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' };
      send(response, 200, this.#html, fields);
      return;
    }
    const page = this.#pages.get(name);
    if (page === undefined) {
      send(response, 404, 'There is no such page yet.');
      return;
    }
    send(response, 200, page.content, {
      ETag: entityTag(page),
      'Last-Modified': page.written.toUTCString(),
      'Cache-Control': 'no-cache',
    });
  }

  async #write(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await readContent(request);
    if (content === undefined) return send(response, 413, `A page takes at most ${MAX_CONTENT} bytes.`);
    await delay(THINK_TIME);
    const created = !this.#pages.has(name);
    const page = this.#store(name, content);
    this.#log?.info({ page: name, revision: page.revision }, 'wiki: stored');
    send(response, created ? 201 : 200, 'Stored.', { ETag: entityTag(page) });
  }

  async #remove(name: string, response: ServerResponse): Promise<void> {
    await delay(THINK_TIME);
    if (!this.#pages.delete(name)) return send(response, 404, 'There is no such page.');
    this.#log?.info({ page: name }, 'wiki: removed');
    send(response, 204, '');
  }

  #store(name: string, content: Buffer): Page {
    this.#revision += 1;
    const page: Page = { content, revision: this.#revision, written: new Date() };
    this.#pages.set(name, page);
    return page;
  }
}

/** Vary, and what lets a page of another web origin (ifmatch's address) read and write here. */
function setCommonFields(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Vary', 'Accept, Origin');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const asking = request.headers.origin;
  if (asking === undefined) return;
  response.setHeader('Access-Control-Allow-Origin', asking);
  response.setHeader('Access-Control-Expose-Headers', 'ETag');
  if (request.method !== 'OPTIONS') return;
  response.setHeader('Access-Control-Allow-Methods', METHODS);
  response.setHeader('Access-Control-Allow-Headers', 'If-Match, If-None-Match, Content-Type');
}

function send(
  response: ServerResponse,
  status: number,
  content: string | Buffer,
  fields: OutgoingHttpHeaders = {},
): void {
  const octets = Buffer.from(content);
  const type = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': octets.length };
  response.writeHead(status, { ...(status === 204 ? {} : type), ...fields });
  response.end(octets);
}

function pageName(path: string): string | undefined {
  const segment = /^\/wiki\/([^/]+)$/.exec(path)?.[1];
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Undefined when it is too long; read to its end even then, or the answer would be lost with the connection. */
async function readContent(request: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= MAX_CONTENT) chunks.push(chunk);
  }
  return size <= MAX_CONTENT ? Buffer.concat(chunks) : undefined;
}

function entityTag(page: Page): string {
  return `"r${page.revision}"`;
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the wiki listens on no port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
