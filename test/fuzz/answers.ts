// Sends a case and reads the answers as strictly as they have to be made; knows what no answer may say.

import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Case } from './requests.ts';
import type { Reading } from './strict-reader.ts';

export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly content: string;
}

/** How long a client waits for an answer that may not come, milliseconds. */
const PATIENCE = 200;

const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [\t -~\x80-\xff]*$/;
const FINAL_HEAD = /HTTP\/1\.1 [2-5]\d\d /g;
const FIELD_LINE = /^[!#$%&'*+\-.^_`|~\w]+:[\t ]*[\t -~\x80-\xff]*$/;
/** Addresses, stacks, and the codes of Fastify, undici, llhttp and Node. */
const INTERNAL =
  /127\.0\.0\.1|localhost|node_modules|\.ts:\d|\bat .+:\d+:\d+|FST_|UND_ERR_|HPE_|ERR_[A-Z]|ECONN|EPIPE/;

/**
 * Sends the case on a connection of its own; resolves with all that came back when both sides have ended. `reading` of its
 * bytes says how many answers a client that ends its side later waits for.
 */
export async function deliver(port: number, { bytes, cuts, end }: Case, reading: Reading): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    received += text;
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const segment of segmentsOf(bytes, cuts)) {
    if (socket.readableEnded || socket.destroyed) break;
    socket.write(segment, 'latin1');
    await turn();
  }
  const expected = reading.requests.length + (reading.stop === 'malformed' ? 1 : 0);
  const waits = (): boolean => !socket.destroyed && (received.match(FINAL_HEAD) ?? []).length < expected;
  for (let waited = 0; end === 'later' && waited < PATIENCE && waits(); waited += 2) await sleep(2);
  socket.end();
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

function segmentsOf(bytes: string, cuts: Case['cuts']): string[] {
  if (cuts === 'each') return [...bytes];
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.map((place, i) => bytes.slice(place, places[i + 1])).filter((segment) => segment !== '');
}

/**
 * The final answers. A string says what is wrong. `methods` of the requests say which answers have no content; a refusal
 * of what is no valid request may have some or not, because the method does not count then, and is the last.
 */
export function readAnswers(received: string, methods: readonly string[]): Answer[] | string {
  const answers: Answer[] = [];
  for (let at = 0; at < received.length; ) {
    const cut = received.indexOf('\r\n\r\n', at);
    if (cut < 0) return `half a head: ${received.slice(at)}`;
    const head = received.slice(at, cut);
    const [line = '', ...lines] = head.split('\r\n');
    const status = Number(STATUS_LINE.exec(line)?.[1] ?? 0);
    if (status === 0 || lines.some((field) => !FIELD_LINE.test(field))) return `no head of HTTP/1.1: ${head}`;
    at = cut + 4;
    if (status === 100) continue;
    const { [answers.length]: method = 'unknown' } = methods;
    const refused = status >= 400 && lines.includes('Connection: close');
    const bare = method === 'HEAD' || status === 204 || status === 304;
    const length = lengthOf(lines, status);
    const end = at + (bare || (refused && at === received.length) ? 0 : length);
    const lastEnd = refused && method === 'HEAD' ? received.length : end;
    if (!(end <= received.length))
      return `wrong framing or too little content: ${received.slice(at - head.length)}`;
    answers.push({ status, head, content: received.slice(at, end) });
    at = lastEnd;
  }
  const leak = INTERNAL.exec(received);
  return leak === null ? answers : `internal text: ${leak[0]}`;
}

/** NaN for what is not framed by one Content-Length: nothing that is asked for here is answered in chunks. */
function lengthOf(lines: readonly string[], status: number): number {
  const lengths = lines.flatMap((line) => /^content-length:[\t ]*(.*)$/i.exec(line)?.[1] ?? []);
  if (status === 204 || status === 304) return 0;
  const chunked = lines.some((line) => /^transfer-encoding:/i.test(line));
  return lengths.length === 1 && !chunked && /^\d+$/.test(lengths.join())
    ? Number(lengths.join())
    : Number.NaN;
}
