// Text -> values with their places: the only file that knows YAML syntax, and what of it is refused.
import { Composer, type CST, type Document, type ErrorCode, Lexer, type ParsedNode, Parser } from 'yaml';
import type { Environment } from './environment.ts';
import { type Fault, formatPath, type Path, type Place, placesIn, wholeOf } from './fault.ts';
import { type Finding, type Plain, pathKey, plainOf } from './plain.ts';
import { yamlHint } from './yaml-hints.ts';

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
  const read = tokensOf(text);
  if ('message' in read) return failed([read]);
  const composer = new Composer({
    uniqueKeys: false,
    stringKeys: true,
    resolveKnownTags: false,
    prettyErrors: false,
  });
  const [document, second] = composer.compose(read.tokens, true, text.length);
  if (document === undefined) return failed([EMPTY]);
  const broken = syntaxFindings(document, second, text, read.openQuote);
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

interface Tokens {
  readonly tokens: readonly CST.Token[];
  /** Where a quote begins that nothing closes: the parser points at the end of the file. */
  readonly openQuote: number | undefined;
}

// Token by token, so that deep nesting ends here and not in an exhausted call stack of the composer.
function tokensOf(text: string): Tokens | Finding {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let openQuote: number | undefined;
  let before = '';
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    const start = parser.offset - lexeme.length;
    if (parser.stack.length > DEEPEST_NESTING) return at(start, 'nested too deeply');
    if (before !== PLAIN_SCALAR && isUnclosed(lexeme)) openQuote ??= start;
    before = lexeme;
  }
  tokens.push(...parser.end());
  return { tokens, openQuote };
}

/** Comes before the text of a scalar that is not quoted. */
const PLAIN_SCALAR = '\u001f';

function isUnclosed(lexeme: string): boolean {
  return /^["']/.test(lexeme) && (lexeme.length === 1 || lexeme.at(-1) !== lexeme.at(0));
}

function syntaxFindings(
  document: Document.Parsed,
  second: Document.Parsed | undefined,
  text: string,
  openQuote: number | undefined,
): Finding[] {
  const findings = [...document.errors, ...document.warnings].map(({ code, message, pos }) =>
    openQuote !== undefined && message.startsWith('Missing closing')
      ? at(openQuote, 'the quote that begins here is not closed')
      : at(pos[0], reasonOf(code, message)),
  );
  if (document.directives.yaml.version !== '1.2') findings.push(at(0, 'only YAML 1.2 is read'));
  if (second !== undefined)
    findings.push(at(second.range[0], 'a second document starts here; only one is read'));
  findings.sort((a, b) => a.offset - b.offset);
  return firstOfLines(findings, text).map((finding) => withHint(finding, text));
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

const INVALID = 'invalid YAML: ';

function reasonOf(code: ErrorCode, message: string): string {
  if (code === 'TAG_RESOLVE_FAILED') return `tags are not supported: ${message}`;
  if (code === 'NON_STRING_KEY') return 'a key must be plain text';
  return `${INVALID}${message}`;
}

function withHint(finding: Finding, text: string): Finding {
  const { message, offset } = finding;
  const end = text.indexOf('\n', offset);
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const line = text.slice(start, end === -1 ? undefined : end);
  const hint = line.includes('${')
    ? `a \${NAME} inside { } or with ": " in it needs quotes around it`
    : message.startsWith(INVALID) && yamlHint(message.slice(INVALID.length), line, offset - start);
  return hint ? { ...finding, message: `${message}; ${hint}` } : finding;
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
