// npm run bench:memory: ten minutes of mixed load, and the heap after a forced collection from its start to its end.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { nodeFlags } from '../fixtures/node-flags.ts';
import { findCase } from './cases.ts';
import { writeMemory } from './document.ts';
import type { Memory } from './gateway.ts';
import { type Load, load } from './load.ts';
import { chooseCores, describeMachine, pin } from './machine.ts';
import { wholeNumber } from './options.ts';
import { startOrigin } from './origin.ts';
import { installPeers } from './peers.ts';
import { endOnSignals, memoryFolder, removeFolder } from './program.ts';
import { asMarkdown, asText } from './report.ts';

/** In turn, one request of each. */
const KINDS = (['get', 'not-modified', 'put', 'conditional-put', 'failed'] as const).map(
  (name) => findCase(name).kind,
);
const CONNECTIONS = 32;
/** Seconds of load between two looks. */
const SLICE = 30;
/** Seconds of load before the first look, twice: what only the start needed takes V8 two to three minutes to give up. */
const WARM_UP = 90;
/** V8 drops code that is not used any more only when it has outlived several. */
const COLLECTIONS = 8;
/** Milliseconds until what the last load left under way has settled. */
const SETTLE = 1_500;
/** Most that the heap may differ at the end, as a share of the start. */
const FLAT = 0.05;

interface Look {
  /** Seconds of load so far. */
  readonly at: number;
  readonly requests: number;
  readonly memory: Memory;
}

async function ask(child: ChildProcess): Promise<Memory> {
  const answer = once(child, 'message');
  child.send('weigh');
  const [memory]: unknown[] = await answer;
  if (typeof memory !== 'object' || memory === null || !('heap' in memory && 'external' in memory))
    throw new Error('no answer about memory');
  const { heap, external } = memory;
  const resident = 'resident' in memory ? memory.resident : undefined;
  if (typeof heap !== 'number' || typeof external !== 'number' || typeof resident !== 'number')
    throw new Error('memory is no number');
  return { heap, external, resident };
}

/** One kind in turn gets 412: as many as that, give or take what was under way at the end. */
function checkAnswers({ requests, refused, broken, timeouts }: Load): void {
  const failing = KINDS.filter(({ status }) => status >= 400).length;
  const wanted = (requests * failing) / KINDS.length;
  if (broken + timeouts > 0) throw new Error(`${broken} broken connections, ${timeouts} timeouts`);
  if (Math.abs(refused - wanted) > CONNECTIONS)
    throw new Error(`${refused} of ${requests} answers have a status of 400 or more, not ${wanted}`);
}

async function measure(seconds: number): Promise<Look[]> {
  const cores = chooseCores();
  pin(process.pid, cores.load);
  const folder = await memoryFolder();
  try {
    const origin = await startOrigin(folder, cores.origin);
    const gateway = join(import.meta.dirname, 'gateway.ts');
    const flags = [...nodeFlags(join(import.meta.dirname, '../../src/cli.ts')), '--expose-gc'];
    const command = ['-c', String(cores.proxy), process.execPath, ...flags, gateway];
    const child = spawn('taskset', [...command, String(origin.port)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      const [port]: unknown[] = await once(child, 'message', { signal: AbortSignal.timeout(10_000) });
      if (typeof port !== 'number') throw new Error('the gateway said no port');
      const apply = async (duration: number): Promise<number> => {
        const options = { port, core: cores.load, connections: CONNECTIONS, seconds: duration };
        const counted = await load(KINDS, options);
        checkAnswers(counted);
        await delay(SETTLE);
        return counted.requests;
      };
      await apply(WARM_UP);
      // what only the start needed is not to be weighed
      for (let i = 0; i < COLLECTIONS; i++) await ask(child);
      await apply(WARM_UP);
      return await lookOn(child, apply, seconds);
    } finally {
      child.kill('SIGKILL');
      await origin.stop();
    }
  } finally {
    await removeFolder(folder);
  }
}

async function lookOn(
  child: ChildProcess,
  apply: (seconds: number) => Promise<number>,
  seconds: number,
): Promise<Look[]> {
  const looks: Look[] = [{ at: 0, requests: 0, memory: await ask(child) }];
  let requests = 0;
  for (let at = 0; at < seconds; at += SLICE) {
    const slice = Math.min(SLICE, seconds - at);
    requests += await apply(slice);
    const look = { at: at + slice, requests, memory: await ask(child) };
    looks.push(look);
    process.stderr.write(`  ${look.at} s, ${requests} requests, heap ${mebibytes(look.memory.heap)} MiB\n`);
  }
  return looks;
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(2);
}

/** 1 when the heap has not stayed. */
async function main(args: string[]): Promise<number> {
  const options = {
    minutes: { type: 'string', default: '10' },
    write: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args, options });
  endOnSignals();
  await installPeers();
  const looks = await measure(wholeNumber(values.minutes) * 60);
  const first = looks[0]?.memory.heap ?? Number.NaN;
  const last = looks.at(-1)?.memory.heap ?? Number.NaN;
  const change = last / first - 1;
  const isFlat = Math.abs(change) <= FLAT;
  const rows = looks.map(({ at, requests, memory }) => [
    ...[`${at} s`, requests.toLocaleString('en')],
    ...[mebibytes(memory.heap), mebibytes(memory.external), mebibytes(memory.resident)],
  ]);
  const table = [['of load', 'requests', 'heap MiB', 'external MiB', 'resident MiB'], ...rows];
  const title = `${values.minutes} minutes of mixed load`;
  const verdict = `The heap after a forced collection changed by ${(change * 100).toFixed(1)} %; the target is at most ${FLAT * 100} %: ${isFlat ? 'held' : 'MISSED'}.`;
  process.stdout.write(`${asText({ title, text: verdict, table })}\n`);
  const how = `GET, 304, PUT, conditional PUT and 412 in turn, ${CONNECTIONS} connections, log level info to /dev/null, on ${new Date().toISOString().slice(0, 10)}; ${describeMachine()}.`;
  if (values.write) await writeMemory(asMarkdown({ title, text: `${how}\n\n${verdict}`, table }));
  return isFlat ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
