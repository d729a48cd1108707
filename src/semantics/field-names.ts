// Sets of field names that are asked for names in any case (RFC 9110 5.1).

/**
 * Names of fields, given in lower case. Not a Set: V8 interns each string that a Set is asked for, and here every request
 * brings new ones. Most names differ in length from all that could be meant.
 */
export class FieldNames {
  readonly #byLength: readonly (readonly string[] | undefined)[];

  constructor(names: readonly string[]) {
    const byLength: string[][] = [];
    for (const name of names) byLength[name.length] = [...(byLength[name.length] ?? []), name];
    this.#byLength = byLength;
  }

  /** `name` in any case; ASCII. */
  has(name: string): boolean {
    const candidates = this.#byLength[name.length];
    return candidates?.includes(name.toLowerCase()) ?? false;
  }
}
