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
  /** Longest times, milliseconds: a patient client's without a turn, and for an answer; until a key was free at the end. */
  readonly longest: { readonly turn: number; readonly answer: number; readonly locked: number };
  /** Clients that had no turn, keys that stayed locked after all faults, and gateways that ended by themselves. */
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
  const clients = openClients(scenario, stage, random, (operation) => operations.push(operation));
  const patient = clients.slice(scenario.impatient);
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  const started = wallNow();
  const over = new AbortController();
  let writing = true;
  const atWork = clients.map((client) => client.run(() => writing));
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
  const stuck = await clientsWithoutTurn(patient, wallNow(), waits);
  writing = false;
  await Promise.all(atWork);
  const { locked, keys } = await lockedKeys(scenario, stage, random, waits, (operation) =>
    operations.push(operation),
  );
  const origin = await settled(stage);
  const history: History = {
    initial: new Map(stage.keys.map((key) => [key, `"${key}.0"`])),
    applied: await stage.originLog(),
    ...{ operations, faults },
    counters: await stage.counters(),
  };
  const longestOf = (of: 'turn' | 'answer') => Math.max(...patient.map(({ waits }) => waits[of]));
  return {
    ...{ history, origin, durationMs: wallNow() - started, stuck: [...stuck, ...keys, ...fleet.deaths] },
    longest: { turn: longestOf('turn'), answer: longestOf('answer'), locked },
    takenBack: fleet.takenBack,
    stall: Math.max(origin.stall, Math.round(delays.max / 1e6)),
    excerpt: brokenChain(history)
      .slice(0, DESCRIBED)
      .flatMap((broken) => describeBreak(history, broken, (gateway, key) => fleet.logOf(gateway, `/${key}`))),
  };
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
    });
  });
}

async function untilOver(stage: Stage, until: number, enough: number | undefined): Promise<void> {
  while (wallNow() < until) {
    await sleep(LOOK);
    if (enough !== undefined && (await stage.originState()).breaks >= enough) return;
  }
}

/** Those that have no turn for `ms` after all faults are over. */
async function clientsWithoutTurn(clients: readonly Client[], since: number, ms: number): Promise<string[]> {
  const without = () => clients.filter(({ lastTurn }) => lastTurn <= since);
  while (wallNow() < since + ms && without().length > 0) await sleep(LOOK);
  return ms === 0 ? [] : without().map(({ name }) => name);
}

/** When nobody writes any more: those that take longer than `ms` to be written once, and the longest of all. */
async function lockedKeys(
  scenario: Scenario,
  stage: Stage,
  random: Random,
  ms: number,
  record: (operation: Operation) => void,
): Promise<{ readonly locked: number; readonly keys: readonly string[] }> {
  const since = wallNow();
  const { origin, fleet } = stage;
  const patience = allowedWait(scenario);
  const write = async (key: string): Promise<{ key: string; after: number }> => {
    const options = { origin, fleet, keys: [key], record, patience, random: random.branch(key) };
    const client = new Client({ name: `last-${key}`, ...options });
    await client.run(() => wallNow() < since + ms && client.lastTurn <= since);
    return { key, after: client.lastTurn <= since ? Number.POSITIVE_INFINITY : client.lastTurn - since };
  };
  const written = ms === 0 ? [] : await Promise.all(stage.keys.map(write));
  return {
    locked: Math.max(0, ...written.map(({ after }) => after)),
    keys: written.filter(({ after }) => after > ms).map(({ key }) => key),
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
