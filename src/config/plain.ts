// A YAML tree as plain values: environment filled in, the offset of every key kept, what is not a tree refused.
import { isAlias, isMap, isScalar, isSeq, type Pair, type ParsedNode } from 'yaml';
import { type Environment, fillIn } from './environment.ts';
import type { Path } from './fault.ts';
import { quote } from './wording.ts';

/** Something wrong at an offset of the text. */
export interface Finding {
  readonly path: Path;
  readonly offset: number;
  readonly message: string;
}

export interface Plain {
  /** Mappings have no prototype, so that __proto__ is a key like any other. What has a finding is undefined. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** Where keys and values begin, by JSON of their path. */
  readonly offsets: ReadonlyMap<string, Offsets>;
}

export interface Offsets {
  readonly key: number;
  readonly value: number;
}

const MOST_FINDINGS = 1000;

interface Walk {
  readonly environment: Environment;
  readonly findings: Finding[];
  readonly offsets: Map<string, Offsets>;
}

/** The tree must be of bounded depth. Aliases are refused instead of followed, so nothing here grows beyond the text. */
export function plainOf(root: ParsedNode, environment: Environment): Plain {
  const walk: Walk = { environment, findings: [], offsets: new Map() };
  walk.offsets.set(pathKey([]), { key: root.range[0], value: root.range[0] });
  const value = plainValue(root, [], walk);
  return { value, findings: walk.findings, offsets: walk.offsets };
}

export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

function plainValue(node: ParsedNode, path: Path, walk: Walk): unknown {
  const find = (message: string): undefined => {
    report(walk, { path, offset: node.range[0], message });
  };
  if (isAlias(node))
    return find('aliases (*name) are not supported: write the value out, or in quotes where a "*" is meant');
  if (node.anchor !== undefined)
    return find('anchors (&name) are not supported: write the value out, or in quotes where a "&" is meant');
  if (isMap(node)) return mappingOf(node.items, path, walk);
  if (isSeq(node)) return node.items.map((item, index) => elementOf(item, [...path, index], walk));
  if (!isScalar(node) || typeof node.value !== 'string') return node.value;
  const filled = fillIn(node.value, walk.environment);
  return 'value' in filled ? filled.value : find(filled.fault);
}

function elementOf(node: ParsedNode, path: Path, walk: Walk): unknown {
  walk.offsets.set(pathKey(path), { key: node.range[0], value: node.range[0] });
  return plainValue(node, path, walk);
}

function mappingOf(pairs: readonly Pair<ParsedNode, ParsedNode | null>[], path: Path, walk: Walk): unknown {
  const mapping: Record<string, unknown> = Object.create(null);
  for (const { key, value } of pairs) {
    const name = isScalar(key) ? String(key.value) : '';
    const here = [...path, name];
    const offset = key.range[0];
    const empty = value === null || (isScalar(value) && value.value === null);
    if (name in mapping) {
      report(walk, { path: here, offset, message: `duplicate key ${quote(name)}` });
      continue;
    }
    walk.offsets.set(pathKey(here), { key: offset, value: empty ? offset : value.range[0] });
    mapping[name] = value === null ? null : plainValue(value, here, walk);
  }
  return mapping;
}

/** More findings than anybody reads are not kept: there could be one for every third character. */
function report({ findings }: Walk, finding: Finding): void {
  if (findings.length < MOST_FINDINGS) findings.push(finding);
}
