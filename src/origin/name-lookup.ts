// The addresses of the origin's name, asked for once for all connections that wait for them.
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Told = Parameters<LookupFunction>[2];

/**
 * A lookup takes one of the four threads that the process has for them, for as long as the name server does, and goes on when
 * nobody waits for it any more. One for each connection that is opened would be a queue that only grows: with a name
 * server that takes 200 ms and a hundred clients no connection opens in time. The lock's engine is looked up there, too.
 * For one name, and always with the same options.
 */
export function sharedLookup(): LookupFunction {
  let waiting: Told[] = [];
  return (hostname, options, told) => {
    waiting.push(told);
    if (waiting.length > 1) return;
    lookup(hostname, options, (...found) => {
      const all = waiting;
      waiting = [];
      for (const tell of all) tell(...found);
    });
  };
}
