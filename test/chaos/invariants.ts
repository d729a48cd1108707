// What must hold of every history; each check returns what it found wrong, nothing if all is well.

import type { Applied, Fault, FaultKind, History, Operation } from './history.ts';

/** One thing that is wrong. */
export interface Violation {
  readonly rule: 'I1' | 'I2' | 'I3' | 'I4' | 'I6';
  readonly text: string;
  /** Identifiers of the operations that show it. */
  readonly ids: readonly string[];
}

/**
 * I1, the chain: every applied write replaced the very version it was made from. This is the linearizability check of a
 * compare-and-set register, with the origin's log as the order.
 */
export function brokenChain({ applied }: History): Applied[] {
  return applied.filter(({ ifMatch, prevEtag }) => ifMatch !== prevEtag);
}

/** The writes that a break's writer knew nothing of: applied after the version it had read, before its own. */
export function overwritten(history: History, broken: Applied): Applied[] {
  const sameKey = history.applied.filter(({ key }) => key === broken.key);
  const at = sameKey.indexOf(broken);
  const readAt = sameKey.findIndex(({ newEtag }) => newEtag === broken.ifMatch);
  return sameKey.slice(readAt + 1, at);
}

/** I2: what was acknowledged was applied exactly once and as was said; what was refused was not applied. */
export function falseAnswers({ applied, operations }: History): Violation[] {
  const byId = Map.groupBy(applied, ({ id }) => id);
  return operations.flatMap(({ id, outcome, etag, status, gateway }): Violation[] => {
    const entries = byId.get(id) ?? [];
    const wrong = (text: string): Violation => ({
      rule: 'I2',
      ids: [id],
      text: `${id} by ${gateway}: ${text}`,
    });
    if (entries.length > 1) return [wrong(`applied ${entries.length} times`)];
    const [entry] = entries;
    if (outcome === 'ok') {
      if (entry === undefined) return [wrong(`${status}, and was never applied`)];
      return entry.newEtag === etag ? [] : [wrong(`told ${etag}, the origin made ${entry.newEtag}`)];
    }
    return outcome === 'ambiguous' || entry === undefined
      ? []
      : [wrong(`${status ?? 'nobody listened'}, and was applied`)];
  });
}

/** I3: a key counts no less than what was acknowledged, and no more than that and what nobody knows of. */
export function falseCounts({ operations, counters }: History): Violation[] {
  const byKey = Map.groupBy(operations, ({ key }) => key);
  return [...counters].flatMap(([key, counter]): Violation[] => {
    const of = byKey.get(key) ?? [];
    const ok = of.filter(({ outcome }) => outcome === 'ok').length;
    const most = ok + of.filter(({ outcome }) => outcome === 'ambiguous').length;
    if (ok <= counter && counter <= most) return [];
    return [{ rule: 'I3', ids: [], text: `${key} counts ${counter}: not within ${ok} and ${most}` }];
  });
}

/** I4: of each key, the fences rise in the order of application; every write has one. */
export function fallenFences({ applied }: History): Violation[] {
  const last = new Map<string, bigint>();
  return applied.flatMap(({ id, key, fence }): Violation[] => {
    if (fence === undefined) return [{ rule: 'I4', ids: [id], text: `${id}: no fence` }];
    const now = BigInt(fence);
    const before = last.get(key);
    last.set(key, now);
    if (before === undefined || now > before) return [];
    return [{ rule: 'I4', ids: [id], text: `${id}: fence ${now} after ${before}` }];
  });
}

/**
 * I6, real time: who began after somebody else was told 2xx never sees an older version: reads at the origin, and what a
 * gateway says with 412 or 2xx.
 */
export function staleViews({ initial, applied, operations }: History): Violation[] {
  const versions = new Map<string, number>([...initial.values()].map((etag) => [etag, -1]));
  for (const [at, { newEtag }] of applied.entries()) versions.set(newEtag, at);
  const byKey = Map.groupBy(operations, ({ key }) => key);
  return [...byKey.values()].flatMap((of) => staleViewsOfKey(of, versions));
}

function staleViewsOfKey(
  operations: readonly Operation[],
  versions: ReadonlyMap<string, number>,
): Violation[] {
  const told = operations.filter(({ outcome }) => outcome === 'ok');
  const acknowledged = told
    .map(({ etag, endedAt }) => ({ at: endedAt, version: versions.get(etag ?? '') }))
    .sort((a, b) => a.at - b.at);
  const views = operations
    .flatMap(({ id, readStartedAt, readEtag, startedAt, etag }) => [
      { id, from: readStartedAt, etag: readEtag },
      ...(etag === undefined ? [] : [{ id, from: startedAt, etag }]),
    ])
    .sort((a, b) => a.from - b.from);
  let next = 0;
  let newest = -1;
  return views.flatMap(({ id, from, etag }): Violation[] => {
    for (let ack = acknowledged[next]; ack !== undefined && ack.at < from; ack = acknowledged[++next])
      newest = Math.max(newest, ack.version ?? newest);
    const version = versions.get(etag);
    if (version === undefined) return [{ rule: 'I6', ids: [id], text: `${id} saw ${etag}, which never was` }];
    if (version >= newest) return [];
    return [{ rule: 'I6', ids: [id], text: `${id} saw ${etag}, older than what had been acknowledged` }];
  });
}

/** Whether a fault began while the write was on its way through the gateway that it befell. */
export function befell(fault: Fault, { startedAt, endedAt, gateway }: Operation): boolean {
  const touched = fault.gateway === undefined || fault.gateway === gateway;
  return touched && startedAt < fault.from && fault.from < endedAt;
}

export interface Injected {
  readonly kind: FaultKind;
  readonly count: number;
  /** Of these, how many befell a write under way. */
  readonly hits: number;
}

/** `writeMs`: how long a gateway waits for the origin; what took longer was a slow write. */
export function injected({ faults, operations, applied }: History, writeMs: number): Injected[] {
  const byStart = [...operations].sort((a, b) => a.startedAt - b.startedAt);
  const kinds = [...Map.groupBy(faults, ({ kind }) => kind)].map(([kind, of]) => ({
    kind,
    count: of.length,
    hits: of.filter((fault) => byStart.some((operation) => befell(fault, operation))).length,
  }));
  const slow = applied.filter(({ receivedAt, appliedAt }) => appliedAt - receivedAt > writeMs).length;
  const gone = new Set(operations.filter(({ gaveUp }) => gaveUp).map(({ id }) => id));
  const left = applied.filter(({ id }) => gone.has(id)).length;
  return [
    ...kinds,
    ...(slow === 0 ? [] : [{ kind: 'slow' as const, count: slow, hits: slow }]),
    ...(gone.size === 0 ? [] : [{ kind: 'give-up' as const, count: gone.size, hits: left }]),
  ];
}
