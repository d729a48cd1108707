// Golden cases: cases/*.yaml is a file, a line of dashes, and the exact faults expected of it, or ok.
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { formatFault } from '../../src/config/fault.ts';
import { loadConfig } from '../../src/config/load.ts';

const CASES = new URL('cases/', import.meta.url);
const SEPARATOR = '----\n';

/** The environment of every case. */
const env = {
  HOST: 'legacy',
  CONNECTIONS: '64',
  EMPTY: '',
  QUOTES: `"off'`,
  NEWLINE: 'off\nlisten: 0.0.0.0:1',
  COLON: 'off: x',
  REFERENCE: `\${HOST}`,
  SECRET_URL: 'http://user:hunter2@legacy',
};

for (const name of readdirSync(CASES).filter((file) => file.endsWith('.yaml'))) {
  t.test(name, (t) => {
    const [text = '', expected = '', ...more] = splitCase(readFileSync(new URL(name, CASES), 'utf8'));
    t.equal(more.length, 0, 'has one line of dashes');
    const loaded = loadConfig({ file: 'ifmatch.yaml', text, flags: {}, env });
    const actual = 'faults' in loaded ? loaded.faults.map(formatFault).join('\n') : 'ok';
    t.equal(actual, expected.trimEnd());
    t.end();
  });
}

function splitCase(content: string): string[] {
  return content.split(new RegExp(`^${SEPARATOR}`, 'm'));
}
