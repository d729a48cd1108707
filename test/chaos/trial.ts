// One run of a scenario: clients write, faults go on, and what is left in the end is the history to be judged.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client.ts';
import { describeBreak } from './excerpt.ts';
import type { World } from './faults.ts';
import { type Fault, type History, type Operation, wallNow } from './history.ts';
import { brokenChain } from './invariants.ts';
import type { OriginState } from './origin.ts';
import { type Random, seeded } from './random.ts';
import { allowedWait, IMPATIENCE, type Scenario } from './scenario.ts';
import type { Stage, StageOptions } from './stage.ts';
import { mustBreak } from './weakened.ts';

export interface TrialOptions extends StageOptions {
  readonly milliseconds: number;
  /** A control ends when it has shown so many breaks; undefined: goes on to the end. */
  readonly enough: number | undefined;
}

export interface Trial {
  readonly history: History;
  readonly origin: OriginState;
  readonly durationMs: number;
  /** Longest times, milliseconds: a patient client's without a turn, and for an answer; until a key was free, since somebody was last answered there. */
  readonly longest: { readonly turn: number; readonly answer: number; readonly locked: number };
  /** Clients that never had a turn, keys that stayed locked, and gateways that ended by themselves. */
  readonly stuck: readonly string[];
  /** Pauses that hit running code and were taken back. */
  readonly takenBack: number;
  /** Longest time for which the origin, or this process, which the links run in, did not get to run. Milliseconds. */
  readonly stall: number;
  /** The first breaks of the chain with all that is known of them. */
  readonly excerpt: readonly string[];
}

/** How often a run looks whether it is over. */
const LOOK = 50;
/** How long a patient client waits for the answer to a write, milliseconds. */
const PATIENCE = 12_000;
/** Breaks that are described. */
const DESCRIBED = 3;

export async function runTrial(scenario: Scenario, stage: Stage, options: TrialOptions): Promise<Trial> {
  const random = seeded(options.seed);
  const operations: Operation[] = [];
  const faults: Fault[] = [];
  const record = (operation: Operation): void => void operations.push(operation);
  const clients = openClients(scenario, stage, random, record);
  const patient = clients.slice(scenario.impatient);
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  const started = wallNow();
  const over = new AbortController();
  let writing = { until: Number.POSITIVE_INFINITY };
  const isOver = () => writing.until < Number.POSITIVE_INFINITY;
  // who has had no turn until then goes on for a while
  const atWork = clients.map((client) =>
    client.run(
      () => !isOver() || (hadNoTurn(client) && patient.includes(client) && wallNow() < writing.until),
    ),
  );
  const { fleet, engine, originLinks } = stage;
  const world: World = {
    ...{ fleet, engine, originLinks, random, ended: over.signal, hurried: options.enough !== undefined },
    record: (fault) => faults.push(fault),
    until: started + options.milliseconds,
  };
  const injecting = scenario.faults.map((inject, at) =>
    inject({ ...world, random: random.branch(`fault ${at}`) }),
  );
  await untilOver(stage, world.until, options.enough);
  over.abort();
  await Promise.all(injecting);

  // a control has shown what it had to, and some of them leave keys behind
  const waits = mustBreak(options.weakness) ? 0 : allowedWait(scenario);
  writing = { until: wallNow() + waits };
  const [{ locked, keys }] = await Promise.all([lockedKeys(stage, random, waits, operations), ...atWork]);
  const without = patient.filter(hadNoTurn).map(({ name }) => name);
  const origin = await settled(stage);
  const history: History = {
    initial: new Map(stage.keys.map((key) => [key, `"${key}.0"`])),
    applied: await stage.originLog(),
    ...{ operations, faults },
    counters: await stage.counters(),
  };
  const longestOf = (of: 'turn' | 'answer') => Math.max(...patient.map(({ waits }) => waits[of]));
  return {
    ...{
      history,
      origin,
      durationMs: wallNow() - started,
      stuck: waits === 0 ? [] : [...without, ...keys, ...fleet.deaths],
    },
    longest: { turn: longestOf('turn'), answer: longestOf('answer'), locked },
    takenBack: fleet.takenBack,
    stall: Math.max(origin.stall, Math.round(delays.max / 1e6)),
    excerpt: brokenChain(history)
      .slice(0, DESCRIBED)
      .flatMap((broken) => describeBreak(history, broken, (gateway, key) => fleet.logOf(gateway, `/${key}`))),
  };
}

function hadNoTurn({ lastTurn }: Client): boolean {
  return lastTurn === Number.NEGATIVE_INFINITY;
}

function openClients(
  scenario: Scenario,
  { origin, fleet, keys }: Stage,
  random: Random,
  record: (operation: Operation) => void,
): Client[] {
  return Array.from({ length: scenario.clients }, (_, at) => {
    const impatient = at < scenario.impatient;
    return new Client({
      name: `${impatient ? 'i' : 'c'}${at + 1}`,
      ...{ origin, fleet, keys, record },
      random: random.branch(`client ${at}`),
      patience: impatient ? IMPATIENCE : PATIENCE,
      octets: scenario.content,
    });
  });
}

async function untilOver(stage: Stage, until: number, enough: number | undefined): Promise<void> {
  while (wallNow() < until) {
    await sleep(LOOK);
    if (enough !== undefined && (await stage.originState()).breaks >= enough) return;
  }
}

/**
 * The keys that nobody gets a turn for within `ms` after all faults; and the longest that one took since somebody else was
 * last answered there.
 */
async function lockedKeys(
  { origin, fleet, keys }: Stage,
  random: Random,
  ms: number,
  operations: Operation[],
): Promise<{ readonly locked: number; readonly keys: readonly string[] }> {
  const since = wallNow();
  const record = (operation: Operation): void => void operations.push(operation);
  const had = async (key: string): Promise<{ key: string; after: number }> => {
    const options = { origin, fleet, record, patience: ms, octets: 0, keys: [key] };
    const client = new Client({ name: `last-${key}`, random: random.branch(key), ...options });
    await client.run(() => wallNow() < since + ms && client.lastTurn <= since);
    const { lastTurn, name } = client;
    if (lastTurn <= since) return { key, after: Number.POSITIVE_INFINITY };
    const others = operations.filter((of) => of.key === key && of.client !== name && of.endedAt < lastTurn);
    return { key, after: lastTurn - Math.max(since, ...others.map(({ endedAt }) => endedAt)) };
  };
  const turns = ms === 0 ? [] : await Promise.all(keys.map(had));
  return {
    locked: Math.max(0, ...turns.map(({ after }) => after)),
    keys: turns.filter(({ after }) => after > ms).map(({ key }) => key),
  };
}

/** The origin's state when nothing is under way there any more. */
async function settled(stage: Stage): Promise<OriginState> {
  for (;;) {
    const state = await stage.originState();
    if (state.pending === 0) return state;
    await sleep(LOOK);
  }
}
