// Durations and sizes as people write them: 30s, 250ms, 5m; 1MiB, 64KiB, or plain bytes.
import type { Parsed } from './parsed.ts';
import { alternatives, quote } from './wording.ts';

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** A day: long enough for any use, and within what a timer of Node can count (2^31 - 1 ms). */
const LONGEST_DURATION = 24 * 3_600_000;

export const DURATION_PATTERN = '[0-9]+(\\.[0-9]+)? ?(ms|s|m|h)';
export const SIZE_PATTERN = '[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB)|[0-9]+';

const AMOUNT = /^([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)$/;

/** '30s' -> 30000: milliseconds, from `shortest` (ms) to a day. A number without a unit is a fault. */
export function parseDuration(text: string, shortest: number): Parsed<number> {
  const wanted = 'must be a duration such as 30s, 250ms or 5m';
  const [, amount, unit] = AMOUNT.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return { fault: `${wanted}, not ${quote(text)}` };
  if (unit === '') return { fault: `has no unit: ${amount} could be ${amount}s or ${amount}ms` };
  const factor = ownNumber(DURATION_UNITS, unit);
  if (factor === undefined) return { fault: unknownUnit(wanted, unit, DURATION_UNITS) };
  const value = Math.round(Number(amount) * factor * 1e6) / 1e6;
  if (!Number.isInteger(value))
    return { fault: `${wanted}; ${quote(text)} is not a whole number of milliseconds` };
  if (value < shortest) return { fault: `must be at least ${shortest}ms` };
  if (value > LONGEST_DURATION) return { fault: 'must be at most 24h' };
  return { value };
}

/** '64KiB' -> 65536: bytes, from `least` to 2^53 - 1. Units are binary; MB and kB are faults, for two meanings. */
export function parseSize(text: string, least = 0): Parsed<number> {
  const wanted = 'must be a size such as 1MiB, 64KiB or a number of bytes';
  const [, amount, unit] = AMOUNT.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return { fault: `${wanted}, not ${quote(text)}` };
  const factor = unit === '' ? 1 : ownNumber(SIZE_UNITS, unit);
  if (factor === undefined) return { fault: unknownUnit(wanted, unit, SIZE_UNITS) };
  const value = Number(amount) * factor;
  if (!Number.isSafeInteger(value))
    return { fault: `${wanted}; ${quote(text)} is not a whole number of bytes` };
  if (value < least) return { fault: `must be at least ${least}B` };
  return { value };
}

function ownNumber(units: Readonly<Record<string, number>>, unit: string): number | undefined {
  return Object.hasOwn(units, unit) ? units[unit] : undefined;
}

function unknownUnit(wanted: string, unit: string, units: Readonly<Record<string, number>>): string {
  return `${wanted}; ${quote(unit)} is not a unit here; these are: ${alternatives(Object.keys(units))}`;
}
