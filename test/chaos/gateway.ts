// One gateway as a process: configured by a file as any other, but for its lock, which may be given a weakness.

import pino from 'pino';
import { openLog } from '../../src/app/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import { start } from '../../src/start.ts';
import { closeOnly, isWeakness, openWeakened } from './weakened.ts';

const [, , file = '', logFile = '', weakness = ''] = process.argv;
process.once('disconnect', () => process.exit());
if (file === '') process.exit(); // only to be compiled
const loaded = loadConfig({ file, env: {}, flags: {} });
if ('faults' in loaded)
  throw new Error(loaded.faults.map(({ line, message }) => `${line}: ${message}`).join('\n'));
// written at once: the last lines before a kill are the ones that matter
const destination = pino.destination({ dest: logFile, sync: true });
const log = openLog('info', destination, { worker: process.pid });
if (weakness === 'late') closeOnly();
const lock = isWeakness(weakness) ? await openWeakened(weakness, loaded.config, log.events) : undefined;
const running = await start(loaded.config, log, lock === undefined ? {} : { lock });
process.send?.(running.data);
