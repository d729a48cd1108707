// A client that counts: reads a number and its tag from the origin, and writes the next one through some gateway.

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';
import { type Operation, type Outcome, wallNow } from './history.ts';
import { type Answer, call } from './http-call.ts';
import type { Random } from './random.ts';

export interface ClientOptions {
  readonly name: string;
  readonly origin: string;
  readonly fleet: Fleet;
  readonly keys: readonly string[];
  readonly random: Random;
  /** How long it waits for the answer to a write, milliseconds. */
  readonly patience: number;
  /** Of a write's content, at least. */
  readonly octets: number;
  readonly record: (operation: Operation) => void;
}

/** How long a client waits for the origin's answer to a read. */
const READ_PATIENCE = 10_000;
/** Before it comes again when it was told to come later. */
const LATER = 60;

export class Client {
  readonly name: string;
  readonly #options: ClientOptions;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  #count = 0;
  #lastTurn = Number.NEGATIVE_INFINITY;
  /** The later of its beginning and its last turn. */
  #since = wallNow();
  #longestWithout = 0;
  #longestAnswer = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.name = options.name;
  }

  /** When it last had its turn: wrote, or was told that somebody else had. Never: minus infinity. */
  get lastTurn(): number {
    return this.#lastTurn;
  }

  /** Longest time without a turn, and for one answer, milliseconds. */
  get waits(): { readonly turn: number; readonly answer: number } {
    const turn = Math.max(this.#longestWithout, wallNow() - this.#since);
    return { turn, answer: this.#longestAnswer };
  }

  /** Writes on while `wanted`. */
  async run(wanted: () => boolean): Promise<void> {
    this.#since = wallNow();
    while (wanted()) {
      const outcome = await this.step(this.#options.random.pick(this.#options.keys));
      if (outcome === 'unavailable' || outcome === 'unsent') await sleep(LATER);
    }
    this.#longestWithout = this.waits.turn;
    this.#since = Number.POSITIVE_INFINITY;
    this.#agent.destroy();
  }

  /** One read and the write made from it; undefined when there was nothing to be read or nobody to write to. */
  async step(key: string): Promise<Outcome | undefined> {
    const { origin, fleet, random, patience, octets, record } = this.#options;
    const readStartedAt = wallNow();
    const read = await call({
      agent: this.#agent,
      url: `${origin}/${key}`,
      method: 'GET',
      patience: READ_PATIENCE,
    });
    const up = fleet.up();
    if (read.kind !== 'answered' || read.etag === undefined || up.length === 0) {
      await sleep(LATER);
      return undefined;
    }
    const gateway = random.pick(up);
    this.#count += 1;
    const id = `${this.name}-${this.#count}`;
    const startedAt = wallNow();
    const answer = await call({
      agent: this.#agent,
      url: `${fleet.url(gateway)}/${key}`,
      method: 'PUT',
      fields: { 'If-Match': read.etag, 'X-Chaos-Id': id },
      content: String(Number(read.content) + 1).padEnd(octets),
      patience,
    });
    const endedAt = wallNow();
    const { outcome, status, code, etag } = readAnswer(answer);
    const gaveUp = answer.kind === 'gave-up';
    record({
      ...{ id, client: this.name, key, gateway, readStartedAt, readEtag: read.etag, startedAt, endedAt },
      ...{ outcome, gaveUp, status, code, etag },
    });
    this.#note(outcome, gaveUp ? 0 : endedAt - startedAt, endedAt);
    return outcome;
  }

  #note(outcome: Outcome, waited: number, at: number): void {
    this.#longestAnswer = Math.max(this.#longestAnswer, waited);
    if (outcome !== 'ok' && outcome !== 'refused') return;
    this.#longestWithout = Math.max(this.#longestWithout, at - this.#since);
    this.#since = at;
    this.#lastTurn = at;
  }
}

/** What it says of the write, and why: the code of a problem. */
export function readAnswer(answer: Answer): Pick<Operation, 'outcome' | 'status' | 'code' | 'etag'> {
  if (answer.kind === 'answered') {
    const { status, etag, content } = answer;
    const [, code] = /"type":\s*"[^"]*?([a-z-]+)"/.exec(content) ?? [];
    return { outcome: outcomeOf(status), status, code, etag };
  }
  const outcome = answer.kind === 'unsent' ? 'unsent' : 'ambiguous';
  return { outcome, status: undefined, code: undefined, etag: undefined };
}

function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return 'ok';
  if (status === 412) return 'refused';
  return status === 503 ? 'unavailable' : 'ambiguous';
}
