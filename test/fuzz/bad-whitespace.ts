// Takes out of an answer the whitespace that RFC 9112 has its recipient put up with (5.1, 7.1.1): Node refuses it, and is to
// read the rest. What else is wrong with the answer stays.

const NAME_BEFORE_COLON = /^([!#$%&'*+\-.^_`|~\w]+)[\t ]+:/gm;
const AROUND_DELIMITERS = /"(?:[^"\\]|\\.)*"|[\t ]*([;=])[\t ]*|[\t ]+$/g;
const LINE_END = '\r\n';

/** Latin-1. */
export function withoutBadWhitespace(bytes: string): string {
  const end = endOfHeads(bytes);
  const head = bytes.slice(0, end).replace(NAME_BEFORE_COLON, '$1:');
  const rest = bytes.slice(end);
  return head + (/^transfer-encoding:[\t ]*chunked/im.test(head) ? chunksWithout(rest) : rest);
}

/** Behind the head of the final answer. */
function endOfHeads(bytes: string): number {
  let at = 0;
  for (let status = 100; status < 200; ) {
    const end = bytes.indexOf(LINE_END + LINE_END, at);
    if (end === -1) return bytes.length;
    status = Number(bytes.slice(at + 9, at + 12));
    at = end + 4;
  }
  return at;
}

function chunksWithout(bytes: string): string {
  let kept = '';
  for (let at = 0; ; ) {
    const end = bytes.indexOf(LINE_END, at);
    if (end === -1) return kept + bytes.slice(at);
    const line = bytes.slice(at, end);
    const behind = end + LINE_END.length;
    const next = behind + Number.parseInt(line, 16) + LINE_END.length;
    kept += line.replace(AROUND_DELIMITERS, (found, delimiter = '') =>
      found[0] === '"' ? found : delimiter,
    );
    if (!(next > behind + LINE_END.length)) return kept + bytes.slice(end).replace(NAME_BEFORE_COLON, '$1:');
    kept += bytes.slice(end, next);
    at = next;
  }
}
