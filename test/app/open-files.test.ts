// How many clients a process has file descriptors for.

import { readdirSync } from 'node:fs';
import t from 'tap';
import { mostClients, openFileLimit } from '../../src/app/open-files.ts';
import { loadConfig } from '../../src/config/load.ts';

const rows: { name: string; files: number; origin?: number; limit?: number; most: number }[] = [
  { name: 'enough for all', files: 1_048_576, most: 4096 },
  { name: 'just enough', files: 4096 + 64 + 3 * 128, most: 4096 },
  { name: 'one too few', files: 4095 + 64 + 3 * 128, most: 4095 },
  { name: 'a limit of old systems', files: 1024, most: 576 },
  { name: 'fewer than the origin may take: a quarter', files: 400, most: 100 },
  { name: 'more than clients may take', files: 1024, origin: 8, limit: 100, most: 100 },
  { name: 'no limit is known', files: Number.POSITIVE_INFINITY, most: 4096 },
];
for (const { name, files, origin = 128, limit = 4096, most } of rows) {
  t.test(name, (t) => {
    const text = `origin: { url: 'http://x', connections: ${origin} }\nlimits: { connections: ${limit} }\n`;
    const loaded = loadConfig({ text, env: {}, flags: {} });
    if ('faults' in loaded) throw new Error('it is no good');
    t.equal(mostClients(loaded.config, files), most);
    t.end();
  });
}

t.test('the limit of this process', (t) => {
  const limit = openFileLimit();
  t.ok(Number.isInteger(limit), 'Linux says it');
  t.ok(limit > readdirSync('/proc/self/fd').length);
  t.end();
});
