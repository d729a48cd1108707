// The JSON schema: the file in the repository, and what an editor can rely on.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { jsonSchema } from '../../src/config/schema.ts';
import { isMapping } from '../../src/config/settings.ts';

const FILE = new URL('../../config/ifmatch.schema.json', import.meta.url);

t.test('config/ifmatch.schema.json is what the code says (npm run schema writes it)', (t) => {
  t.same(JSON.parse(readFileSync(FILE, 'utf8')), jsonSchema());
  t.end();
});

t.test('it is of draft 2020-12 and knows no other keys', (t) => {
  t.match(jsonSchema(), {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    additionalProperties: false,
  });
  t.end();
});

t.test('every key is described, in one or more sentences', (t) => {
  const keys = keysIn(jsonSchema(), '');
  t.ok(keys.length >= 40, 'all levels were looked at');
  for (const [path, schema] of keys) t.match(schema['description'], /\.$/, path);
  t.end();
});

t.test('every key is optional save a route’s path and the URL of an origin written as a mapping', (t) => {
  const required: string[] = [];
  const visit = (schema: unknown): void => {
    if (Array.isArray(schema)) schema.forEach(visit);
    if (!isMapping(schema)) return;
    if (Array.isArray(schema['required'])) required.push(...schema['required'].map(String));
    Object.values(schema).forEach(visit);
  };
  visit(jsonSchema());
  t.same(required.sort(), ['path', 'url']);
  t.end();
});

t.test('a reference to the environment fits wherever a single value does', (t) => {
  const reference = '$' + '{NAME}';
  for (const [path, schema] of keysIn(jsonSchema(), '')) {
    if (schema['type'] === 'object' || schema['type'] === 'array') continue;
    t.ok(takesText(schema, reference), path);
  }
  t.end();
});

t.test('what the file may have in quotes, or with a space before its unit, an editor takes too', (t) => {
  const rows: [key: string, text: string, file: (value: string) => string][] = [
    ['/origin/verify', 'false', (value) => `origin: { url: https://legacy, verify: ${value} }`],
    ['/origin/connections', '64', (value) => `origin: { url: http://legacy, connections: ${value} }`],
    ['/lock/queue', '0', (value) => `origin: http://legacy\nlock: { queue: ${value} }`],
    ['/lock/wait', '3 s', (value) => `origin: http://legacy\nlock: { wait: ${value} }`],
    ['/lock/guard', '51 s', (value) => `origin: http://legacy\nlock: { guard: ${value} }`],
    ['/workers', '2', (value) => `origin: http://legacy\nworkers: ${value}`],
    ['/buffer', '1 MiB', (value) => `origin: http://legacy\nbuffer: ${value}`],
    ['/buffer', '1048576', (value) => `origin: http://legacy\nbuffer: ${value}`],
    ['/drain/delay', '1.5 s', (value) => `origin: http://legacy\ndrain: { delay: ${value} }`],
  ];
  const keys = new Map(keysIn(jsonSchema(), ''));
  for (const [key, text, file] of rows) {
    t.match(loadConfig({ text: file(`"${text}"`), flags: {}, env: {} }), { config: {} }, `${key} "${text}"`);
    t.ok(takesText(keys.get(key), text), `${key} "${text}"`);
  }
  t.end();
});

function keysIn(schema: unknown, path: string): [string, Readonly<Record<string, unknown>>][] {
  if (!isMapping(schema)) return [];
  const forms = Array.isArray(schema['anyOf']) ? schema['anyOf'] : [];
  const below = [...forms, schema['items']].flatMap((form) => keysIn(form, path));
  const properties = isMapping(schema['properties']) ? Object.entries(schema['properties']) : [];
  const here = properties.flatMap(([key, value]): [string, Readonly<Record<string, unknown>>][] =>
    isMapping(value) ? [[`${path}/${key}`, value], ...keysIn(value, `${path}/${key}`)] : [],
  );
  return [...here, ...below];
}

function takesText(schema: unknown, text: string): boolean {
  if (!isMapping(schema)) return false;
  if (Array.isArray(schema['anyOf'])) return schema['anyOf'].some((form) => takesText(form, text));
  return schema['type'] === 'string' && new RegExp(String(schema['pattern'])).test(text);
}
