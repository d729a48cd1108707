// The current representation of a target, whole or not at all.
import type { CancelSignal } from '../cancel-signal.ts';
import type { OriginClient } from './client.ts';
import type { OriginExchange } from './exchange.ts';

export interface FetchRequest {
  readonly target: string;
  readonly fields: readonly string[];
  readonly timeoutMs: number;
  /** Most bytes of content. */
  readonly limit: number;
  readonly clientGone: CancelSignal;
}

export interface CurrentRepresentation {
  readonly fields: readonly string[];
  readonly content: Buffer;
}

/** A GET; undefined when the answer is not a 200, not complete, too large or too late. Never rejects. */
export async function fetchRepresentation(
  origin: OriginClient,
  request: FetchRequest,
): Promise<CurrentRepresentation | undefined> {
  const { exchange } = origin.send(
    { method: 'GET', target: request.target, fields: request.fields },
    { lane: 'open', deadlines: { total: request.timeoutMs }, lead: 0, cancelBy: request.clientGone },
  );
  try {
    const head = await exchange.head;
    if (head.status !== 200) {
      exchange.cancel();
      return undefined;
    }
    const content = await collect(exchange, request.limit);
    return content === undefined ? undefined : { fields: head.fields, content };
  } catch {
    return undefined; // the caller has a plain answer that needs no representation
  }
}

function collect(exchange: OriginExchange, limit: number): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  exchange.content.attach({
    write(chunk) {
      bytes += chunk.length;
      if (bytes > limit) exchange.cancel();
      else chunks.push(chunk);
      return true;
    },
    end: () => resolve(Buffer.concat(chunks)),
    cut: () => resolve(undefined),
  });
  return promise;
}
