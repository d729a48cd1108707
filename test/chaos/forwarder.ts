// A TCP connection's way with faults: it can be cut, swallow everything, be slow, or suddenly lead elsewhere.

import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class Forwarder {
  readonly #listener: net.Server;
  readonly #pairs = new Set<Pair>();
  #target: number;
  #open = true;
  #stalled = false;
  /** What goes on when it is no longer stalled. */
  #held: (() => void)[] = [];
  /** Milliseconds for which what the server says is under way. */
  readonly #delay: number;

  /** From a free port of this machine to `target`, another one. `delay`: see above. */
  static async open(target: number, delay = 0): Promise<Forwarder> {
    const forwarder = new Forwarder(target, delay);
    await once(forwarder.#listener.listen(0, '127.0.0.1'), 'listening');
    return forwarder;
  }

  private constructor(target: number, delay: number) {
    this.#target = target;
    this.#delay = delay;
    this.#listener = net.createServer((client) => this.#accept(client));
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Leads to another port from now on; what was connected is cut. */
  point(target: number): void {
    this.#target = target;
    this.#cutAll();
  }

  /** Cuts what is connected; whoever connects is cut at once. What was under way is lost. */
  cut(): void {
    this.#open = false;
    this.#cutAll();
  }

  /** Delivers nothing in either direction, and says nothing of it. */
  stall(): void {
    this.#stalled = true;
  }

  /** The end of either; what was held back arrives late, unless it was cut meanwhile. */
  restore(): void {
    this.#open = true;
    this.#stalled = false;
    const held = this.#held;
    this.#held = [];
    for (const go of held) go();
  }

  async close(): Promise<void> {
    this.cut();
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    await closed;
  }

  #accept(client: Socket): void {
    if (!this.#open) {
      client.destroy();
      return;
    }
    const server = net.connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const pair = { client, server };
    this.#pairs.add(pair);
    this.#pass(client, server, 0);
    this.#pass(server, client, this.#delay);
    for (const socket of [client, server]) {
      socket.on('error', () => {}); // its close follows
      socket.on('close', () => this.#cutPair(pair));
    }
  }

  #pass(from: Socket, to: Socket, delay: number): void {
    const deliver = (chunk: Buffer): void => {
      if (to.destroyed) return;
      if (this.#stalled) this.#held.push(() => deliver(chunk));
      else to.write(chunk);
    };
    from.on('data', (chunk: Buffer) => {
      if (delay > 0) setTimeout(deliver, delay, chunk);
      else deliver(chunk);
    });
  }

  #cutAll(): void {
    for (const pair of this.#pairs) this.#cutPair(pair);
  }

  #cutPair(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }
}
