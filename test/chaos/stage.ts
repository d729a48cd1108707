// The processes of one run: the origin, Redis, the links between them, and the gateways.

import type { Children } from './children.ts';
import { Engine, NAMESPACE } from './engine.ts';
import { Fleet } from './fleet.ts';
import { Forwarder } from './forwarder.ts';
import type { Applied } from './history.ts';
import type { OriginSettings, OriginState } from './origin.ts';
import { type Scenario, TRANSPORT } from './scenario.ts';
import type { Weakness } from './weakened.ts';

export interface StageOptions {
  readonly children: Children;
  /** redis-server. */
  readonly program: string;
  readonly seed: number;
  readonly weakness: Weakness | undefined;
  /** As Fleet takes it. */
  readonly anywhere: boolean;
}

export class Stage {
  readonly keys: readonly string[];
  readonly gateways: readonly string[];
  readonly originLinks = new Map<string, Forwarder>();
  readonly #scenario: Scenario;
  readonly #options: StageOptions;
  readonly #closers: (() => Promise<unknown>)[] = [];
  #origin = '';
  #engine: Engine | undefined;
  #fleet: Fleet | undefined;

  static async open(scenario: Scenario, options: StageOptions): Promise<Stage> {
    const stage = new Stage(scenario, options);
    try {
      await stage.#startOrigin();
      await stage.#openEngine();
      if (scenario.originLinks) await stage.#openOriginLinks();
      await stage.#startFleet();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  private constructor(scenario: Scenario, options: StageOptions) {
    this.#scenario = scenario;
    this.#options = options;
    this.gateways = Array.from({ length: scenario.gateways }, (_, at) => `g${at + 1}`);
    this.keys = Array.from({ length: scenario.keys }, (_, at) => `k${at + 1}`);
  }

  /** Where clients read, past the gateways. */
  get origin(): string {
    return this.#origin;
  }

  /** undefined with the memory engine, and where the lock is off. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  get fleet(): Fleet {
    if (this.#fleet === undefined) throw new Error('not open yet');
    return this.#fleet;
  }

  async originState(): Promise<OriginState> {
    return (await fetch(`${this.#origin}/-/state`)).json() as Promise<OriginState>;
  }

  async originLog(): Promise<Applied[]> {
    const text = await (await fetch(`${this.#origin}/-/log`)).text();
    return text
      .split('\n')
      .filter(Boolean)
      .map((line): Applied => JSON.parse(line));
  }

  async counters(): Promise<Map<string, number>> {
    const read = async (key: string): Promise<[string, number]> => {
      const response = await fetch(`${this.#origin}/${key}`);
      return [key, Number(await response.text())];
    };
    return new Map(await Promise.all(this.keys.map(read)));
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  async #startOrigin(): Promise<void> {
    const { children, seed } = this.#options;
    const { probe, usual, slow, slowShare, budget, content } = this.#scenario;
    const limit = budget.write + budget.uncertainty - TRANSPORT;
    const times = { probe, usual, slow, slowShare, limit, readsLate: content > 0 };
    const settings: OriginSettings = { seed, keys: this.keys, ...times };
    const { child, said } = await children.fork('origin.ts', [JSON.stringify(settings)]);
    this.#closers.push(() => children.end(child));
    this.#origin = String(said);
  }

  async #openEngine(): Promise<void> {
    const { children, program, weakness } = this.#options;
    if (this.#scenario.engine === 'memory' || weakness === 'off' || weakness === 'apart') return;
    const replicated = this.#scenario.engine === 'replicated';
    const engine = await Engine.open({ children, program, gateways: this.gateways, replicated });
    this.#closers.push(() => engine.close());
    this.#engine = engine;
  }

  async #openOriginLinks(): Promise<void> {
    for (const gateway of this.gateways) {
      const link = await Forwarder.open(Number(new URL(this.#origin).port));
      this.#closers.push(() => link.close());
      this.originLinks.set(gateway, link);
    }
  }

  async #startFleet(): Promise<void> {
    const { children, weakness, anywhere } = this.#options;
    const yaml = (gateway: string) => this.#configuration(gateway);
    const fleet = await Fleet.start({
      children,
      names: this.gateways,
      weakness,
      yaml,
      anywhere: anywhere || this.#scenario.anywhere,
    });
    this.#closers.push(() => fleet.close());
    this.#fleet = fleet;
  }

  #configuration(gateway: string): string {
    const { budget, connections, content } = this.#scenario;
    const { connect, write, uncertainty } = budget;
    const link = this.originLinks.get(gateway);
    const url = link === undefined ? this.#origin : `http://127.0.0.1:${link.port}`;
    const buffer = content > 0 ? 'buffer: 64KiB\n' : '';
    const timeouts = `{ connect: ${connect}ms, probe: 500ms, write: ${write}ms, uncertainty: ${uncertainty}ms }`;
    return `origin: { url: "${url}", timeouts: ${timeouts}, connections: ${connections} }\nlock: ${this.#lock(gateway)}\n${buffer}`;
  }

  #lock(gateway: string): string {
    if (this.#engine === undefined) return '{ engine: memory, wait: 4s }';
    const { weakness } = this.#options;
    const guard = weakness === 'R5' || weakness === 'all' ? 'off' : this.#scenario.guard;
    const url = `redis://127.0.0.1:${this.#engine.link(gateway).port}`;
    return `{ engine: redis, url: "${url}", namespace: ${NAMESPACE}, wait: 4s, guard: ${guard}, fence: X-Lock-Fence }`;
  }
}
