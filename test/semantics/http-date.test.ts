// HTTP-date: the three forms, what is none, two-digit years, formatting.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { formatHttpDate, parseHttpDate } from '../../src/semantics/http-date.ts';

const NOW = Date.UTC(2026, 10, 22, 20, 0, 0);

const valid: { name: string; value: string; iso: string }[] = [
  { name: 'IMF-fixdate', value: 'Sun, 06 Nov 1994 08:49:37 GMT', iso: '1994-11-06T08:49:37Z' },
  { name: 'RFC 850', value: 'Sunday, 06-Nov-94 08:49:37 GMT', iso: '1994-11-06T08:49:37Z' },
  { name: 'asctime', value: 'Sun Nov  6 08:49:37 1994', iso: '1994-11-06T08:49:37Z' },
  { name: 'asctime, day with a zero', value: 'Sun Nov 06 08:49:37 1994', iso: '1994-11-06T08:49:37Z' },
  { name: 'asctime, two-digit day', value: 'Tue Nov 15 12:45:26 1994', iso: '1994-11-15T12:45:26Z' },
  { name: 'epoch', value: 'Thu, 01 Jan 1970 00:00:00 GMT', iso: '1970-01-01T00:00:00Z' },
  { name: 'before the epoch', value: 'Wed, 31 Dec 1969 23:59:59 GMT', iso: '1969-12-31T23:59:59Z' },
  { name: 'far future', value: 'Thu, 01 Jan 2099 00:00:00 GMT', iso: '2099-01-01T00:00:00Z' },
  { name: 'year 0000', value: 'Sat, 01 Jan 0000 00:00:00 GMT', iso: '0000-01-01T00:00:00Z' },
  { name: 'year 0099 is not 1999', value: 'Thu, 01 Jan 0099 00:00:00 GMT', iso: '0099-01-01T00:00:00Z' },
  { name: 'year 9999', value: 'Fri, 31 Dec 9999 23:59:59 GMT', iso: '9999-12-31T23:59:59Z' },
  { name: 'leap day', value: 'Thu, 29 Feb 2024 00:00:00 GMT', iso: '2024-02-29T00:00:00Z' },
  { name: 'leap day of a leap century', value: 'Tue, 29 Feb 2000 00:00:00 GMT', iso: '2000-02-29T00:00:00Z' },
  { name: 'leap day of year 0000', value: 'Tue, 29 Feb 0000 00:00:00 GMT', iso: '0000-02-29T00:00:00Z' },
  {
    name: 'another day name than the date has',
    value: 'Mon, 15 Nov 1994 12:45:26 GMT',
    iso: '1994-11-15T12:45:26Z',
  },
  { name: 'whitespace around', value: ' \tTue, 15 Nov 1994 12:45:26 GMT\t ', iso: '1994-11-15T12:45:26Z' },
];

t.test('an HTTP-date', async (t) => {
  for (const row of valid) t.equal(parseHttpDate(row.value, NOW), Date.parse(row.iso), row.name);
});

const invalid: { name: string; value: string }[] = [
  { name: 'empty', value: '' },
  { name: 'whitespace', value: '  ' },
  { name: 'zero', value: '0' },
  { name: 'minus one', value: '-1' },
  { name: 'a year', value: '2099' },
  { name: 'a number of seconds', value: '784887151' },
  { name: 'words', value: 'yesterday' },
  { name: 'ISO 8601', value: '2010-11-15T12:45:26Z' },
  { name: 'zone EST', value: 'Mon, 15 Nov 2010 12:45:26 EST' },
  { name: 'zone UTC', value: 'Mon, 15 Nov 2010 12:45:26 UTC' },
  { name: 'numeric zone', value: 'Mon, 15 Nov 2010 12:45:26 +0000' },
  { name: 'GMT with an offset', value: 'Mon, 15 Nov 2010 12:45:26 GMT+0100' },
  { name: 'no zone', value: 'Mon, 15 Nov 2010 12:45:26' },
  { name: 'zone in lower case', value: 'Mon, 15 Nov 2010 12:45:26 gmt' },
  { name: 'month in upper case', value: 'Mon, 15 NOV 2010 12:45:26 GMT' },
  { name: 'day name in lower case', value: 'mon, 15 Nov 2010 12:45:26 GMT' },
  { name: 'unknown day name', value: 'Abc, 15 Nov 2010 12:45:26 GMT' },
  { name: 'long day name', value: 'Monday, 15 Nov 2010 12:45:26 GMT' },
  { name: 'long month name', value: 'Mon, 15 November 2010 12:45:26 GMT' },
  { name: 'unknown month', value: 'Tue, 99 Foo 2010 12:45:26 GMT' },
  { name: 'no day name', value: '15 Nov 2010 12:45:26 GMT' },
  { name: 'no comma', value: 'Mon 15 Nov 2010 12:45:26 GMT' },
  { name: 'no space after the comma', value: 'Mon,15 Nov 2010 12:45:26 GMT' },
  { name: 'one-digit day', value: 'Mon, 1 Nov 2010 12:45:26 GMT' },
  { name: 'day 00', value: 'Mon, 00 Nov 2010 12:45:26 GMT' },
  { name: 'day 31 of a short month', value: 'Wed, 31 Nov 2010 12:45:26 GMT' },
  { name: 'day 32', value: 'Mon, 32 Nov 2010 12:45:26 GMT' },
  { name: '31 February', value: 'Wed, 31 Feb 2010 12:45:26 GMT' },
  { name: '29 February of a common year', value: 'Tue, 29 Feb 2023 12:45:26 GMT' },
  { name: '29 February of a common century', value: 'Thu, 29 Feb 1900 12:45:26 GMT' },
  { name: 'hour 24', value: 'Mon, 15 Nov 2010 24:00:00 GMT' },
  { name: 'minute 60', value: 'Mon, 15 Nov 2010 12:60:00 GMT' },
  { name: 'second 61', value: 'Mon, 15 Nov 2010 12:45:61 GMT' },
  { name: 'no seconds', value: 'Mon, 15 Nov 2010 12:45 GMT' },
  { name: 'one-digit hour', value: 'Mon, 15 Nov 2010 1:45:26 GMT' },
  { name: 'fraction of a second', value: 'Mon, 15 Nov 2010 12:45:26.5 GMT' },
  { name: 'two-digit year in an IMF-fixdate', value: 'Mon, 15 Nov 10 12:45:26 GMT' },
  { name: 'five-digit year', value: 'Sat, 01 Jan 10000 00:00:00 GMT' },
  { name: 'negative year', value: 'Sat, 01 Jan -001 00:00:00 GMT' },
  { name: 'two spaces', value: 'Mon,  15 Nov 2010 12:45:26 GMT' },
  { name: 'tab inside', value: 'Mon,\t15 Nov 2010 12:45:26 GMT' },
  { name: 'length parameter', value: 'Mon, 15 Nov 2010 12:45:26 GMT; length=13774' },
  { name: 'text before', value: 'x Mon, 15 Nov 2010 12:45:26 GMT' },
  { name: 'line break after', value: 'Mon, 15 Nov 2010 12:45:26 GMT\n' },
  { name: 'NBSP around', value: '\xa0Mon, 15 Nov 2010 12:45:26 GMT' },
  { name: 'quoted', value: '"Mon, 15 Nov 2010 12:45:26 GMT"' },
  { name: 'a list of dates', value: 'Mon, 15 Nov 2010 12:45:26 GMT, Mon, 15 Nov 2010 12:45:26 GMT' },
  { name: 'RFC 850 with a short day name', value: 'Mon, 15-Nov-10 12:45:26 GMT' },
  { name: 'RFC 850 with a four-digit year', value: 'Monday, 15-Nov-2010 12:45:26 GMT' },
  { name: 'RFC 850 with a day its month lacks', value: 'Monday, 31-Nov-10 12:45:26 GMT' },
  { name: 'asctime with a zone', value: 'Mon Nov 15 12:45:26 2010 GMT' },
  { name: 'asctime with an unpadded day', value: 'Sun Nov 6 08:49:37 1994' },
  { name: 'asctime with day 0', value: 'Sun Nov  0 08:49:37 1994' },
  { name: 'asctime with a two-digit year', value: 'Sun Nov  6 08:49:37 94' },
  { name: 'what Date.prototype.toString gives', value: 'Mon Nov 15 2010 12:45:26 GMT+0000' },
  { name: 'full-width digits', value: 'Mon, \uff11\uff15 Nov 2010 12:45:26 GMT' },
  { name: 'much whitespace', value: `${' '.repeat(1_000_000)}x${' '.repeat(1_000_000)}` },
];

t.test('no HTTP-date', async (t) => {
  for (const row of invalid) t.equal(parseHttpDate(row.value, NOW), undefined, row.name);
});

const years: { name: string; value: string; now: string; iso: string }[] = [
  {
    name: 'past of this century',
    value: 'Monday, 15-Nov-10 12:45:26 GMT',
    now: '2026-11-22T20:00:00Z',
    iso: '2010-11-15T12:45:26Z',
  },
  {
    name: '34 years ahead',
    value: 'Saturday, 06-Nov-60 08:49:37 GMT',
    now: '2026-11-22T20:00:00Z',
    iso: '2060-11-06T08:49:37Z',
  },
  {
    name: '44 years ahead',
    value: 'Saturday, 15-Nov-70 12:00:00 GMT',
    now: '2026-11-22T20:00:00Z',
    iso: '2070-11-15T12:00:00Z',
  },
  {
    name: 'exactly 50 years ahead',
    value: 'Sunday, 22-Nov-76 20:00:00 GMT',
    now: '2026-11-22T20:00:00Z',
    iso: '2076-11-22T20:00:00Z',
  },
  {
    name: '50 years and a second ahead',
    value: 'Monday, 22-Nov-76 20:00:01 GMT',
    now: '2026-11-22T20:00:00Z',
    iso: '1976-11-22T20:00:01Z',
  },
  {
    name: '68 years ahead',
    value: 'Tuesday, 15-Nov-94 12:45:26 GMT',
    now: '2026-11-22T20:00:00Z',
    iso: '1994-11-15T12:45:26Z',
  },
  {
    name: 'in 1994 itself',
    value: 'Tuesday, 15-Nov-94 12:45:26 GMT',
    now: '1994-11-16T00:00:00Z',
    iso: '1994-11-15T12:45:26Z',
  },
  {
    name: 'leap day in year 00',
    value: 'Tuesday, 29-Feb-00 00:00:00 GMT',
    now: '2026-11-22T20:00:00Z',
    iso: '2000-02-29T00:00:00Z',
  },
];

t.test('a two-digit year is placed by now', async (t) => {
  for (const row of years) {
    t.equal(parseHttpDate(row.value, Date.parse(row.now)), Date.parse(row.iso), row.name);
  }
  t.equal(
    parseHttpDate('Monday, 29-Feb-00 00:00:00 GMT', Date.UTC(2126, 0, 1)),
    undefined,
    '2100 has no leap day',
  );
});

t.test('a leap second lies between the seconds around it, in every form', async (t) => {
  const before = Date.UTC(2016, 11, 31, 23, 59, 59);
  const after = Date.UTC(2017, 0, 1);
  const forms = [
    'Sat, 31 Dec 2016 23:59:60 GMT',
    'Saturday, 31-Dec-16 23:59:60 GMT',
    'Sat Dec 31 23:59:60 2016',
  ];
  for (const value of forms) {
    const leap = parseHttpDate(value, NOW) ?? Number.NaN;
    t.ok(before < leap && leap < after, value);
  }
});

t.test('only IMF-fixdate is generated', async (t) => {
  t.equal(formatHttpDate(Date.UTC(1994, 10, 6, 8, 49, 37)), 'Sun, 06 Nov 1994 08:49:37 GMT');
  t.equal(formatHttpDate(0), 'Thu, 01 Jan 1970 00:00:00 GMT');
  t.equal(formatHttpDate(999), 'Thu, 01 Jan 1970 00:00:00 GMT');
  t.equal(formatHttpDate(Date.parse('0099-01-01T00:00:00Z')), 'Thu, 01 Jan 0099 00:00:00 GMT');
});

t.test('what no HTTP-date can say is not formatted', async (t) => {
  const last = Date.parse('9999-12-31T23:59:59.999Z');
  t.equal(formatHttpDate(last), 'Fri, 31 Dec 9999 23:59:59 GMT');
  for (const ms of [last + 1, Date.parse('0000-01-01T00:00:00Z') - 1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => formatHttpDate(ms), RangeError, String(ms));
  }
});

const SHORT = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const LONG = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const seconds = (from: string, to: string) =>
  fc.integer({ min: Date.parse(from) / 1000, max: Date.parse(to) / 1000 }).map((s) => s * 1000);

t.test('every second of ten thousand years survives formatting and parsing', async () => {
  fc.assert(
    fc.property(seconds('0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z'), fc.integer(), (ms, now) => {
      assert.equal(parseHttpDate(formatHttpDate(ms), now), ms);
    }),
  );
});

t.test('the obsolete forms give the same instant', async () => {
  fc.assert(
    fc.property(seconds('1977-01-01T00:00:00Z', '2076-01-01T00:00:00Z'), (ms) => {
      const date = new Date(ms);
      const imf = formatHttpDate(ms);
      const [day, month, year, time] = [
        imf.slice(5, 7),
        imf.slice(8, 11),
        imf.slice(12, 16),
        imf.slice(17, 25),
      ];
      const rfc850 = `${LONG[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
      const asctime = `${SHORT[date.getUTCDay()]} ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`;
      assert.equal(parseHttpDate(rfc850, NOW), ms, rfc850);
      assert.equal(parseHttpDate(asctime, NOW), ms, asctime);
    }),
  );
});

t.test('one changed character gives no date, or another valid one', async () => {
  const changed = fc.tuple(
    fc.nat(28),
    fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  );
  fc.assert(
    fc.property(changed, ([at, character]) => {
      const imf = 'Sun, 06 Nov 1994 08:49:37 GMT';
      const text = imf.slice(0, at) + character + imf.slice(at + 1);
      const ms = parseHttpDate(text, NOW);
      // The day name is not compared with the date; the rest must come back as it was.
      return ms === undefined || formatHttpDate(ms).slice(3, 25) === text.slice(3, 25);
    }),
    { numRuns: 5000 },
  );
});
