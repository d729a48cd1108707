// Durations and sizes: every unit, every bound, and what is said about the rest.
import fc from 'fast-check';
import t from 'tap';
import { parseDuration, parseSize } from '../../src/config/units.ts';

const durations: readonly (readonly [string, number | RegExp])[] = [
  ['1ms', 1],
  ['250ms', 250],
  ['30s', 30_000],
  ['30 s', 30_000],
  ['1.5s', 1500],
  ['0.001s', 1],
  ['4.35s', 4350],
  ['5m', 300_000],
  ['24h', 86_400_000],
  ['24.1h', /at most 24h/],
  ['0s', /at least 1ms/],
  ['0.5ms', /whole number of milliseconds/],
  ['30', /has no unit: 30 could be 30s or 30ms/],
  ['', /must be a duration/],
  ['s', /must be a duration/],
  ['-1s', /must be a duration/],
  ['1e3s', /must be a duration/],
  ['1.s', /must be a duration/],
  ['1s2', /must be a duration/],
  ['30sec', /"sec" is not a unit here; these are: ms, s, m or h/],
  ['1constructor', /"constructor" is not a unit/],
  ['9'.repeat(400), /must be a duration/],
];
for (const [text, expected] of durations) {
  t.test(`duration ${text.slice(0, 20)}`, (t) => {
    t.match(parseDuration(text, 1), typeof expected === 'number' ? { value: expected } : { fault: expected });
    t.end();
  });
}

const sizes: readonly (readonly [string, number | RegExp])[] = [
  ['0', 0],
  ['1048576', 1_048_576],
  ['7B', 7],
  ['64KiB', 65_536],
  ['1.5KiB', 1536],
  ['1 MiB', 1_048_576],
  ['1GiB', 2 ** 30],
  ['2TiB', 2 ** 41],
  ['8192TiB', /not a whole number of bytes/],
  ['0.3B', /not a whole number of bytes/],
  ['1MB', /"MB" is not a unit here; these are: B, KiB, MiB, GiB or TiB/],
  ['1mib', /"mib" is not a unit/],
  ['-1', /must be a size/],
  ['1_000', /must be a size/],
  ['0x10', /must be a size|is not a unit/],
];
for (const [text, expected] of sizes) {
  t.test(`size ${text}`, (t) => {
    t.match(parseSize(text), typeof expected === 'number' ? { value: expected } : { fault: expected });
    t.end();
  });
}

t.test('a whole number of any unit is that many of it', (t) => {
  const milliseconds = { ms: 1, s: 1000, m: 60_000 };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1440 }), fc.constantFrom('ms', 's', 'm'), (amount, unit) => {
      const read = parseDuration(`${amount}${unit}`, 1);
      return 'value' in read && read.value === amount * milliseconds[unit];
    }),
  );
  t.end();
});
