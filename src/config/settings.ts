// Plain values -> settings by the schema, and what is wrong with each key, in words.
import type { z } from 'zod';
import { formatPath, type Path } from './fault.ts';
import { MOST_ROUTES, routeSchema } from './route-schema.ts';
import { jsonSchema, type Settings, settingsSchema } from './schema.ts';
import { alternatives, didYouMean, kindOf, quote } from './wording.ts';

/** Something wrong at a key, not yet at a place. */
export interface Issue {
  readonly path: Path;
  /** Whether the key itself or its value is to be pointed at. */
  readonly part: 'key' | 'value';
  readonly message: string;
}

/** Of one mapping. After these it is some other file. */
const MOST_UNKNOWN_KEYS = 200;

export type RouteSettings = z.output<typeof routeSchema>;

/** The settings that could be read; the rest is undefined. So rules across keys run although other keys are wrong. */
export type Draft = { readonly [Key in Exclude<keyof Settings, 'routes'>]?: Settings[Key] | undefined } & {
  readonly routes: readonly (RouteSettings | undefined)[];
};

export interface Read {
  /** All of the settings, when there are no issues. */
  readonly settings: Settings | undefined;
  readonly draft: Draft;
  readonly issues: readonly Issue[];
}

export function readSettings(value: unknown): Read {
  const { data, error } = settingsSchema.safeParse(value, { reportInput: true });
  if (data !== undefined) return { settings: data, draft: data, issues: [] };
  const known = knownKeys(jsonSchema());
  const issues = (error?.issues ?? []).flatMap((issue) => issuesOf(issue, [], known));
  return { settings: undefined, draft: draftOf(pruned(value, issues)), issues };
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A copy without the keys that have issues, so that one wrong key of a mapping does not hide the others. */
function pruned(value: unknown, issues: readonly Issue[]): unknown {
  const copy: unknown = structuredClone(value);
  for (const { path } of issues) {
    let node = copy;
    for (const key of path.slice(0, -1)) node = isContainer(node) ? Reflect.get(node, key) : undefined;
    const last = path.at(-1);
    // An element of a list stays, or those after it would have other indices.
    if (isMapping(node) && last !== undefined) Reflect.deleteProperty(node, last);
  }
  return copy;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function draftOf(raw: unknown): Draft {
  const { shape } = settingsSchema;
  const { listen, admin, origin, lock, workers, buffer, limits, routes } = isMapping(raw) ? raw : {};
  return {
    listen: shape.listen.safeParse(listen).data,
    admin: shape.admin.safeParse(admin).data,
    origin: shape.origin.safeParse(origin).data,
    lock: shape.lock.safeParse(lock).data,
    workers: shape.workers.safeParse(workers).data,
    buffer: shape.buffer.safeParse(buffer).data,
    limits: shape.limits.safeParse(limits).data,
    routes: listOf(routes).map((route) => routeSchema.safeParse(route).data),
  };
}

function listOf(routes: unknown): readonly unknown[] {
  return Array.isArray(routes) ? routes.slice(0, MOST_ROUTES) : [];
}

/** zod's issue in our words; of a union, the issues of the form that was meant. */
function issuesOf(issue: z.core.$ZodIssue, parent: Path, known: KnownKeys): Issue[] {
  const path = [...parent, ...issue.path];
  const subject = formatPath(path) || 'the file';
  const value = (message: string): Issue[] => [{ path, part: 'value', message: `${subject} ${message}` }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, MOST_UNKNOWN_KEYS).map((key) => unknownKey(key, path, known));
    case 'invalid_union': {
      const meant = isMapping(issue.input) ? issue.errors.at(-1) : issue.errors[0];
      return (meant ?? []).flatMap((inner) => issuesOf(inner, path, known));
    }
    case 'invalid_type': {
      const wanted = issue.expected === 'array' ? 'a list' : 'a mapping of keys to values';
      if (isMissingSpace(issue.input))
        return value(`must be ${wanted}, not ${quote(issue.input)}: write a space behind the ":" of the key`);
      const form =
        issue.expected === 'array'
          ? '[a, b], or "- " before each entry'
          : keysAt(path, known.schema).join(', ');
      if (issue.input === null) return value(`is empty: write ${wanted} (${form}), or remove the key`);
      return value(`must be ${wanted} (${form}), not ${kindOf(issue.input)}`);
    }
    case 'too_big':
      return value(`must have at most ${issue.maximum} entries`);
    default:
      return value(issue.message);
  }
}

/** `path:/a` is text, not a key with a value. */
function isMissingSpace(input: unknown): input is string {
  return typeof input === 'string' && /^[\w-]+:\S/.test(input);
}

function unknownKey(key: string, parent: Path, known: KnownKeys): Issue {
  const path = [...parent, key];
  if (key === '<<')
    return { path, part: 'key', message: 'merge keys (<<) are not supported: write the keys out' };
  const where = parent.length === 0 ? '' : ` in ${formatPath(parent)}`;
  return { path, part: 'key', message: `unknown key ${quote(key)}${where}${hintFor(key, parent, known)}` };
}

function hintFor(key: string, parent: Path, { schema, homes }: KnownKeys): string {
  const elsewhere = homes.get(key);
  const plural = homes.get(`${key}s`);
  if (elsewhere !== undefined)
    return `; it belongs ${alternatives(elsewhere)}${plural === undefined ? '' : `, and ${quote(`${key}s`)} ${alternatives(plural)}`}`;
  const here = keysAt(parent, schema);
  return didYouMean(key, here) || `; the keys here are ${alternatives(here).replace(' or ', ' and ')}`;
}

interface KnownKeys {
  /** The JSON schema of the file. */
  readonly schema: unknown;
  /** By key, where it may stand, in words: 'under origin.timeouts', 'in a route', 'at the top level'. */
  readonly homes: ReadonlyMap<string, readonly string[]>;
}

function knownKeys(schema: unknown): KnownKeys {
  const homes = new Map<string, string[]>();
  collectHomes(schema, [], homes);
  return { schema, homes };
}

function collectHomes(schema: unknown, path: Path, homes: Map<string, string[]>): void {
  for (const { items, properties } of formsOf(schema)) {
    if (items !== undefined) collectHomes(items, [...path, 0], homes);
    for (const [key, value] of isMapping(properties) ? Object.entries(properties) : []) {
      homes.set(key, [...(homes.get(key) ?? []), inWords(path)]);
      collectHomes(value, [...path, key], homes);
    }
  }
}

function inWords(path: Path): string {
  if (path.length === 0) return 'at the top level';
  return path[0] === 'routes' ? 'in a route' : `under ${formatPath(path)}`;
}

/** The keys that the mapping at `path` may have. */
function keysAt(path: Path, schema: unknown): string[] {
  let forms = formsOf(schema);
  for (const key of path) {
    forms = forms.flatMap((form) => {
      const { items, properties } = form;
      if (typeof key === 'number') return formsOf(items);
      return isMapping(properties) ? formsOf(properties[String(key)]) : [];
    });
  }
  return forms.flatMap(({ properties }) => (isMapping(properties) ? Object.keys(properties) : []));
}

/** A value that may be text or a mapping has both for its forms. */
function formsOf(schema: unknown): Readonly<Record<string, unknown>>[] {
  if (!isMapping(schema)) return [];
  const { anyOf } = schema;
  return [schema, ...(Array.isArray(anyOf) ? anyOf.filter(isMapping) : [])];
}
