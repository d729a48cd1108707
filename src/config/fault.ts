// Fault: one thing wrong in the configuration, with its place, and its printed form.
import { masked, printable } from './wording.ts';

/** A place in a text. Line and column count from 1; line 0 means the whole of it: a flag, a variable, a file that cannot be read. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The text of the line, without passwords of URLs. */
  readonly source: string;
}

export interface Fault extends Place {
  /** The key, like routes[2].mode; '' for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly PropertyKey[];

const IDENTIFIER = /^[A-Za-z_]\w*$/;
const WIDEST_SOURCE = 110;
const LONGEST_MESSAGE = 500;

/** routes[2].mode */
export function formatPath(path: Path): string {
  const parts = path.map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    const name = String(key);
    return IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  });
  return parts.join('').replace(/^\./, '');
}

/** The place of a file, flag or environment variable as a whole. */
export function wholeOf(file: string): Place {
  return { file, line: 0, column: 0, source: '' };
}

/** A function from an offset in `text` to its place. */
export function placesIn(file: string, text: string): (offset: number) => Place {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  // a long line may have many faults
  let latest = { line: -1, source: '' };
  return (offset) => {
    const line = lastAtOrBefore(starts, offset);
    const start = starts[line] ?? 0;
    if (line !== latest.line) {
      const source = text.slice(start, (starts[line + 1] ?? text.length + 1) - 1).replace(/\r$/, '');
      latest = { line, source: masked(source) };
    }
    return { file, line: line + 1, column: offset - start + 1, source: latest.source };
  };
}

function lastAtOrBefore(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The order in which faults are shown: what has no line first, then from top to bottom. */
export function byPlace(a: Place, b: Place): number {
  return a.line - b.line || a.column - b.column;
}

/**
 * The printed form: `file:line:column: message`, then the line of the file and a caret below the column.
 * A fault without a line is `file: message`.
 */
export function formatFault(fault: Fault): string {
  const message = printable(fault.message.slice(0, LONGEST_MESSAGE));
  if (fault.line === 0) return `${printable(fault.file) || '""'}: ${message}`;
  const from = Math.max(0, fault.column - 1 - Math.floor(WIDEST_SOURCE / 2));
  const start = fault.source.length <= WIDEST_SOURCE ? 0 : from;
  const shown = printable(fault.source.slice(start, start + WIDEST_SOURCE));
  const indent = shown.slice(0, fault.column - 1 - start).replace(/[^\t]/g, ' ');
  const head = `${printable(fault.file)}:${fault.line}:${fault.column}: ${message}`;
  return shown.trim() === '' ? head : `${head}\n  ${shown.trimEnd()}\n  ${indent}^`;
}
