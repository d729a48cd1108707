// What is done to the gateways, to Redis and to the network while clients write: each kind on its own, over and over.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from './engine.ts';
import type { Fleet } from './fleet.ts';
import type { Forwarder } from './forwarder.ts';
import { type Fault, type FaultKind, wallNow } from './history.ts';
import type { Random } from './random.ts';

export interface World {
  readonly fleet: Fleet;
  /** undefined with the memory engine. */
  readonly engine: Engine | undefined;
  /** From a gateway to the origin, where the scenario has faults there. */
  readonly originLinks: ReadonlyMap<string, Forwarder>;
  readonly random: Random;
  readonly record: (fault: Fault) => void;
  /** No fault begins after that, wall clock. */
  readonly until: number;
  /** In a run that ends with the first breaks, what is spared otherwise goes on. */
  readonly hurried: boolean;
  /** The run is over before its time. */
  readonly ended: AbortSignal;
}

/** Does its faults until the world's time is up. */
export type Injector = (world: World) => Promise<void>;

/** Milliseconds, from and to. */
export type Range = readonly [number, number];

/** `act` does it once, and says to whom; a fault lasts until it resolves. `pauseBefore` each of them, milliseconds. */
async function again(
  world: World,
  pauseBefore: (at: number) => Range,
  act: (
    world: World,
    at: number,
  ) => Promise<{ kind: FaultKind; gateway?: string; from?: number } | undefined>,
): Promise<void> {
  for (let at = 0; ; at += 1) {
    await sleep(world.random.between(...pauseBefore(at)), undefined, { signal: world.ended }).catch(() => {});
    if (world.ended.aborted || wallNow() >= world.until) return;
    const began = wallNow();
    const done = await act(world, at);
    if (done === undefined) continue;
    const { kind, gateway, from = began } = done;
    world.record({ kind, gateway, from, to: wallNow() });
  }
}

/** Stops gateways for `ms`, each with `pause` between. As many at once as `lanes` says. */
export const pauses = (lanes: number, pause: Range, ms: Range): Injector => {
  const lane: Injector = (world) =>
    again(
      world,
      () => pause,
      async ({ fleet, random }) => {
        const gateway = random.pick(fleet.names);
        const from = await fleet.pause(gateway, random.between(...ms));
        return from === undefined ? undefined : { kind: 'pause', gateway, from };
      },
    );
  return async (world) => {
    await Promise.all(Array.from({ length: lanes }, () => lane(world)));
  };
};

export const kills =
  (pause: Range): Injector =>
  (world) =>
    again(
      world,
      () => pause,
      async ({ fleet, random }) => {
        const up = fleet.up();
        if (up.length === 0) return undefined;
        const gateway = random.pick(up);
        await fleet.kill(gateway);
        return { kind: 'kill', gateway };
      },
    );

/**
 * The ways in which Redis loses its memory, in turn: the first one `soon`. Each is followed by the guard's time, so the
 * others come `later`, unless the guard is what is missing.
 */
export const memoryLosses =
  (kinds: readonly ('flush' | 'restart' | 'failover')[], soon: Range, later: Range): Injector =>
  (world) =>
    again(
      world,
      (at) => (at === 0 || world.hurried ? soon : later),
      async ({ engine }, at) => {
        const kind = kinds[at % kinds.length];
        if (kind === undefined) return undefined;
        await engine?.[kind]();
        return { kind };
      },
    );

/** A gateway's link to Redis is cut, or swallows everything, for `ms`. */
export const engineLinks =
  (kind: 'cut' | 'blackhole', pause: Range, ms: Range): Injector =>
  (world) =>
    again(
      world,
      () => pause,
      async ({ engine, fleet, random, ended }) => {
        const gateway = random.pick(fleet.names);
        const link = engine?.link(gateway);
        if (kind === 'cut') link?.cut();
        else link?.stall();
        await sleep(random.between(...ms), undefined, { signal: ended }).catch(() => {});
        link?.restore();
        return { kind, gateway };
      },
    );

/** A gateway's connections to the origin are cut, whatever is under way on them. */
export const originCuts =
  (pause: Range): Injector =>
  (world) =>
    again(
      world,
      () => pause,
      async ({ originLinks, fleet, random }) => {
        const gateway = random.pick(fleet.names);
        originLinks.get(gateway)?.cut();
        await sleep(random.between(1, 50));
        originLinks.get(gateway)?.restore();
        return { kind: 'origin-cut', gateway };
      },
    );
