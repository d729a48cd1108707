// ifmatch in a process that can say how much memory it holds. Argument: the origin's port. Wants --expose-gc and IPC.

import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { openLog } from '../../src/app/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import { start } from '../../src/start.ts';

/** Bytes after a forced collection; the resident set is what the system sees. */
export interface Memory {
  readonly heap: number;
  readonly external: number;
  readonly resident: number;
}

const [origin] = process.argv.slice(2);
const text = `listen: 127.0.0.1:0\nadmin: off\norigin: http://127.0.0.1:${origin}\n`;
const loaded = loadConfig({ text, env: {}, flags: {} });
if ('faults' in loaded) throw new Error(loaded.faults.map(({ message }) => message).join('\n'));
const running = await start(loaded.config, openLog('info', pino.destination('/dev/null')));

async function weigh(): Promise<Memory> {
  // the second one takes what finalizers let go of after the first
  for (let pass = 0; pass < 2; pass++) {
    globalThis.gc?.();
    await delay(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, resident: rss };
}

process.on('message', async () => process.send?.(await weigh()));
process.on('disconnect', () => process.exit());
process.send?.(Number(new URL(running.data).port));
