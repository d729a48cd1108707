// The words of fault messages: quoted values, kinds of values, lists, "did you mean".

const LONGEST_QUOTE = 60;
/** Spaces that are not the usual one are among them: nobody would see the difference. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** A value for a message: quoted, shortened, and without anything a terminal or a log would obey. */
export function quote(text: string): string {
  const safe = masked(text);
  const short = safe.length > LONGEST_QUOTE ? `${safe.slice(0, LONGEST_QUOTE)}...` : safe;
  return `"${short.replace(/["\\]/g, '\\$&').replace(UNPRINTABLE, escapeCharacter)}"`;
}

/** The same text with unprintable characters replaced by dots of equal width, for showing a line as it is. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (character === '\t' ? character : '\u00b7'));
}

/** The same text with stars for the user name and password of URLs, spaces in them included. */
export function masked(text: string): string {
  if (!text.includes('@')) return text;
  const inQuotes = text.replace(QUOTED, (quoted) => quoted.replace(LOGIN, stars));
  return inQuotes.replace(LOGIN_OUTSIDE, stars);
}

const QUOTED = /"[^"]*"|'[^']*'/g;
/** Up to the last "@" before another URL; outside of quotes also before a comment. */
const LOGIN = /(?<=:\/\/)(?:(?!:\/\/).)+(?=@)/gs;
const LOGIN_OUTSIDE = /(?<=:\/\/)(?:(?!:\/\/|\s#).)+(?=@)/gs;

function stars(login: string): string {
  return '*'.repeat(login.length);
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}

/** What a value is, in YAML's words. */
export function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? quote(value) : String(value);
}

/** 'a, b or c' */
export function alternatives(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

/** ' (did you mean "mode"?)' when one of the words is close to what was written, else ''. */
export function didYouMean(written: string, words: readonly string[]): string {
  if (written.length > LONGEST_QUOTE) return '';
  const near = words
    .map((word) => ({ word, steps: distance(written.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, steps }) => steps <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.steps - b.steps)[0];
  return near === undefined ? '' : ` (did you mean ${quote(near.word)}?)`;
}

/** Edits from a to b: insert, delete, replace, or swap two neighbours (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const edits = [
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      ];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) edits.push((before[column - 2] ?? 0) + 1);
      current.push(Math.min(...edits));
    }
    before = above;
    above = current;
  }
  return above[b.length] ?? 0;
}
