// Text meant to break the reader: nothing throws, and every fault is a clean one.
import fc from 'fast-check';
import t from 'tap';
import { formatFault } from '../../src/config/fault.ts';
import { loadConfig } from '../../src/config/load.ts';

function faultsOf(text: string): string[] {
  const loaded = loadConfig({ text, flags: {}, env: { A: 'a: [b' } });
  return 'faults' in loaded ? loaded.faults.map(formatFault) : [];
}

t.test('nesting of any kind ends in one fault', (t) => {
  const rows = {
    'flow lists': '['.repeat(20_000) + ']'.repeat(20_000),
    'open flow lists': '['.repeat(500_000),
    'flow mappings': '{a: '.repeat(20_000) + '}'.repeat(20_000),
    'block lists on one line': `${'- '.repeat(20_000)}a`,
    'explicit keys': '? '.repeat(20_000),
    'block mappings': Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    'below a key': `origin: http://a\nroutes: ${'[{path: '.repeat(20_000)}`,
  };
  for (const [name, text] of Object.entries(rows)) {
    const faults = faultsOf(text);
    t.equal(faults.length, 1, name);
    t.match(faults[0], /^ifmatch\.yaml:\d+:\d+: nested too deeply/, name);
  }
  t.end();
});

t.test('aliases are not expanded, however many', (t) => {
  const levels = Array.from({ length: 60 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(20)}]`);
  const faults = faultsOf(`a0: &a0 [x]\n${levels.join('\n')}\norigin: http://a\n`);
  t.equal(faults.length, 61, 'one for each anchor');
  t.match(faults[0], /anchors \(&name\) are not supported/);
  t.end();
});

t.test('a text of the greatest length is read, one more character is not', (t) => {
  const text = 'origin: http://a\n#';
  t.same(faultsOf(text.padEnd(1024 * 1024, '#')), []);
  t.match(faultsOf(text.padEnd(1024 * 1024 + 1, '#')), [/^ifmatch\.yaml:1:1: the file is larger than 1 MiB/]);
  t.end();
});

t.test('the printed form has no control characters besides line ends and tabs', (t) => {
  const faults = faultsOf('"a\\e[2J\\u202eb": 1\norigin: "http://\\e]0;x\\a"\n"\\n": \u202e\n');
  t.equal(faults.length, 3);
  t.notMatch(faults.join('\n'), /[^\P{C}\n\t]/u);
  t.end();
});

const piece = fc.oneof(
  fc.constantFrom(
    ...[
      'origin',
      'listen',
      'admin',
      'lock',
      'routes',
      'path',
      'mode',
      'limits',
      'trust',
      'methods',
      'url',
      'wait',
    ],
    ...[
      ':',
      ': ',
      '\n',
      '\n  ',
      '\n    ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '"',
      "'",
      '|\n',
      '>-\n',
      '#',
      ' ',
      '\t',
      '\r',
    ],
    ...[
      '&a ',
      '*a',
      '!!str ',
      '!x ',
      '<<',
      '? ',
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '~',
      'null',
      '__proto__',
      '@',
      '`',
    ],
    ...[
      'http://legacy:3000',
      'off',
      '/a/:b',
      '/*',
      '10s',
      '1MiB',
      '64',
      '-1',
      '.inf',
      '0x1F',
      'true',
      '10.0.0.0/8',
    ],
    ...['$' + '{A}', '$' + '{B:-c}', '$' + '{', '$$' + '{', '\\', '\u0000', '\ufeff', '\ud800', 'é'],
  ),
  fc.string({ unit: 'binary', maxLength: 5 }),
);
const yamlish = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
const nearly = fc
  .tuple(
    fc.constantFrom('', 'origin: http://legacy:3000\n', 'origin:\n  url: http://a\nroutes:\n  - path: /a\n'),
    yamlish,
  )
  .map(([start, rest]) => start + rest);

t.test('arbitrary text gives a configuration or sorted faults with places in the text', (t) => {
  fc.assert(
    fc.property(fc.oneof(nearly, yamlish, fc.string({ unit: 'binary' })), (text) => {
      const loaded = loadConfig({ text, flags: {}, env: { A: 'a: [b' } });
      if ('config' in loaded) return Object.isFrozen(loaded.config);
      const lines = text.split('\n');
      const within = loaded.faults.every(({ line, column }) => {
        const source = lines[line - 1];
        return source !== undefined && column >= 1 && column <= source.length + 1;
      });
      const inOrder = loaded.faults.every(
        (fault, index) => fault.line >= (loaded.faults[index - 1]?.line ?? 0),
      );
      return loaded.faults.length > 0 && within && inOrder && loaded.faults.map(formatFault).every(Boolean);
    }),
    { numRuns: 3000 },
  );
  t.end();
});

t.test('arbitrary flags and variables throw nothing either', (t) => {
  const word = fc.option(fc.oneof(piece, yamlish), { nil: undefined });
  fc.assert(
    fc.property(word, word, word, fc.boolean(), (origin, listen, admin, asFlags) => {
      const flags = asFlags ? { origin, listen, admin } : {};
      const env = asFlags ? {} : { IFMATCH_ORIGIN: origin, IFMATCH_LISTEN: listen, IFMATCH_ADMIN: admin };
      const loaded = loadConfig({ flags, env });
      return 'config' in loaded || loaded.faults.every(({ file, line }) => line === 0 && file !== '');
    }),
    { numRuns: 1000 },
  );
  t.end();
});
