// What is most likely meant where a line is invalid YAML: the parser says what it met, not what to change.

/** Of a value that is written without quotes. */
const NEEDS_QUOTES = /(?:: +|- +)([[\]{}*&!|>%@`])/;

/**
 * What to change, or undefined. `message`: the parser's own; `line`: the line that it points at, and `column` (from 0) where
 * in it.
 */
export function yamlHint(message: string, line: string, column: number): string | undefined {
  if (message.startsWith('Tabs')) return 'indent with spaces';
  if (/^ *-[^\s-]/.test(line)) return 'write a space behind the "-"';
  // but for the URL that a line may begin with
  if (/^ *(?:- +)?[\w-]+:(?!\/\/)\S/.test(line)) return 'write a space behind the ":" of the key';
  const [, character] = NEEDS_QUOTES.exec(line) ?? [];
  if (character !== undefined) return `a value that begins with "${character}" needs quotes around it`;
  if (message.startsWith('Nested mappings'))
    return /:\s/.test(line.slice(column))
      ? 'a value with ": " in it needs quotes around it'
      : 'the line below is indented as if it were a part of this value';
  if (message.startsWith('Sequence item'))
    return 'check the indentation: the keys of an entry stand below its first key, behind the "- "';
  if (message.startsWith('All mapping items') || (message.startsWith('Unexpected') && isFirst(line, column)))
    return 'check the indentation: keys of one mapping begin in the same column';
  return undefined;
}

function isFirst(line: string, column: number): boolean {
  return line.slice(0, column).trim() === '';
}
