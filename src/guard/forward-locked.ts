// A write without a condition: lock, forward, release, so that it cannot slip between another client's check and write.
import { withLeases } from '../lock/lock.ts';
import type { Answer, Exchange, Tools } from './exchange.ts';
import { letGo, performWrite } from './perform.ts';

export async function forwardLocked(exchange: Exchange, tools: Tools): Promise<Answer> {
  // a date that is none has to be ignored (RFC 9110 13.1.4), but not in silence
  if (exchange.preconditions.ifUnmodifiedSince === 'unusable') exchange.outcome.verdict = 'ignored';
  const content = await exchange.content.read(tools.buffer);
  const started = performance.now();
  const options = { waitMs: tools.waitMs, signal: exchange.clientGone };
  try {
    return await withLeases(tools.lock, exchange.keys, options, (leases) => {
      exchange.outcome.lockMs = performance.now() - started;
      return performWrite(exchange, content, tools, leases);
    });
  } catch (error) {
    letGo(content);
    throw error;
  }
}
