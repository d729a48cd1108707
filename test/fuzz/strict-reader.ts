// Reads requests as strictly as RFC 9112 allows, and shares no code with ifmatch or Node: the reference for both sides.

export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  /** Name, value, name, value; trailers excepted. */
  readonly fields: readonly string[];
  /** Transfer coding taken off. Latin-1, as everything here. */
  readonly content: string;
}

export interface Reading {
  readonly requests: readonly StrictRequest[];
  /** Bytes that the requests take up. */
  readonly used: number;
  /** Why it goes no further: nothing left, too little for a request, no request, or none may follow. */
  readonly stop: 'end' | 'incomplete' | 'malformed' | 'last';
  /** The request that is not whole, or not right, from some place of its content on. */
  readonly begun?: StrictRequest;
}

type Part<T> = (T & { readonly end: number }) | 'incomplete' | 'malformed';

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~\w]+) +([!-~\x80-\xff]+) +HTTP\/1\.([01])$/;
const FIELD_LINE = /^([!#$%&'*+\-.^_`|~\w]+):[\t ]*([\t -~\x80-\xff]*)$/;
const CHUNK_LINE = /^([0-9a-f]{1,16})[\t ]*(?:;[\t -~\x80-\xff]*)?$/i;

/** All requests from the beginning of a connection's bytes. */
export function readRequests(bytes: string): Reading {
  const requests: StrictRequest[] = [];
  for (let used = 0; ; ) {
    const at = afterEmptyLines(bytes, used);
    if (at === bytes.length) return { requests, used: at, stop: 'end' };
    const head = readHead(bytes, at);
    if (typeof head === 'string') return { requests, used, stop: head };
    const { request, minor, framing } = head;
    const content = readContent(bytes, head.end, framing);
    if (typeof content === 'string') return { requests, used, stop: content, begun: request };
    requests.push({ ...request, content: content.content });
    used = content.end;
    if (isLast(request, minor)) return { requests, used, stop: 'last' };
  }
}

/** Values of all field lines of that lower-case name. */
export function valuesOf({ fields }: Pick<StrictRequest, 'fields'>, name: string): string[] {
  return fields.filter((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === name);
}

/** RFC 9112 2.2: empty lines before a request line are ignored, and may end with LF alone. */
function afterEmptyLines(bytes: string, from: number): number {
  let at = from;
  while (bytes[at] === '\r' || bytes[at] === '\n') at += 1;
  return at;
}

/** `framing`: the content's length, or that it comes in chunks. */
type Head = { readonly request: StrictRequest; readonly minor: string; readonly framing: number | 'chunked' };

function readHead(bytes: string, at: number): Part<Head> {
  const cut = bytes.indexOf('\r\n\r\n', at);
  if (cut < 0) return 'incomplete';
  const [line = '', ...lines] = bytes.slice(at, cut).split('\r\n');
  const [, method, target = '', minor = ''] = REQUEST_LINE.exec(line) ?? [];
  const fields = readFields(lines);
  if (method === undefined || fields === undefined) return 'malformed';
  const request = { method, target, fields, content: '' };
  const framing = framingOf(request, minor);
  return framing === undefined ? 'malformed' : { request, minor, framing, end: cut + 4 };
}

function isLast(request: StrictRequest, minor: string): boolean {
  const options = valuesOf(request, 'connection').join().toLowerCase();
  return minor === '0' ? !options.includes('keep-alive') : /(^|,)[\t ]*close[\t ]*(,|$)/.test(options);
}

function readFields(lines: readonly string[]): string[] | undefined {
  const fields: string[] = [];
  for (const line of lines) {
    const [, name, value = ''] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined) return undefined;
    fields.push(name, value.replace(/[\t ]+$/, ''));
  }
  return fields;
}

/** RFC 9112 6.3; what leaves a choice is a fault here. Chunked has to be the last coding. */
function framingOf(request: StrictRequest, minor: string): Head['framing'] | undefined {
  const codings = valuesOf(request, 'transfer-encoding');
  const [length = '0', ...more] = valuesOf(request, 'content-length');
  if (codings.length === 0)
    return more.length === 0 && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  const alone = codings.length === 1 && valuesOf(request, 'content-length').length === 0;
  const final = codings
    .join()
    .toLowerCase()
    .split(/[\t ]*,[\t ]*/);
  return alone && minor === '1' && final.indexOf('chunked') === final.length - 1 ? 'chunked' : undefined;
}

function readContent(bytes: string, at: number, framing: Head['framing']): Part<{ content: string }> {
  if (framing === 'chunked') return readChunks(bytes, at);
  const end = at + framing;
  return end > bytes.length ? 'incomplete' : { content: bytes.slice(at, end), end };
}

function readChunks(bytes: string, from: number): Part<{ content: string }> {
  let content = '';
  for (let at = from; ; ) {
    const eol = bytes.indexOf('\r\n', at);
    if (eol < 0) return 'incomplete';
    const [, digits] = CHUNK_LINE.exec(bytes.slice(at, eol)) ?? [];
    if (digits === undefined) return 'malformed';
    const size = Number.parseInt(digits, 16);
    const start = eol + 2;
    if (size === 0) return readTrailers(bytes, start, content);
    if (start + size + 2 > bytes.length) return 'incomplete';
    if (bytes.slice(start + size, start + size + 2) !== '\r\n') return 'malformed';
    content += bytes.slice(start, start + size);
    at = start + size + 2;
  }
}

function readTrailers(bytes: string, from: number, content: string): Part<{ content: string }> {
  for (let at = from; ; ) {
    const eol = bytes.indexOf('\r\n', at);
    if (eol < 0) return 'incomplete';
    if (eol === at) return { content, end: eol + 2 };
    if (!FIELD_LINE.test(bytes.slice(at, eol))) return 'malformed';
    at = eol + 2;
  }
}
