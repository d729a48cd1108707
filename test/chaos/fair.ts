// Whether waiting processes get their turns alike: one hot key, eight gateways, and an origin that takes 2 ms.

import http from 'node:http';
import type { Children } from './children.ts';
import { readAnswer } from './client.ts';
import { wallNow } from './history.ts';
import { call } from './http-call.ts';
import { tally } from './report.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { Stage } from './stage.ts';

export interface Measured {
  readonly good: boolean;
  readonly lines: readonly string[];
}

/** How far a process may be from the mean. */
const TOLERANCE = 0.2;
/** Writers of each gateway: one waits always. */
const WRITERS = 3;
const [BASE] = SCENARIOS;
/** Nothing is to time out here. */
const BUDGET = { connect: 3000, write: 5000, uncertainty: 1000 };

export async function fairness(children: Children, program: string, quick: boolean): Promise<Measured> {
  if (BASE === undefined) throw new Error('no scenario');
  const scenario: Scenario = {
    ...BASE,
    name: 'fair',
    gateways: 8,
    keys: 1,
    usual: [2, 2],
    probe: [0, 0],
    budget: BUDGET,
  };
  const options = { children, program, seed: 1, weakness: undefined, anywhere: false };
  const stage = await Stage.open(scenario, options);
  try {
    return await measure(stage, quick ? 2_000 : 10_000);
  } finally {
    await stage.close();
  }
}

async function measure(stage: Stage, ms: number): Promise<Measured> {
  const agent = new http.Agent({ keepAlive: true });
  const counts = new Map(stage.gateways.map((gateway) => [gateway, 0]));
  let longest = 0;
  const failures: string[] = [];
  // not counted: connections are made, code is compiled
  const from = wallNow() + 500;
  const until = from + ms;
  const write = async (gateway: string): Promise<void> => {
    for (;;) {
      const started = wallNow();
      if (started >= until) return;
      const url = `${stage.fleet.url(gateway)}/${stage.keys[0]}`;
      const fields = { 'X-Chaos-Id': gateway };
      const answer = await call({ agent, url, method: 'PUT', fields, content: '1', patience: 10_000 });
      const ended = wallNow();
      const { outcome, status, code } = readAnswer(answer);
      if (outcome !== 'ok') failures.push(code ?? String(status ?? answer.kind));
      if (ended < from || ended > until) continue;
      counts.set(gateway, (counts.get(gateway) ?? 0) + 1);
      longest = Math.max(longest, ended - started);
    }
  };
  await Promise.all(
    stage.gateways.flatMap((gateway) => Array.from({ length: WRITERS }, () => write(gateway))),
  );
  agent.destroy();
  const shares = [...counts.values()];
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const furthest = Math.max(...shares.map((share) => Math.abs(share - mean) / mean));
  const good = failures.length === 0 && mean >= 20 && furthest <= TOLERANCE;
  return {
    good,
    lines: [
      `${good ? 'ok' : 'NOT OK'} fair: one key, ${shares.length} gateways, ${shares.reduce((a, b) => a + b)} writes in ${ms / 1000} s: ` +
        `${shares.join('/')}; furthest from the mean ${(100 * furthest).toFixed(1)} %, longest wait ${Math.round(longest)} ms, ` +
        (failures.length === 0 ? '0 failures' : `failures: ${tally(failures)}`),
    ],
  };
}
