// ifmatch healthcheck: asks the admin listener of a running ifmatch whether it is ready; for Docker's HEALTHCHECK.
import { request } from 'node:http';
import type { Listen } from '../config/config.ts';
import { DEFAULTS } from '../config/defaults.ts';
import { variable } from '../config/environment.ts';
import { formatListen, parseListen } from '../config/listen.ts';
import { loadAdmin } from '../config/load.ts';
import { printFaults } from './configuration.ts';
import { parseCommand, type Terminal, UsageError } from './terminal.ts';

/** Milliseconds. */
const TIMEOUT = 2_000;

/** 0 when ready, 1 when not, or not there. */
export async function healthcheck(args: string[], terminal: Terminal): Promise<number> {
  const options = { config: { type: 'string' }, admin: { type: 'string' } } as const;
  const { values } = parseCommand({ args, options });
  const admin = adminAddress(values, terminal);
  if (admin === undefined) return 1;
  if (admin === 'off') return terminal.fail('the admin listener is off, so there is nothing to ask');
  const status = await ask(admin);
  if (status === 200) return 0;
  const at = formatListen(admin);
  if (status === undefined) return terminal.fail(`nothing answers on the admin listener, ${at}`);
  return terminal.fail(`the admin listener, ${at}, says: not ready`);
}

function adminAddress(
  values: { config?: string; admin?: string },
  terminal: Terminal,
): Listen | 'off' | undefined {
  const { env } = terminal;
  const given = values.admin ?? variable('IFMATCH_ADMIN', env);
  const file = values.config ?? variable('IFMATCH_CONFIG', env);
  if (given === undefined && file !== undefined) {
    const loaded = loadAdmin({ file, flags: {}, env });
    if ('admin' in loaded) return loaded.admin;
    printFaults(loaded.faults, terminal);
    return undefined;
  }
  if (given === 'off') return 'off';
  const parsed = parseListen(given ?? DEFAULTS.admin);
  if ('fault' in parsed)
    throw new UsageError(`${values.admin === undefined ? 'IFMATCH_ADMIN' : '--admin'} ${parsed.fault}`);
  return parsed.value;
}

/** A listener on all interfaces is asked on this machine's own. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function ask(admin: Listen): Promise<number | undefined> {
  const where =
    'socket' in admin ? { socketPath: admin.socket } : { host: reachable(admin.host), port: admin.port };
  return new Promise((resolve) => {
    const asked = request({ ...where, path: '/readyz', timeout: TIMEOUT }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}
