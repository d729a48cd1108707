// Text -> values with their places: the only file that knows YAML syntax, and what of it is refused.
import { Composer, type CST, type Document, type ErrorCode, Lexer, type ParsedNode, Parser } from 'yaml';
import type { Environment } from './environment.ts';
import { type Fault, formatPath, type Path, type Place, placesIn, wholeOf } from './fault.ts';
import { type Finding, type Plain, pathKey, plainOf } from './plain.ts';

/** The place of a key or of its value; of the nearest mapping around it when the file does not have that key. */
export type Locate = (path: Path, part: 'key' | 'value') => Place;

export interface Reading {
  /** Undefined when the text has no values that could be looked at further. */
  readonly value: unknown;
  readonly faults: readonly Fault[];
  readonly locate: Locate;
}

/** Characters (octets, for a file) of a configuration: a thousand routes are a tenth of it. */
export const LARGEST_FILE = 1024 * 1024;

const DEEPEST_NESTING = 32;
const REFUSED = /[^\P{Cc}\t\n\r]|\ufeff/u;

/**
 * Reads one YAML 1.2 document. Errors and warnings of the parser are faults, and so are several documents, anchors,
 * aliases, duplicate keys, nesting beyond 32, control characters and an empty document.
 */
export function readYaml(file: string, text: string, environment: Environment): Reading {
  const place = placesIn(file, text);
  const failed = (findings: readonly Finding[]): Reading => ({
    value: undefined,
    faults: findings.map((finding) => toFault(finding, place)),
    locate: () => wholeOf(file),
  });
  const unreadable = textFinding(text);
  if (unreadable !== undefined) return failed([unreadable]);
  const tokens = tokensOf(text);
  if ('message' in tokens) return failed([tokens]);
  const composer = new Composer({
    uniqueKeys: false,
    stringKeys: true,
    resolveKnownTags: false,
    prettyErrors: false,
  });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) return failed([EMPTY]);
  const broken = syntaxFindings(document, second, text);
  if (broken.length > 0) return failed(broken);
  if (document.contents === null || isBlank(document.contents)) return failed([EMPTY]);
  const plain = plainOf(document.contents, environment);
  const faults = plain.findings.map((finding) => toFault(finding, place));
  return { value: plain.value, faults, locate: locator(plain, place) };
}

const EMPTY = at(0, 'the file is empty: it needs at least "origin: http://host:port"');

function at(offset: number, message: string): Finding {
  return { path: [], offset, message };
}

function toFault(finding: Finding, place: (offset: number) => Place): Fault {
  const path = formatPath(finding.path);
  const subject = path === '' ? '' : `${path}: `;
  return { ...place(finding.offset), path, message: `${subject}${finding.message}` };
}

function textFinding(text: string): Finding | undefined {
  if (text.length > LARGEST_FILE) return at(0, 'the file is larger than 1 MiB');
  const offset = text.search(REFUSED);
  if (offset === -1) return undefined;
  const code = text.charCodeAt(offset).toString(16).toUpperCase().padStart(4, '0');
  if (code === 'FEFF' && offset === 0)
    return at(0, 'the file starts with a byte order mark: save it as UTF-8 without one');
  const hint = code === '0000' ? ' (is the file UTF-16? save it as UTF-8)' : '';
  return at(offset, `character U+${code} is not allowed${hint}`);
}

// Token by token, so that deep nesting ends here and not in an exhausted call stack of the composer.
function tokensOf(text: string): CST.Token[] | Finding {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > DEEPEST_NESTING) return at(parser.offset - lexeme.length, 'nested too deeply');
  }
  tokens.push(...parser.end());
  return tokens;
}

function syntaxFindings(
  document: Document.Parsed,
  second: Document.Parsed | undefined,
  text: string,
): Finding[] {
  const findings = [...document.errors, ...document.warnings].map(({ code, message, pos }) =>
    at(pos[0], reasonOf(code, message)),
  );
  if (document.directives.yaml.version !== '1.2') findings.push(at(0, 'only YAML 1.2 is read'));
  if (second !== undefined)
    findings.push(at(second.range[0], 'a second document starts here; only one is read'));
  findings.sort((a, b) => a.offset - b.offset);
  return firstOfLines(findings, text).map((finding) => withQuotingHint(finding, text));
}

/** What follows the first fault of a line is mostly its echo. */
function firstOfLines(findings: readonly Finding[], text: string): Finding[] {
  let lineEnd = -1;
  return findings.filter(({ offset }) => {
    if (offset <= lineEnd) return false;
    const end = text.indexOf('\n', offset);
    lineEnd = end === -1 ? text.length : end;
    return true;
  });
}

function reasonOf(code: ErrorCode, message: string): string {
  if (code === 'TAG_RESOLVE_FAILED') return `tags are not supported: ${message}`;
  if (code === 'NON_STRING_KEY') return 'a key must be plain text';
  return `invalid YAML: ${message}`;
}

function withQuotingHint(finding: Finding, text: string): Finding {
  const end = text.indexOf('\n', finding.offset);
  const line = text.slice(text.lastIndexOf('\n', finding.offset - 1) + 1, end === -1 ? undefined : end);
  if (!line.includes('${')) return finding;
  const hint = `; a \${NAME} inside { } or with ": " in it needs quotes around it`;
  return { ...finding, message: finding.message + hint };
}

function isBlank(node: ParsedNode): boolean {
  return 'value' in node && node.value === null;
}

function locator({ offsets }: Plain, place: (offset: number) => Place): Locate {
  return (path, part) => {
    for (let length = path.length; length > 0; length--) {
      const found = offsets.get(pathKey(path.slice(0, length)));
      if (found !== undefined) return place(length === path.length ? found[part] : found.value);
    }
    return place(offsets.get(pathKey([]))?.value ?? 0);
  };
}
