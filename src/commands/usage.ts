// What help prints: every command on a line, or one of them with its options and exit codes.
import { DEFAULTS } from '../config/defaults.ts';
import { type Terminal, UsageError } from './terminal.ts';

interface Usage {
  readonly takes: string;
  /** One sentence, on one line: all that the list of commands says of it. */
  readonly does: string;
  readonly more: string;
}

const CONFIG = `  --config FILE    the configuration (IFMATCH_CONFIG); without it every path is guarded by the defaults`;
const ORIGIN = `  --origin URL     the server behind ifmatch, such as http://app:3000 (IFMATCH_ORIGIN)`;
const CALLED_WRONGLY = '2: called wrongly';

/** In the order of the list. */
const COMMANDS: ReadonlyMap<string, Usage> = new Map([
  [
    'serve',
    {
      takes: '[--config FILE] [--origin URL] [--listen ADDR] [--admin ADDR|off]',
      does: 'Runs the gateway until SIGTERM, then drains.',
      more: `A flag overrides its variable, and both override the file.

${CONFIG}
${ORIGIN}
  --listen ADDR    where clients connect: ${DEFAULTS.listen} by default, or :8080, [::1]:8080, unix:/run/ifmatch.sock
                   (IFMATCH_LISTEN)
  --admin ADDR     where health and status are served: ${DEFAULTS.admin} by default; or off (IFMATCH_ADMIN)

IFMATCH_LOG is the level of the log: fatal, error, warn, info (the default), debug or silent.

Exit code 0: stopped by a signal; 1: it could not start, was ended by a second signal, or stopped before everything in
flight had ended; ${CALLED_WRONGLY}.
`,
    },
  ],
  [
    'check',
    {
      takes: 'FILE',
      does: 'Prints every fault of a configuration as FILE:LINE:COLUMN: MESSAGE, or that there is none.',
      more: `Exit code 0: it can be served; 1: it has faults; ${CALLED_WRONGLY}.
`,
    },
  ],
  [
    'explain',
    {
      takes: "[--config FILE] [--origin URL] [--live] METHOD URL [-H 'Field: value']...",
      does: 'Prints the route, target, resource, key and plan of a request, and with --live the verdict.',
      more: `Nothing is written, and without --live nothing is sent.

${CONFIG}
${ORIGIN}
  --live           probes the origin as that request would, and prints its state and the verdict
  -H, --field      a field of the request; any number of them

Exit code 0: the request has a plan, and with --live a verdict, whichever they are; 1: it would be refused before there is
one (400, 405, 414, 417, 501), the configuration has faults, or with --live the verdict could not be had (undecided);
${CALLED_WRONGLY}.
`,
    },
  ],
  [
    'schema',
    {
      takes: '',
      does: 'Prints the JSON schema of the configuration, for editors.',
      more: `Exit code 0; ${CALLED_WRONGLY}.
`,
    },
  ],
  [
    'healthcheck',
    {
      takes: '[--config FILE] [--admin ADDR]',
      does: 'Asks the admin listener of a running ifmatch whether it is ready.',
      more: `  --config FILE    the configuration that it runs with (IFMATCH_CONFIG)
  --admin ADDR     its admin listener, instead of the one that the configuration names (IFMATCH_ADMIN); without any of
                   them ${DEFAULTS.admin}

Exit code 0: ready; 1: not ready, not there, or the admin listener is off; ${CALLED_WRONGLY}.
`,
    },
  ],
  [
    'demo',
    {
      takes: '[--port PORT]',
      does: 'Starts a small wiki that knows nothing of preconditions, and ifmatch in front of it.',
      more: `  --port PORT      where ifmatch listens on 127.0.0.1; 8080 by default, 0: any free one

Exit code 0: stopped by a signal; 1: it could not start, or was ended by a second signal; ${CALLED_WRONGLY}.
`,
    },
  ],
  ['version', { takes: '', does: 'Prints the version.', more: `Exit code 0; ${CALLED_WRONGLY}.\n` }],
]);

const synopsis = (name: string, { takes }: Usage): string => `ifmatch ${name} ${takes}`.trimEnd();

/** All commands. */
export const USAGE = `ifmatch enforces HTTP preconditions in front of any origin.

${[...COMMANDS].map(([name, usage]) => `  ${synopsis(name, usage)}\n      ${usage.does}\n`).join('')}  ifmatch help [COMMAND]
      Prints this, or the options and exit codes of one command.

Configuration: config/ifmatch.yaml (in the image /etc/ifmatch/ifmatch.yaml) has every key with its default.
Environment: IFMATCH_CONFIG, IFMATCH_ORIGIN, IFMATCH_LISTEN, IFMATCH_ADMIN; IFMATCH_LOG (fatal, error, warn, info, debug, silent).
`;

/** One command; undefined for what is none that people call. */
export function usageOf(name: string): string | undefined {
  const usage = COMMANDS.get(name);
  return usage === undefined ? undefined : `${synopsis(name, usage)}\n\n${usage.does}\n\n${usage.more}`;
}

/** Whether help is among the arguments of a command. No option takes --help or -h for its value. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? undefined : end).some((arg) => arg === '--help' || arg === '-h');
}

export function help([name, ...more]: string[], terminal: Terminal): number {
  const usage = name === undefined ? USAGE : usageOf(name);
  if (usage === undefined) throw new UsageError(`unknown command ${JSON.stringify(name)}`);
  if (more.length > 0) throw new UsageError('give one command: ifmatch help COMMAND');
  terminal.out(usage);
  return 0;
}
