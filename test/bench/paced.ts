// Delay at a constant rate: a request at each tick of the clock, whether or not the ones before it are answered.

import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kind } from './cases.ts';

export interface PacedOptions {
  readonly port: number;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
}

export interface Paced {
  readonly requests: number;
  /** Milliseconds from the write to the last byte of the answer. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** How late a request was written after its tick, 99 of 100: what the load itself adds. Milliseconds. */
  readonly late: number;
  /** Answers with another status than the kind's. */
  readonly wrong: number;
}

/** Most connections; so many are open only when answers stay out for a second. */
const CONNECTIONS = 1_000;
/** Milliseconds for the last answers. */
const GRACE = 2_000;

/** A kept connection with at most one request under way. */
interface Line {
  readonly socket: Socket;
  received: string;
  answered: ((status: number) => void) | undefined;
}

/** Rejects when a connection breaks, or answers stay out. */
export async function pace(kind: Kind, { port, rate, seconds }: PacedOptions): Promise<Paced> {
  const messages = Array.from({ length: kind.paths }, (_, path) => messageOf(kind, path));
  const idle: Line[] = [];
  let opened = 0;
  let under = 0;
  let wrong = 0;
  const times: number[] = [];
  const lateness: number[] = [];
  const total = rate * seconds;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  let over = false;
  const fail = (error: Error): void => {
    over = true;
    reject(error);
  };
  const lines: Line[] = [];
  const takeLine = (): Line | undefined => {
    const line = idle.pop();
    if (line !== undefined || opened >= CONNECTIONS) return line;
    opened += 1;
    const fresh = openLine(port, fail);
    lines.push(fresh);
    return fresh;
  };
  const send = (number: number, due: number): void => {
    const line = takeLine();
    if (line === undefined) {
      fail(new Error(`${CONNECTIONS} answers stay out`));
      return;
    }
    under += 1;
    const written = performance.now();
    lateness.push(written - due);
    line.answered = (status) => {
      times.push(performance.now() - written);
      under -= 1;
      if (status !== kind.status) wrong += 1;
      idle.push(line);
    };
    line.socket.write(messages[number % messages.length] ?? '');
  };
  try {
    await Promise.race([failed, ticks(total, rate, () => over, send)]);
    const deadline = performance.now() + GRACE;
    while (under > 0 && performance.now() < deadline) await Promise.race([failed, delay(1)]);
    if (under > 0) throw new Error(`${under} answers stayed out`);
  } finally {
    for (const { socket } of lines) socket.destroy();
  }
  return { requests: times.length, ...percentiles(times), late: at(sorted(lateness), 0.99), wrong };
}

/** Calls `send` for each tick that has come, until it is `over`. Between them it sleeps: the origin may be on the same core. */
async function ticks(
  total: number,
  rate: number,
  over: () => boolean,
  send: (number: number, due: number) => void,
): Promise<void> {
  const start = performance.now();
  for (let number = 0; number < total && !over(); ) {
    const due = start + (number * 1000) / rate;
    if (performance.now() >= due) {
      send(number, due);
      number += 1;
    } else {
      await delay(1);
    }
  }
}

function messageOf({ method, prefix, bytes, fields }: Kind, path: number): string {
  const framing = bytes > 0 ? [`Content-Length: ${bytes}`] : [];
  const head = [`${method} ${prefix}${path} HTTP/1.1`, 'Host: 127.0.0.1', ...fields, ...framing];
  return `${head.join('\r\n')}\r\n\r\n${'x'.repeat(bytes)}`;
}

function openLine(port: number, fail: (error: Error) => void): Line {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const line: Line = { socket, received: '', answered: undefined };
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    line.received += text;
    const status = wholeAnswer(line.received);
    if (status === undefined) return;
    line.received = '';
    const { answered } = line;
    line.answered = undefined;
    answered?.(status);
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('a connection was closed')));
  return line;
}

/** The status of an answer once all of it is there: framed by Content-Length, or without content. */
function wholeAnswer(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const status = Number(text.slice(9, 12));
  if (status === 204 || status === 304) return status;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  if (length === undefined) throw new Error('an answer without Content-Length cannot be timed');
  return text.length >= end + 4 + Number(length) ? status : undefined;
}

function percentiles(times: readonly number[]): { p50: number; p99: number; max: number } {
  const ordered = sorted(times);
  return { p50: at(ordered, 0.5), p99: at(ordered, 0.99), max: at(ordered, 1) };
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

function at(ordered: readonly number[], share: number): number {
  const index = Math.min(ordered.length - 1, Math.floor(ordered.length * share));
  return ordered[index] ?? Number.NaN;
}
