// What a connection tells whoever keeps it.
import type { OriginConnection } from './connection.ts';
import type { OriginExchange, OriginRequest } from './exchange.ts';

/** Who keeps connections. */
export interface Keeper {
  /** An exchange is over and the connection can carry the next one. */
  free(connection: OriginConnection): void;
  /** It carries nothing more. */
  gone(connection: OriginConnection): void;
  /** Bytes came that answer no request; behind the answer to a HEAD, or to another one. */
  stray(behindHead: boolean): void;
  /** The origin ended a connection that had been idle just as this went out on it: it is to be carried by a new one. */
  carryAnew(request: OriginRequest, exchange: OriginExchange, last: boolean): void;
}
