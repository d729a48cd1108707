// Values that need quotes: of each character that none may begin with, the fault says so.
import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';

for (const value of ['[a]b', '{a: b}c', ']a', '}a', '*', '&', '|a', '>a', '%a', '@a', '`a']) {
  for (const before of ['routes:\n  - path: ', 'trust:\n  - ']) {
    t.test(JSON.stringify(before + value), (t) => {
      const text = `origin: http://legacy\n${before}${value}\n`;
      t.match(loadConfig({ text, flags: {}, env: {} }), {
        faults: [{ message: `; a value that begins with "${value[0]}" needs quotes around it` }],
      });
      t.end();
    });
  }
}
