// What is known of a resource's current state: whether it has a representation, and its validators (RFC 9110 8.8).

import { type EntityTag, parseEntityTag } from './entity-tag.ts';
import { type FieldLines, fieldValues, trimOws } from './fields.ts';
import { parseHttpDate } from './http-date.ts';

export interface Validators {
  /** 'unusable': an ETag is there but is no entity-tag, or there are two different ones. */
  readonly entityTag: EntityTag | 'unusable' | undefined;
  /** Last-Modified, milliseconds since the epoch; 0 is a date. */
  readonly lastModified: number | undefined;
  /** Whether Last-Modified is a strong validator (RFC 9110 8.8.2.2). */
  readonly strongDate: boolean;
}

export type Representation =
  | { readonly state: 'current'; readonly validators: Validators }
  | { readonly state: 'absent' }
  | { readonly state: 'unknown'; readonly reason: string };

/**
 * The validators in a response's field lines; `now` (milliseconds) places two-digit years. A Last-Modified that is no
 * date, or of which two lines differ, is none. It is strong when Date is at least one second later.
 */
export function readValidators(fields: FieldLines, now: number): Validators {
  return new ReadValidators(fields, now);
}

/** Dates are read when one is asked for first: most conditions are about the tag alone. */
class ReadValidators implements Validators {
  readonly entityTag: EntityTag | 'unusable' | undefined;
  readonly #fields: FieldLines;
  readonly #now: number;
  #lastModified: number | undefined | 'unread' = 'unread';

  constructor(fields: FieldLines, now: number) {
    this.entityTag = readEntityTag(fieldValues(fields, 'etag'));
    this.#fields = fields;
    this.#now = now;
  }

  get lastModified(): number | undefined {
    if (this.#lastModified === 'unread') this.#lastModified = this.#readDate('last-modified');
    return this.#lastModified;
  }

  get strongDate(): boolean {
    const { lastModified } = this;
    const date = this.#readDate('date');
    return lastModified !== undefined && date !== undefined && date - lastModified >= 1000;
  }

  #readDate(name: string): number | undefined {
    const value = theOneValue(fieldValues(this.#fields, name));
    return value === undefined ? undefined : parseHttpDate(value, this.#now);
  }
}

function readEntityTag(lines: readonly string[]): EntityTag | 'unusable' | undefined {
  if (lines.length === 0) return undefined;
  const value = theOneValue(lines);
  return (value === undefined ? undefined : parseEntityTag(value)) ?? 'unusable';
}

/** The value that all lines agree on. */
function theOneValue(lines: readonly string[]): string | undefined {
  const [value, ...others] = lines.map(trimOws);
  return others.every((other) => other === value) ? value : undefined;
}
