// A break of the chain, told so that its cause can be found: who wrote over whom, under which fence, and what went on.

import type { Applied, History, Operation } from './history.ts';
import { overwritten } from './invariants.ts';

/** How long before a write's beginning faults and log lines are of interest, milliseconds. */
const BEFORE = 4_000;

/** `logOf`: the lines that a gateway logged for a key. Times are relative to the break. */
export function describeBreak(
  history: History,
  broken: Applied,
  logOf: (gateway: string, key: string) => readonly string[],
): string[] {
  const operations = new Map(history.operations.map((operation) => [operation.id, operation]));
  const involved = [...overwritten(history, broken), broken];
  const at = broken.appliedAt;
  const from = Math.min(...involved.map(({ receivedAt }) => receivedAt)) - BEFORE;
  const faults = history.faults.filter((fault) => fault.to >= from && fault.from <= at);
  const gateways = new Set(involved.flatMap(({ id }) => operations.get(id)?.gateway ?? []));
  return [
    `break of ${broken.key}: ${broken.id} was made from ${broken.ifMatch} and replaced ${broken.prevEtag}`,
    ...involved.map((entry) => `  ${describeWrite(entry, operations.get(entry.id), at)}`),
    ...faults.map(
      ({ kind, gateway, from, to }) =>
        `  fault ${kind} ${gateway ?? 'all'} ${ms(from - at)} to ${ms(to - at)}`,
    ),
    ...[...gateways].flatMap((gateway) =>
      logOf(gateway, broken.key)
        .filter((line) => within(line, from, at))
        .map((line) => `  log ${gateway} ${line}`),
    ),
  ];
}

function describeWrite(entry: Applied, operation: Operation | undefined, at: number): string {
  const { id, ifMatch, newEtag, fence, receivedAt, appliedAt } = entry;
  const asked = operation === undefined ? '' : `asked ${ms(operation.startedAt - at)} `;
  const ended =
    operation === undefined ? 'never answered' : `${operation.outcome} ${ms(operation.endedAt - at)}`;
  return (
    `${id} by ${operation?.gateway ?? '?'} ${ifMatch} -> ${newEtag} fence ${fence ?? 'none'}: ` +
    `${asked}received ${ms(receivedAt - at)} applied ${ms(appliedAt - at)} ${ended}`
  );
}

function within(line: string, from: number, to: number): boolean {
  const time = Number(/"time":(\d+)/.exec(line)?.[1]);
  return time >= from && time <= to + BEFORE;
}

function ms(value: number): string {
  return `${value.toFixed(1)}ms`;
}
