// ifmatch demo: a small legacy wiki, and ifmatch in front of it.
import { openLog, standardOutput } from '../app/log.ts';
import { startDemo } from '../demo/demo.ts';
import { logLevel } from './serve.ts';
import { startFault } from './start-fault.ts';
import { listenForStop, untilStopped } from './stop-signals.ts';
import { parseCommand, type Terminal, UsageError } from './terminal.ts';

export async function demo(args: string[], terminal: Terminal): Promise<number> {
  const { values } = parseCommand({ args, options: { port: { type: 'string' } } });
  const { port: digits = '8080' } = values;
  const port = Number(digits);
  if (!/^[0-9]{1,5}$/.test(digits) || port > 65_535)
    throw new UsageError('--port takes a number from 0 to 65535');
  const log = openLog(logLevel(terminal, 'warn'), standardOutput());
  try {
    const signals = listenForStop();
    const running = await startDemo({ port, log });
    terminal.out(welcome(running.url, running.wikiUrl));
    await untilStopped(running, signals, log.events);
    return 0;
  } catch (error) {
    return terminal.fail(startFault(error, '--port'));
  }
}

function welcome(url: string, wikiUrl: string): string {
  return `
  A wiki that knows nothing of preconditions runs at ${wikiUrl}
  ifmatch stands in front of it at                   ${url}

  Open ${url}/wiki/home in two tabs, and save in both.  Or:

    curl -i ${url}/wiki/home
    curl -i -X PUT -H 'Content-Type: text/plain' -H 'If-Match: "r1"' -d 'first'  ${url}/wiki/home
    curl -i -X PUT -H 'Content-Type: text/plain' -H 'If-Match: "r1"' -d 'second' ${url}/wiki/home   # 412

  Ctrl-C stops both.
`;
}
