// What is known of one connection of a client.
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Progress } from './progress.ts';

/** How many requests may wait for their turn until reading pauses; those that were read along with them wait as well. */
const MOST_WAITING = 16;

export interface Connection {
  readonly socket: Duplex;
  /** The response that the next request has to wait for. */
  last: ServerResponse | undefined;
  /** The response of the request that is at work. */
  active: ServerResponse | undefined;
  /** How many requests wait for their turn. */
  waiting: number;
  /** Nothing more can be read from it. */
  broken: boolean;
  /** The origin has agreed to a tunnel. */
  tunnel: boolean;
  /** Its last answer has been given: a request behind it must not be processed (RFC 9112 9.6). */
  finished: boolean;
  /** How many bytes had come when the latest answer was over: with more of them another request has begun. */
  heard: number;
  /** Of the answer at work. */
  readonly progress: Progress;
}

export function newConnection(socket: Duplex): Connection {
  return {
    socket,
    last: undefined,
    active: undefined,
    waiting: 0,
    broken: false,
    tunnel: false,
    finished: false,
    heard: 0,
    progress: new Progress(),
  };
}

/** The response, as long as it is not over. */
export function owed(response: ServerResponse | undefined): ServerResponse | undefined {
  return response === undefined || response.closed ? undefined : response;
}

/**
 * Whether nothing more is read for now: a flood of pipelined requests waits in the kernel, not here. Behind a few of them
 * reading goes on, or nobody would see that the client leaves; so it does behind the last answer.
 */
export function holdsBack({ waiting, socket }: Connection): boolean {
  return waiting > MOST_WAITING && !socket.writableEnded;
}
