// What the lock costs: its three calls against a Redis over loopback, and a conditional PUT with Redis and with memory.

import http from 'node:http';
import pino from 'pino';
import { loadConfig } from '../../src/config/load.ts';
import { LockRecord } from '../../src/lock/lock-record.ts';
import { openLock } from '../../src/lock/open-lock.ts';
import type { Children } from './children.ts';
import type { Measured } from './fair.ts';
import { call } from './http-call.ts';
import { RedisServer } from './redis-server.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { Stage } from './stage.ts';

export async function latency(children: Children, program: string, quick: boolean): Promise<Measured> {
  const rounds = quick ? 500 : 5_000;
  const alone = await lockTimes(children, program, rounds);
  const memory = await putTimes(children, program, 'memory', rounds / 2);
  const redis = await putTimes(children, program, 'redis', rounds / 2);
  const added = median(redis) - median(memory);
  return {
    good: alone.pair.length + alone.armed.length + redis.length === 2 * rounds + rounds / 2,
    lines: [
      `latency: acquire+release ${shown(alone.pair)}, acquire+arm+release ${shown(alone.armed)}`,
      `latency: conditional PUT, lock in memory ${shown(memory)}, in Redis ${shown(redis)}: ${added.toFixed(2)} ms more`,
    ],
  };
}

/** Milliseconds of each round. A round's release is heard before the next round's acquire, which asks for the same key. */
async function lockTimes(children: Children, program: string, rounds: number) {
  const server = await RedisServer.start(children, program);
  const text = `origin: http://127.0.0.1:1\nlock: { engine: redis, url: "redis://127.0.0.1:${server.port}", guard: off }\n`;
  const loaded = loadConfig({ text, env: {}, flags: {} });
  if ('faults' in loaded) throw new Error(loaded.faults.map(({ message }) => message).join('\n'));
  const lock = await openLock(loaded.config, pino({ level: 'silent' }), new LockRecord());
  const options = { waitMs: 5_000, signal: new AbortController().signal };
  const round = async (arms: boolean): Promise<void> => {
    const lease = await lock.acquire('/hot', options);
    if (arms) await lock.arm([lease]);
    lock.release(lease, { kind: 'known' });
  };
  try {
    await timesOf(rounds, () => round(true)); // until the code is compiled
    return {
      pair: await timesOf(rounds, () => round(false)),
      armed: await timesOf(rounds, () => round(true)),
    };
  } finally {
    await lock.stop();
    await server.stop();
  }
}

async function putTimes(
  children: Children,
  program: string,
  engine: Scenario['engine'],
  rounds: number,
): Promise<number[]> {
  const [base] = SCENARIOS;
  if (base === undefined) throw new Error('no scenario');
  const scenario: Scenario = {
    ...base,
    engine,
    gateways: 1,
    keys: 1,
    usual: [0, 0],
    probe: [0, 0],
    guard: 'off',
  };
  const stage = await Stage.open(scenario, {
    children,
    program,
    seed: 1,
    weakness: undefined,
    anywhere: false,
  });
  const agent = new http.Agent({ keepAlive: true });
  const url = `${stage.fleet.url('g1')}/${stage.keys[0]}`;
  let etag = `"${stage.keys[0]}.0"`;
  const put = async (): Promise<void> => {
    const fields = { 'If-Match': etag, 'X-Chaos-Id': 'latency' };
    const answer = await call({ agent, url, method: 'PUT', fields, content: '1', patience: 5_000 });
    if (answer.kind !== 'answered' || answer.status !== 200) throw new Error('the write failed');
    etag = answer.etag ?? etag;
  };
  try {
    await timesOf(rounds, put);
    return await timesOf(rounds, put);
  } finally {
    agent.destroy();
    await stage.close();
  }
}

async function timesOf(rounds: number, run: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  return times;
}

function median(times: readonly number[]): number {
  return quantile(times, 0.5);
}

function quantile(times: readonly number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
}

function shown(times: readonly number[]): string {
  return `${median(times).toFixed(3)} ms (p99 ${quantile(times, 0.99).toFixed(2)})`;
}
