// What must hold between the bytes of a client, the log of ifmatch, and what an origin executed.

import type { Answer } from './answers.ts';
import { type Reading, type StrictRequest, valuesOf } from './strict-reader.ts';
import { CURRENT, LONG_AGO } from './words.ts';

export type LogLine = Readonly<Record<string, unknown>>;
/** As the origin understood it; what it does not tell is left out. */
export type Executed = Omit<StrictRequest, 'content'> & { readonly content?: string };

/** What `mode: off` is for, in every way to spell it. */
const UNGUARDED = /^(?:\/|%2f|%5c)+page\.txt(?:\/|%2f|%5c|;|%3b)/i;

const TAG = '(?:W/)?"[\\x21\\x23-\\x7e\\x80-\\xff]*"';
const TAG_LIST = new RegExp(`^[\\t ,]*${TAG}(?:[\\t ]*,(?:[\\t ]*${TAG})?)*[\\t ]*$`);
const WITHOUT_CONTENT = ['GET', 'HEAD', 'OPTIONS'];
const SAFE = [...WITHOUT_CONTENT, 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY'];
/** Forwarded with writes as they are; for reads, ifmatch may ask in its own way. */
const CONDITIONAL = /^if-[^_]*:/i;
/** Made anew for each hop. */
const OF_THE_HOP = /^(?:host|connection|via|x-forwarded-\w+|content-length|transfer-encoding|max-forwards)$/i;
/** As it is asked for anew; no other protocol opens a tunnel. */
const TUNNEL = 'upgrade: websocket';

export const isWrite = ({ method }: { readonly method: string }): boolean => !SAFE.includes(method);

/** ifmatch asks for the current state by HEAD or GET, and adds this as the last field that is not the hop's. */
export function isProbe({ method, fields }: Executed): boolean {
  const last = linesOf(fields).at(-1);
  return (method === 'HEAD' || method === 'GET') && last === 'Cache-Control: no-cache';
}

/**
 * Executed requests that the client did not send, in its order, with its content and fields. A read, whose content means
 * nothing, need not be there to the end.
 */
export function notSent({ requests, begun }: Reading, executed: readonly Executed[]): string[] {
  const wrong: string[] = [];
  const sent =
    begun !== undefined && WITHOUT_CONTENT.includes(begun.method) ? [...requests, begun] : requests;
  let next = 0;
  for (const one of executed) {
    const at = sent.findIndex((request, i) => i >= next && isSame(request, one));
    if (at < 0) wrong.push(`executed, but never sent: ${JSON.stringify(one)}`);
    else next = at + 1;
  }
  return wrong;
}

function isSame(sent: StrictRequest, { method, target, content, fields }: Executed): boolean {
  if (sent.method !== method || originForm(sent.target) !== target) return false;
  const expected = WITHOUT_CONTENT.includes(method) ? '' : sent.content;
  if (content !== undefined && content !== expected) return false;
  // content in another coding than chunked cannot be forwarded
  if (valuesOf(sent, 'transfer-encoding').some((coding) => coding.toLowerCase() !== 'chunked')) return false;
  const [lines, got] = [linesOf(sent.fields), linesOf(fields)];
  const kept = lines.filter((line) => isWrite(sent) && CONDITIONAL.test(line));
  const own = (line: string) => !isWrite(sent) && CONDITIONAL.test(line);
  const tunnel = (line: string) =>
    line === TUNNEL && lines.some((sentLine) => sentLine.toLowerCase() === TUNNEL);
  return (
    fields.length === 0 ||
    (got.every((line) => lines.includes(line) || own(line) || tunnel(line)) &&
      kept.every((line) => got.includes(line)))
  );
}

function originForm(target: string): string {
  const path = target.replace(/^http:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}

function linesOf(fields: readonly string[]): string[] {
  return fields.flatMap((name, i) =>
    i % 2 === 0 && !OF_THE_HOP.test(name) ? `${name}: ${fields[i + 1]}` : [],
  );
}

/** Whether a write may be performed on a resource with the current entity-tag; read anew from its fields. */
function mayPerform(request: Pick<StrictRequest, 'fields'>): boolean {
  const match = valuesOf(request, 'if-match').join();
  const noneMatch = valuesOf(request, 'if-none-match').join();
  if (valuesOf(request, 'if-match').length > 0) {
    if (match !== '*' && !(TAG_LIST.test(match) && strongTags(match).includes(CURRENT))) return false;
  } else if (valuesOf(request, 'if-unmodified-since').join('|') === LONG_AGO) {
    return false;
  }
  if (valuesOf(request, 'if-none-match').length === 0) return true;
  return TAG_LIST.test(noneMatch) && !noneMatch.includes(CURRENT);
}

function strongTags(list: string): string[] {
  return list.match(new RegExp(TAG, 'g')) ?? [];
}

/** Differences between what the log says was sent, and what the origin got besides probes. */
export function unaccounted(log: readonly LogLine[], executed: readonly Executed[]): string[] {
  const left = executed.map(({ method, target }) => `${method} ${target.split('?')[0]}`);
  const wrong: string[] = [];
  for (const { method, path, plan, verdict, code, status, clientGone } of log) {
    if (plan === undefined || plan === 'malformed' || plan === 'demand') continue;
    if (plan === 'check' && verdict !== 'perform' && verdict !== 'ignored') continue;
    // a read is evaluated when it was executed, or given up; any other 4xx made here says that nothing was sent
    const givenUp = clientGone === true && !isWrite({ method: String(method) });
    if (plan !== 'read' && !givenUp && code !== undefined && Number(status) < 500) continue;
    const at = left.indexOf(`${method} ${path}`);
    if (at >= 0) left.splice(at, 1);
    else if (code === undefined && clientGone !== true && status !== 204)
      wrong.push(`logged, but not executed: ${method} ${path}`);
  }
  return [...wrong, ...left.map((line) => `executed, but not in the log: ${line}`)];
}

/**
 * Log lines of requests that were answered, and answers, that do not fit. Where bytes follow that ifmatch takes for no
 * request, the connection may be closed on an answer that is on its way.
 */
function unanswered(
  { requests, stop }: Reading,
  log: readonly LogLine[],
  answers: readonly Answer[],
): string[] {
  const left = answers.map(({ status }) => status);
  const closed = stop !== 'end' || log.length < requests.length;
  // a line without a status can stand for any refusal: it must not take the one that another line names
  const unnamed = ({ status }: LogLine): number => (status === undefined ? 1 : 0);
  const lines = log.toSorted((one, other) => unnamed(one) - unnamed(other));
  for (const { status, code, clientGone } of lines) {
    const at = status === undefined ? left.findIndex((s) => s >= 400) : left.indexOf(Number(status));
    if (at >= 0) left.splice(at, 1);
    else if (!closed && status !== undefined && clientGone !== true)
      return [`logged, but not answered: ${status} ${code}`];
  }
  return left.map((status) => `answered, but not in the log: ${status}`);
}

/** What the fuzzing saw of one connection. */
export interface SeenConnection {
  readonly reading: Reading;
  readonly answers: readonly Answer[];
  readonly log: readonly LogLine[];
  readonly executed: readonly Executed[];
}

/** All that must not be. */
export function wrongOf({ reading, answers, log, executed }: SeenConnection): string[] {
  const guarded = executed.filter((one) => isWrite(one) && !UNGUARDED.test(one.target));
  const forbidden = guarded.filter((one) => !mayPerform(one));
  return [
    ...unaccounted(log, executed),
    ...unanswered(reading, log, answers),
    ...notSent(reading, executed),
    ...forbidden.map((one) => `performed against its condition: ${JSON.stringify(one)}`),
  ];
}
