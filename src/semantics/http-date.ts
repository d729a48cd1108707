// HTTP-date in its three forms, strictly by the grammar of RFC 9110 5.6.7. Date.parse reads far more than that.

import { trimOws } from './fields.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const MONTH = `(${MONTHS.join('|')})`;
const TIME = '(\\d\\d:\\d\\d:\\d\\d)';

const IMF_FIXDATE = new RegExp(`^${DAY}, (\\d\\d) ${MONTH} (\\d{4}) ${TIME} GMT$`);
const RFC850_DATE = new RegExp(`^${LONG_DAY}, (\\d\\d)-${MONTH}-(\\d\\d) ${TIME} GMT$`);
const ASCTIME_DATE = new RegExp(`^${DAY} ${MONTH} (\\d\\d| \\d) ${TIME} (\\d{4})$`);

const FIRST_INSTANT = instantOf(0, 0, 1, 0, 0, 0);
const LAST_INSTANT = instantOf(9999, 11, 31, 23, 59, 59) + 999;

/**
 * Milliseconds since the epoch, or undefined when `value` is no HTTP-date. `now` (milliseconds) places a two-digit
 * year: in the century of `now`, or in the one before when that is more than 50 years ahead.
 *
 * Days that a month does not have are refused. A day name that contradicts the date is not: the date is clear without
 * it, and ignoring the date would drop a guard. A leap second lies between :59 and the next :00.
 */
export function parseHttpDate(value: string, now: number): number | undefined {
  const text = trimOws(value);
  const imf = IMF_FIXDATE.exec(text);
  if (imf) return checkedInstant(Number(imf[3]), imf[2], imf[1], imf[4]);
  const asctime = ASCTIME_DATE.exec(text);
  if (asctime) return checkedInstant(Number(asctime[4]), asctime[1], asctime[2], asctime[3]);
  const rfc850 = RFC850_DATE.exec(text);
  if (rfc850) return placeInCentury(Number(rfc850[3]), rfc850[2], rfc850[1], rfc850[4], now);
  return undefined;
}

/** IMF-fixdate, the one form that is generated. `ms` since the epoch, years 0 to 9999; RangeError for any other. */
export function formatHttpDate(ms: number): string {
  if (!(ms >= FIRST_INSTANT && ms <= LAST_INSTANT)) throw new RangeError(`no HTTP-date can say ${ms}`);
  return new Date(ms).toUTCString();
}

type Part = string | undefined;

function placeInCentury(year: number, month: Part, day: Part, time: Part, now: number): number | undefined {
  const thisCentury = Math.floor(new Date(now).getUTCFullYear() / 100) * 100;
  const instant = checkedInstant(thisCentury + year, month, day, time);
  const isFarAhead = instant !== undefined && instant > fiftyYearsAfter(now);
  return isFarAhead ? checkedInstant(thisCentury + year - 100, month, day, time) : instant;
}

function fiftyYearsAfter(now: number): number {
  const then = new Date(now);
  return then.setUTCFullYear(then.getUTCFullYear() + 50);
}

function checkedInstant(year: number, month: Part, day: Part, time = ''): number | undefined {
  const monthIndex = MONTHS.indexOf(month ?? '');
  const dayOfMonth = Number(day);
  const hour = Number(time.slice(0, 2));
  const minute = Number(time.slice(3, 5));
  const second = Number(time.slice(6));
  if (dayOfMonth < 1 || dayOfMonth > lastDayOf(year, monthIndex)) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  return second === 60
    ? instantOf(year, monthIndex, dayOfMonth, hour, minute, 59) + 999
    : instantOf(year, monthIndex, dayOfMonth, hour, minute, second);
}

function lastDayOf(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 1 && isLeap ? 29 : (MONTH_LENGTHS[month] ?? 0);
}

/** As Date.UTC, which takes the years 0 to 99 for 1900 to 1999: 400 years later the calendar is the same. */
function instantOf(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  return Date.UTC(year + 400, month, day, hour, minute, second) - 146_097 * 86_400_000;
}
