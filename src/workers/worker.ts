// One worker: serves what the primary tells it to, under the primary's lock, until it is told to stop or the primary is gone.
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../app/log.ts';
import type { Config } from '../config/config.ts';
import { RemoteLock } from '../lock/remote-lock.ts';
import { type Running, start } from '../start.ts';
import type { Channel } from './channel.ts';
import { type Order, type Report, readOrder } from './order.ts';
import { shareOf } from './share.ts';

export interface WorkerOptions {
  readonly channel: Channel;
  readonly orders: Orders;
  readonly config: Config;
  readonly via: string;
  readonly log: Log;
  /** One line for an error of the start. */
  readonly faultOf: (error: unknown) => string;
}

/** Resolves with the exit code. */
export async function runWorker(options: WorkerOptions): Promise<number> {
  const { channel, orders, config, via, log, faultOf } = options;
  const { timeouts } = config.origin;
  const lock = new RemoteLock({ port: channel.lock, engine: config.lock.engine });
  let running: Running;
  try {
    running = await start(shareOf(config), log, { lock, via });
  } catch (error) {
    return reportFault(channel, orders, faultOf(error));
  }
  report(channel, { op: 'listening', data: running.data });
  const told = await Promise.race([orders.stop, orders.gone]);
  if (told !== 'gone') {
    const end = await Promise.race([running.stop(told.delayMs), orders.gone]);
    if (end !== 'gone') return end ? 0 : 1;
  }
  // the primary is gone: there is no lock, nobody else to take the clients, and nobody to read a log
  await Promise.race([running.stop(0), delay(timeouts.write + timeouts.uncertainty)]);
  return 1;
}

/** The primary ends a worker that has told it so: an exit of its own could overtake the report. */
export async function reportFault(channel: Channel, orders: Orders, message: string): Promise<number> {
  report(channel, { op: 'fault', message });
  await orders.gone;
  return 1;
}

function report(channel: Channel, what: Report): void {
  channel.orders.send(what);
}

/** What the primary says, as it comes. */
export class Orders {
  readonly start: Promise<Order & { op: 'start' }>;
  readonly stop: Promise<Order & { op: 'stop' }>;
  readonly gone: Promise<'gone'>;

  constructor({ orders }: Channel) {
    const start = Promise.withResolvers<Order & { op: 'start' }>();
    const stop = Promise.withResolvers<Order & { op: 'stop' }>();
    orders.onMessage((message) => {
      const order = readOrder(message);
      if (order?.op === 'start') start.resolve(order);
      if (order?.op === 'stop') stop.resolve(order);
    });
    this.start = start.promise;
    this.stop = stop.promise;
    this.gone = new Promise((resolve) => orders.onGone(() => resolve('gone')));
  }
}
