// Every way servers may read one path: encoded and doubled separators, segment parameters.

/**
 * Where readings differ. `%3B` is here because a server that reads `;` as data takes `/a;b` and `/a%3Bb`
 * for one resource, so both need one key.
 */
const DISPUTED = /%2f|%5c|%3b|;|\/\//i;

/** An encoded delimiter is kept apart from a raw one by this offset while a path is read; octets end at 255. */
const ENCODED = 0x100;
const ENCODED_SLASH = String.fromCharCode(ENCODED + 0x2f);
const ENCODED_BACKSLASH = String.fromCharCode(ENCODED + 0x5c);
const MARK = /[\u0100-\u01ff]/;
const MARKS = /[\u0100-\u01ff]/g;
const RAW_PARAMETERS = /;[^/]*/g;
const DOUBLED_SLASHES = /\/{2,}/g;
const PARAMETERS = new RegExp(`[;${String.fromCharCode(ENCODED + 0x3b)}][^/]*`, 'g');

/**
 * Reads a valid path (`/...`, no query) in every way servers do: `%2F` and `%5C` as data or as separators,
 * segment parameters kept, or stripped before or after separators are decoded, `%3B` as data or as their start,
 * doubled slashes kept or merged. One trailing slash never counts. At most 40 readings, none of them twice; one for
 * a path without any of these.
 *
 * @returns lists of segments, percent-decoded to octets; the last one is the most merged
 */
export function readPath(path: string): string[][] {
  const text = decode(path);
  if (!DISPUTED.test(path)) return [segmentsOf(dropTrailingSlash(text))];
  const texts = new Set<string>();
  for (const separated of separatorReadings(text)) {
    for (const stripped of parameterReadings(text, separated)) {
      texts.add(dropTrailingSlash(stripped));
      texts.add(dropTrailingSlash(stripped.replace(DOUBLED_SLASHES, '/')));
    }
  }
  const mostMerged = mergeText(text);
  texts.delete(mostMerged);
  texts.add(mostMerged);
  return [...texts].map(segmentsOf);
}

/**
 * The most merged form of a reading, as text. Every reading of one path comes down to the same, unless servers
 * contradict each other: `/a;b%2Fc` is `/a` to one and `/a/c` to another.
 */
export function mergeReading(segments: readonly string[]): string {
  const text = `/${segments.join('/')}`.replaceAll('\\', '/');
  return dropTrailingSlash(text.replace(RAW_PARAMETERS, '').replace(DOUBLED_SLASHES, '/'));
}

type Separate = (text: string) => string;

const slashes: Separate = (text) => text.replaceAll(ENCODED_SLASH, '/');
const backslashes: Separate = (text) => text.replaceAll(ENCODED_BACKSLASH, '/');

function separatorReadings(text: string): Separate[] {
  const readings: Separate[] = [(same) => same];
  if (text.includes(ENCODED_SLASH)) readings.push(slashes);
  if (text.includes(ENCODED_BACKSLASH)) readings.push(backslashes);
  if (readings.length === 3) readings.push((both) => slashes(backslashes(both)));
  return readings;
}

function parameterReadings(text: string, separate: Separate): string[] {
  const separated = separate(text);
  const stripped = [RAW_PARAMETERS, PARAMETERS].flatMap((parameters) => [
    separate(text.replace(parameters, '')),
    separated.replace(parameters, ''),
  ]);
  return [separated, ...stripped];
}

function mergeText(text: string): string {
  const separated = slashes(backslashes(text)).replace(PARAMETERS, '');
  return dropTrailingSlash(separated.replace(DOUBLED_SLASHES, '/'));
}

function decode(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => {
    const octet = Number.parseInt(hex, 16);
    const delimiter = octet === 0x2f || octet === 0x5c || octet === 0x3b;
    return String.fromCharCode(delimiter ? octet + ENCODED : octet);
  });
}

function segmentsOf(text: string): string[] {
  const segments = text.split('/').slice(1);
  return MARK.test(text) ? segments.map(unmark) : segments;
}

function unmark(segment: string): string {
  return segment.replace(MARKS, (mark) => String.fromCharCode(mark.charCodeAt(0) - ENCODED));
}

function dropTrailingSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}
