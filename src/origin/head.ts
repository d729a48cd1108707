// The head of an origin's answer, as it can be relied on.
import type { Dispatcher } from 'undici';
import { fieldValues } from '../semantics/fields.ts';

/** Never a 1xx. Field values are Latin-1, a character an octet. */
export interface OriginHead {
  readonly status: number;
  /** Empty where the origin's is none, or no ASCII. */
  readonly statusText: string;
  readonly fields: readonly string[];
}

/** Undefined when no client could tell what the answer means: an unknown status or transfer coding. */
export function readHead(
  status: number,
  statusText: string | undefined,
  raw: Dispatcher.DispatchController['rawHeaders'],
): OriginHead | undefined {
  const fields = latin1Fields(raw);
  if (status > 599 || !framesContent(fields)) return undefined;
  return { status, statusText: cleanReason(statusText), fields };
}

/** undici's raw headers: name, value, name, value ... as buffers. */
export function latin1Fields(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((item) => (typeof item === 'string' ? item : item.toString('latin1')));
}

/** undici takes the chunked coding off, and passes any other without a word. */
function framesContent(fields: readonly string[]): boolean {
  const coding = fieldValues(fields, 'transfer-encoding');
  return coding.length === 0 || (coding.length === 1 && coding[0]?.trim().toLowerCase() === 'chunked');
}

/** undici reads the reason phrase as UTF-8; one that is no ASCII comes out broken, and none is needed (RFC 9112 4). */
function cleanReason(reason = ''): string {
  return /^[\t\x20-\x7e]*$/.test(reason) ? reason : '';
}
