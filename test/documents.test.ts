// The documents say what the code does: error codes, configuration keys, the schema file.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { runtimeFault } from '../src/commands/runtime.ts';
import { schema } from '../src/commands/schema.ts';
import { jsonSchema } from '../src/config/schema.ts';
import { PROBLEMS, type Retry } from '../src/errors.ts';
import { BOUNDS } from '../src/lock/lock-record.ts';

const ROOT = join(import.meta.dirname, '..');

/** The text of a file below the root. */
function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const WHAT_TO_DO: Readonly<Record<Retry, string>> = {
  no: 'correct the request',
  later: 'repeat it later',
  reread: 'GET, then write anew',
};

t.test('README.md has a row for every error code, as the code has it, and for no other', async (t) => {
  const rows = [...read('README.md').matchAll(/^\|\s*`[a-z-]+`\s*\|\s*\d{3}\s*\|.*$/gm)];
  const codes = Object.entries(PROBLEMS).map(
    ([code, { status, fault, title, retry }]) =>
      `| \`${code}\` | ${status} | ${fault} | ${title}; ${WHAT_TO_DO[retry]} |`,
  );
  t.same(rows.map(([row]) => row).sort(), codes.sort());
});

t.test('README.md has every field of the log', async (t) => {
  const [, line = ''] = /const line = \{([^}]*)\}/.exec(read('src/app/log-request.ts')) ?? [];
  const fields = [...line.matchAll(/^ {4}(\w+)[:,]/gm)].map(([, field = '']) => field);
  t.ok(fields.length > 15);
  const [, section = ''] = read('README.md').split('\n## The log\n');
  const named = [...section.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );
  t.same(named.sort(), [...fields.filter((field) => field !== 'msg'), 'worker'].sort());
});

t.test('docs/guarantees.md has the bounds of the histograms', async (t) => {
  const [, named = ''] =
    /`buckets` counts how many took at most ([\d., and\n]+) seconds/.exec(read('docs/guarantees.md')) ?? [];
  t.same(named.split(/, | and |,\n/).map(Number), BOUNDS);
});

t.test('README.md names the releases of Node that will do, as package.json and the program do', async (t) => {
  const [, named = ''] = /^With Node ([\d., ]+) or later and npm/m.exec(read('README.md')) ?? [];
  const releases = named.split(', ');
  const { engines } = z
    .object({ engines: z.object({ node: z.string() }) })
    .parse(JSON.parse(read('package.json')));
  t.equal(engines.node, `>=${releases[0]}.0`);
  t.match(runtimeFault('20.20.2'), `Use ${named} or later.`);
  for (const release of releases) {
    const [major = 0, minor] = release.split('.').map(Number);
    t.equal(runtimeFault(`${major}.${minor ?? 0}.0`), undefined, release);
    if (minor !== undefined) t.ok(runtimeFault(`${major}.${minor - 1}.0`), `before ${release}`);
  }
});

/** Every key of a schema, at any depth, each behind the key of the file that it is under: `lock.url`. */
function keysOf(schema: unknown, under?: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]: [string, unknown]) =>
    name === 'properties' && typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]: [string, unknown]) => [
          `${under ?? key}.${key}`,
          ...keysOf(inner, under ?? key),
        ])
      : keysOf(value, under),
  );
}

t.test('every configuration key is in config/ifmatch.yaml, in the part where it belongs', async (t) => {
  const keys = new Set(keysOf(jsonSchema()));
  t.ok(keys.size > 50);
  const parts = read('config/ifmatch.yaml').split('\n\n');
  for (const path of keys) {
    const [under = '', key = ''] = path.split('.');
    const part = parts.find((text) => new RegExp(`^${under}:`, 'm').test(text));
    t.match(part, new RegExp(`(^|[^\\w-])${key}:`, 'm'), path);
  }
});

t.test('config/ifmatch.schema.json is what `ifmatch schema` prints', async (t) => {
  let printed = '';
  const out = (text: string): void => {
    printed += text;
  };
  schema([], { out, err: () => {}, fail: () => 1, env: {} });
  t.same(JSON.parse(read('config/ifmatch.schema.json')), JSON.parse(printed));
  t.equal(read('config/ifmatch.schema.json'), printed, 'to the byte: npm run schema');
});
