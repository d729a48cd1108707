// The demo: a legacy wiki, and ifmatch in front of it with its defaults.
import type { Log } from '../app/log.ts';
import { formatFault } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { start } from '../start.ts';
import { type RunningWiki, startWiki } from './wiki.ts';

/** Both listen for this machine alone. */
const HOST = '127.0.0.1';
const WIKI_PORT = 8081;

export interface DemoOptions {
  /** ifmatch's port; 0: any free one. */
  readonly port: number;
  /** The wiki's port; 0: any free one. Left out: 8081, or any free one when that is taken. */
  readonly wikiPort?: number;
  readonly log: Log;
}

export interface RunningDemo {
  /** ifmatch's address, without a path. */
  readonly url: string;
  /** The wiki's own address, which nothing guards. */
  readonly wikiUrl: string;
  stop(): Promise<void>;
}

/**
 * Starts both.
 *
 * @throws What `listen` throws when a port is taken; nothing runs then.
 */
export async function startDemo(options: DemoOptions): Promise<RunningDemo> {
  const { port, log } = options;
  const wiki = await startWikiSomewhere(options);
  try {
    const flags = { origin: wiki.url, listen: `${HOST}:${port}`, admin: 'off' };
    const loaded = loadConfig({ flags, env: {} });
    if ('faults' in loaded) throw new Error(loaded.faults.map(formatFault).join('\n'));
    const { config } = loaded;
    // No load balancer watches a demo: it stops at once.
    const gateway = await start({ ...config, drain: { ...config.drain, delay: 0 } }, log);
    return {
      url: gateway.data,
      wikiUrl: wiki.url,
      async stop() {
        await gateway.stop();
        await wiki.stop();
      },
    };
  } catch (error) {
    await wiki.stop();
    throw error;
  }
}

async function startWikiSomewhere({ wikiPort, log }: DemoOptions): Promise<RunningWiki> {
  const where = { host: HOST, log: log.events };
  if (wikiPort !== undefined) return startWiki({ ...where, port: wikiPort });
  try {
    return await startWiki({ ...where, port: WIKI_PORT });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    return startWiki({ ...where, port: 0 });
  }
}
