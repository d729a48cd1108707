// Field sections as they came over the wire: the lines of a name, and the whitespace around a value.

/** A field section as on the wire: name, value, name, value ...; names in any case; values Latin-1, a character an octet. */
export type FieldLines = readonly string[];

/** The values of all lines named `name` (lower case), in order. Repeated lines form one list (RFC 9110 5.3). */
export function fieldValues(fields: FieldLines, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const value = fields[at + 1];
    if (value !== undefined && isNamed(fields[at], name)) values.push(value);
  }
  return values;
}

/** The value of the first line named `name` (lower case); '' is a value, undefined means no such line. */
export function fieldValue(fields: FieldLines, name: string): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) {
    if (isNamed(fields[at], name)) return fields[at + 1];
  }
  return undefined;
}

/** Whether a line's name is `name` (lower case); most differ in length already. */
export function isNamed(field: string | undefined, name: string): boolean {
  return field?.length === name.length && field.toLowerCase() === name;
}

/** The first position from `at` on that is no optional whitespace: SP and HTAB only (RFC 9110 5.6.3). */
export function skipOws(text: string, at: number): number {
  let next = at;
  while (isOws(text.charCodeAt(next))) next += 1;
  return next;
}

/** The position behind the last octet before `end` that is no optional whitespace. */
export function skipOwsBack(text: string, end: number, from = 0): number {
  let last = end;
  while (last > from && isOws(text.charCodeAt(last - 1))) last -= 1;
  return last;
}

/** `text` without the optional whitespace around it (RFC 9110 5.5). String.trim would take NBSP and others too. */
export function trimOws(text: string): string {
  return trimmedBetween(text, 0, text.length);
}

/** The same of the part of `text` between two positions. */
export function trimmedBetween(text: string, from: number, to: number): string {
  const start = skipOws(text, from);
  return text.slice(start, skipOwsBack(text, to, start));
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
