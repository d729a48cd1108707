// The kinds of single values in the file, as zod schemas: each reads text and says in words what it wanted.
import { z } from 'zod';
import type { Parsed } from './parsed.ts';
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from './units.ts';
import { alternatives, didYouMean, kindOf, quote } from './wording.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** What an editor sees: the file before ${NAME} is filled in. */
const REFERENCE: JsonSchema = { type: 'string', pattern: '\\$\\{' };

/** The same, and the value in quotes. */
const reference = (pattern: string): JsonSchema => ({ type: 'string', pattern: `^(${pattern})$|\\$\\{` });

/**
 * A scalar read from its text, so that `64`, "64" and a filled-in ${N:-64} are the same.
 * `wanted` ends the sentence "must be ..." for values that are no scalar at all; `json` describes the text to editors.
 */
export function scalar<T>(wanted: string, json: JsonSchema, parse: (text: string) => Parsed<T>) {
  return z
    .unknown()
    .transform((value, context): T => {
      const parsed = isScalarValue(value) ? parse(String(value)) : { fault: notAScalar(value, wanted) };
      if ('value' in parsed) return parsed.value;
      const fault = value === '' ? notAScalar(null, wanted) : parsed.fault;
      context.addIssue({ code: 'custom', message: `${fault}${shellVariable(value)}` });
      return z.NEVER;
    })
    .meta(json);
}

function isScalarValue(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function notAScalar(value: unknown, wanted: string): string {
  if (value === undefined) return `is missing: it must be ${wanted}`;
  if (value === null) return `is empty: it must be ${wanted}`;
  return `must be ${wanted}, not ${kindOf(value)}`;
}

/** `$PORT` is text here, which may be meant so where nothing is wrong with it. It is not repeated: it may be of a password. */
function shellVariable(value: unknown): string {
  return typeof value === 'string' && /\$[A-Za-z_]/.test(value) ? `; a variable is written \${NAME}` : '';
}

/** Text that matches `pattern`, as far as editors know; what is right or wrong about it is said by `parse`. */
export function text<T>(wanted: string, pattern: string, parse: (text: string) => Parsed<T>) {
  return scalar(wanted, reference(pattern), parse);
}

/** One of a few words. */
export function choice<const Word extends string>(words: readonly Word[], alternative = '') {
  const wanted = alternatives(words) + alternative;
  return scalar(wanted, { anyOf: [{ enum: words }, REFERENCE] }, (written): Parsed<Word> => {
    const value = words.find((word) => word === written);
    return value === undefined
      ? { fault: `must be ${wanted}, not ${quote(written)}${didYouMean(written, words)}` }
      : { value };
  });
}

export function flag() {
  const json = { anyOf: [{ type: 'boolean' }, reference('true|false')] };
  return scalar('true or false', json, (written): Parsed<boolean> => {
    if (written === 'true' || written === 'false') return { value: written === 'true' };
    return { fault: `must be true or false, not ${quote(written)}` };
  });
}

/** A whole number within bounds. */
export function count(least: number, most: number) {
  const wanted = `a whole number from ${least} to ${most}`;
  const json = {
    anyOf: [{ type: 'integer', minimum: least, maximum: most }, reference('[0-9]{1,15}')],
  };
  return scalar(wanted, json, (written): Parsed<number> => {
    const value = /^[0-9]{1,15}$/.test(written) ? Number(written) : -1;
    return value >= least && value <= most
      ? { value }
      : { fault: `must be ${wanted}, not ${quote(written)}` };
  });
}

/** Milliseconds out of '30s'. The shortest is 1 ms unless 0 has a meaning: the stack takes a timeout of 0 for "none". */
export function duration(shortest = 1) {
  return text('a duration such as 30s', DURATION_PATTERN, (written) => parseDuration(written, shortest));
}

/** Bytes out of '1MiB' or 1048576. */
export function size(least = 0) {
  const json = { anyOf: [{ type: 'integer', minimum: least }, reference(SIZE_PATTERN)] };
  return scalar('a size such as 1MiB', json, (written) => parseSize(written, least));
}

/** A file name that is not empty. */
export function fileName() {
  return text('a file name', '.+', (written): Parsed<string> => {
    return written === '' || written.includes('\0') ? { fault: 'must be a file name' } : { value: written };
  });
}
