// A write with a condition: lock, probe, evaluate, forward or refuse, release (RFC 9110 13.2).
import { Readable } from 'node:stream';
import { type Held, withLeases } from '../lock/lock.ts';
import type { Content } from '../origin/exchange.ts';
import { decide, type Refusal } from './decide.ts';
import type { Answer, Exchange, Tools } from './exchange.ts';
import { letGo, performSafe, performWrite } from './perform.ts';
import { refuseExchange } from './refuse.ts';
import { representationWanted, withRepresentation } from './representation-wanted.ts';

/** An answer, or the refusal that becomes one when nothing is held any more. */
type Checked = { readonly answer: Answer } | { readonly refusal: Refusal };

/** Under the lock from the probe to the end of the origin's answer. */
export async function checkFirst(exchange: Exchange, tools: Tools): Promise<Answer> {
  const ready = await readyContent(exchange, tools);
  if ('refusal' in ready) return refused(exchange, tools, ready.refusal);
  const { content } = ready;
  const started = performance.now();
  try {
    const checked = await withLeases(
      tools.lock,
      exchange.keys,
      { waitMs: tools.waitMs, signal: exchange.clientGone },
      async (leases): Promise<Held<Checked>> => {
        exchange.outcome.lockMs = performance.now() - started;
        const refusal = await decide(exchange, tools);
        if (refusal !== undefined) return { value: { refusal }, settled: Promise.resolve({ kind: 'known' }) };
        const { value, settled } = await performWrite(exchange, content, tools, leases);
        return { value: { answer: value }, settled };
      },
    );
    if ('answer' in checked) return checked.answer;
    letGo(content);
    return refused(exchange, tools, checked.refusal);
  } catch (error) {
    letGo(content);
    throw error;
  }
}

/** Safe methods other than GET and HEAD (PROPFIND, REPORT, SEARCH, QUERY): the same without the lock. */
export async function checkUnlocked(exchange: Exchange, tools: Tools): Promise<Answer> {
  const ready = await readyContent(exchange, tools);
  if ('refusal' in ready) return refused(exchange, tools, ready.refusal);
  const refusal = await decide(exchange, tools);
  if (refusal === undefined) return performSafe(exchange, ready.content, tools);
  letGo(ready.content);
  return refused(exchange, tools, refusal);
}

/**
 * Slow content must not hold the lock, so it is read before. What the client withholds, and what is too large to be
 * read before, gets a first verdict without the lock: a stale upload is refused before it is sent (RFC 9110 10.1.1).
 */
async function readyContent(
  exchange: Exchange,
  tools: Tools,
): Promise<{ readonly content: Content } | { readonly refusal: Refusal }> {
  const { content } = exchange;
  const announcedLarge = content.length !== undefined && content.length > tools.buffer;
  const early = content.withheld || announcedLarge;
  const first = early ? await decideFirst(exchange, tools) : undefined;
  if (first !== undefined) return { refusal: first };
  const read = await content.read(tools.buffer);
  if (early || !(read instanceof Readable)) return { content: read };
  const second = await decideFirst(exchange, tools);
  if (second === undefined) return { content: read };
  letGo(read);
  return { refusal: second };
}

/** A first verdict counts where it refuses. Otherwise the one to come does, and nothing of this one is noted. */
async function decideFirst(exchange: Exchange, tools: Tools): Promise<Refusal | undefined> {
  const refusal = await decide(exchange, tools);
  if (refusal !== undefined) return refusal;
  const { outcome } = exchange;
  delete outcome.verdict;
  delete outcome.dateOnly;
  delete outcome.unguarded;
  return undefined;
}

function refused(exchange: Exchange, tools: Tools, refusal: Refusal): Answer | Promise<Answer> {
  const plain = refuseExchange(exchange, refusal.error, refusal.context);
  const wanted = refusal.error.code === 'precondition-failed' && representationWanted(exchange.fields);
  return wanted ? withRepresentation(exchange, tools, plain) : plain;
}
