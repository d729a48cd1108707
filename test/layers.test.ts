// The shape of src/: which file may import which, what a file may be called, and how long it may be.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import t from 'tap';

const SRC = join(import.meta.dirname, '../src');

/** Folders and single files; each imports only from its own folder and from those above it here. */
const LAYERS = [
  ...['semantics', 'route', 'errors.ts', 'cancel-signal.ts', 'config'],
  ...['lock', 'origin', 'guard', 'app', 'admin'],
  ...['start.ts', 'workers', 'demo', 'commands', 'cli.ts'],
];

/** Names that say nothing. */
const NO_NAMES = ['utils', 'helpers', 'types', 'common', 'misc', 'shared', 'index'];

/** Who may use a library; `types` for imports that leave no trace at run time. */
const LIBRARIES: Record<string, { readonly by: readonly string[]; readonly types?: readonly string[] }> = {
  undici: { by: ['origin'], types: ['app/unguarded.ts'] },
  fastify: { by: ['app', 'admin'], types: ['start.ts'] },
  '@fastify/reply-from': { by: ['app'] },
  pino: { by: ['app'], types: ['start.ts', 'workers', 'commands', 'demo'] },
  ioredis: { by: ['lock'] },
  yaml: { by: ['config'] },
  zod: { by: ['config'] },
};

const LONGEST = 250;

interface Import {
  readonly from: string;
  readonly typesOnly: boolean;
}

interface Source {
  /** Below src/, with slashes. */
  readonly path: string;
  readonly layer: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

function readSource(path: string): Source {
  const text = readFileSync(join(SRC, path), 'utf8');
  const statements = text.matchAll(
    /^(?:import|export)\s(type\s)?[^;]*?\bfrom '([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  const bare = text.matchAll(/^import '([^']+)'/gm);
  const imports = [
    ...[...statements].map(([, type, from, dynamic]) => ({
      from: from ?? dynamic ?? '',
      typesOnly: type !== undefined,
    })),
    ...[...bare].map(([, from = '']) => ({ from, typesOnly: false })),
  ];
  return { path, layer: path.split('/')[0] ?? '', text, imports };
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .map(readSource);

t.test('there is something to look at', async (t) => {
  t.ok(sources.length > 50);
  t.ok(sources.reduce((sum, { imports }) => sum + imports.length, 0) > 100);
});

for (const source of sources) {
  t.test(source.path, async (t) => {
    const layer = LAYERS.indexOf(source.layer);
    t.ok(layer >= 0, `${source.layer} has a place among the layers`);
    for (const { from, typesOnly } of source.imports) {
      if (from.startsWith('.')) importedFile(source, from, layer);
      else importedLibrary(source, from, typesOnly);
    }
    t.notOk(NO_NAMES.includes(basename(source.path, '.ts')), 'its name says what is in it');
    t.match(source.text, /^(#!.*\n)?\/\/ /, 'it opens with what is in it');
    t.ok(source.text.split('\n').length - 1 <= LONGEST, `at most ${LONGEST} lines`);
    t.notMatch(source.text, /^export default\b|\bas default\b/m, 'no default export');
    t.notMatch(source.text, /@ts-(ignore|nocheck|expect-error)/, 'no silenced error');
    const code = source.text.replace(/\/\/.*$|\/\*[\s\S]*?\*\/|'[^'\n]*'|`[^`]*`/gm, '');
    t.notMatch(code, /(?:[:<|&,(=]\s*|\bas\s+|\breadonly\s+)any\b(?!\s*[:(])/, 'no any');

    function importedFile({ path }: Source, from: string, layer: number): void {
      const target = relative(SRC, join(SRC, dirname(path), from)).replaceAll('\\', '/');
      t.ok(
        sources.some((other) => other.path === target),
        `${from} is a file of src/`,
      );
      const other = LAYERS.indexOf(target.split('/')[0] ?? '');
      t.ok(other <= layer, `${from} is not below ${source.layer}`);
    }

    function importedLibrary({ path, layer: folder }: Source, from: string, typesOnly: boolean): void {
      if (from.startsWith('node:')) return;
      const library = LIBRARIES[from];
      t.ok(library, `${from} is a library with a place`);
      if (library === undefined) return;
      const may = [...library.by, ...(typesOnly ? (library.types ?? []) : [])];
      t.ok(
        may.includes(folder) || may.includes(path),
        `${from}${typesOnly ? ' (types)' : ''} may be used in ${path}`,
      );
    }
  });
}

t.test('the pure folders import nothing but each other', async (t) => {
  for (const { path, layer, imports } of sources.filter(
    ({ layer }) => layer === 'semantics' || layer === 'route',
  )) {
    for (const { from } of imports) t.ok(from.startsWith('.'), `${path} imports ${from} (${layer})`);
  }
});
