// What the requests of one configuration share.
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Tools } from '../guard/exchange.ts';
import type { Resources } from '../route/resource.ts';
import type { RouteTable } from '../route/route-table.ts';
import type { Log } from './log.ts';

export interface Gateway {
  readonly table: RouteTable;
  readonly resources: Resources;
  readonly tools: Tools;
  readonly limits: Config['limits'];
  readonly isTrusted: (address: string) => boolean;
  /** How this instance calls itself in Via: a pseudonym (RFC 9110 7.6.3), by which a loop is seen. */
  readonly via: string;
  readonly log: Log;
  /** The wall clock, milliseconds since the epoch. */
  readonly now: () => number;
}

/** A new pseudonym for Via: nobody else can have it. */
export function newPseudonym(): string {
  return `ifmatch-${randomBytes(4).toString('hex')}`;
}
