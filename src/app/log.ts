// The log: pino's JSON lines, and beside them those that are too frequent for pino, to one destination.
import { type DestinationStream, type Logger, pino } from 'pino';
import { DescriptorOutput } from './descriptor-output.ts';

/** Longest time for which a line may wait for others, milliseconds. */
const BATCH_TIME = 100;
/** Bytes that wait at most; more would gain nothing. */
const BATCH_SIZE = 4096;
/** Of UTF-8, for a UTF-16 code unit. */
const MOST_BYTES = 3;

/** JSON lines. No field value of a client is ever logged. */
export interface Log {
  readonly events: Logger;
  /** How a line begins; undefined when lines of this level are not wanted. */
  begin(level: 'info' | 'warn'): LineStart | undefined;
  /** Writes a whole line: for what is written so often that pino, which goes through it field by field, costs too much. */
  write(line: Line): void;
}

/** The first fields of every line, as pino has them. */
export interface LineStart {
  readonly level: number | undefined;
  readonly time: string;
  /** Which of several processes writes it. */
  readonly worker?: number;
}

/** What is undefined in it is left out. */
export type Line = LineStart & { readonly msg: string; readonly [field: string]: unknown };

/** Lines of `level` and above go to `destination`. */
export function openLog(
  level: string,
  destination: DestinationStream,
  fixed: Pick<LineStart, 'worker'> = {},
): Log {
  const time = timestamps();
  const events = pino({ level, base: fixed, timestamp: () => `,"time":"${time()}"` }, destination);
  return {
    events,
    begin(wanted) {
      if (!events.isLevelEnabled(wanted)) return undefined;
      return { level: pino.levels.values[wanted], time: time(), ...fixed };
    },
    write: (line) => void destination.write(`${JSON.stringify(line)}\n`),
  };
}

/**
 * Standard output, several lines at a time: a system call for each would cost more than the guard. They wait as bytes: as
 * text each would be dozens of objects, for collections to copy. What waits is written when the process exits, however
 * that comes about, but for SIGKILL.
 */
export function standardOutput(): DestinationStream {
  const error = new DescriptorOutput(2);
  const output = new DescriptorOutput(1, (code) =>
    error.write(`ifmatch: the log cannot be written (${code}): its lines are lost until it can be\n`),
  );
  const waiting = Buffer.allocUnsafeSlow(BATCH_SIZE);
  let used = 0;
  const flush = (): void => {
    const lines = waiting.subarray(0, used);
    used = 0;
    output.write(lines);
  };
  setInterval(flush, BATCH_TIME).unref();
  process.on('exit', flush);
  return {
    write(line) {
      const most = line.length * MOST_BYTES;
      if (used + most > BATCH_SIZE) flush();
      if (most > BATCH_SIZE) output.write(line);
      else used += waiting.write(line, used);
    },
  };
}

/** The time in ISO 8601; many lines fall into one millisecond, and making its text is a third of making a line. */
function timestamps(): () => string {
  let latest = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== latest) {
      latest = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
}
