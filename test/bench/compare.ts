// npm run bench:compare REV: the working tree against another revision, in turns; exit code 1 when anything became slower.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findCase } from './cases.ts';
import { type Cores, chooseCores, describeCores, pin } from './machine.ts';
import { type Ratio, ratioOf, ratioOfAll } from './numbers.ts';
import { WARM_UP, wholeNumber } from './options.ts';
import { startOrigin } from './origin.ts';
import { installPeers, type Peer, startIfmatch } from './peers.ts';
import { endOnSignals, memoryFolder, removeFolder } from './program.ts';
import { asText } from './report.ts';
import { sayRatio } from './results.ts';
import { checkOut, ROOT } from './revision.ts';
import { LEAD_IN, measureInTurns, type Subject } from './rounds.ts';
import { watchSteadiness } from './steadiness.ts';

const USAGE = `npm run bench:compare -- REV [--threshold 0.9] [--rounds 5] [--seconds 3] [--micro] [--flows]

  --threshold  the least that the working tree may have of the revision's speed, each benchmark by itself
  --micro, --flows  only one of the two
`;

const CASES = ['get', 'conditional-put', 'failed'] as const;
const CONNECTIONS = 32;

interface Options {
  readonly revision: string;
  readonly threshold: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly micro: boolean;
  readonly flows: boolean;
}

/** The speed of the working tree against the revision's; undefined: one side had no round that counts. */
type Compared = readonly { readonly name: string; readonly ratio: Ratio | undefined }[];

function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      threshold: { type: 'string', default: '0.9' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      micro: { type: 'boolean', default: false },
      flows: { type: 'boolean', default: false },
    },
  });
  const [revision] = positionals;
  const threshold = Number(values.threshold);
  if (revision === undefined || positionals.length > 1 || !(threshold > 0)) throw new Error(USAGE);
  return {
    revision,
    threshold,
    rounds: wholeNumber(values.rounds),
    seconds: wholeNumber(values.seconds),
    micro: values.micro || !values.flows,
    flows: values.flows || !values.micro,
  };
}

/** `trees`: the working tree, then the other one. */
function compareMicro(trees: readonly [string, string], { rounds }: Options, { proxy }: Cores): Compared {
  const ratios = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`  ${round + 1}/${rounds} micro-benchmarks\n`);
    const ordered = round % 2 === 0 ? trees : [...trees].reverse();
    const times = new Map(ordered.map((tree) => [tree, timesIn(tree, proxy)]));
    const ours = times.get(trees[0]) ?? new Map<string, number>();
    const theirs = times.get(trees[1]) ?? new Map<string, number>();
    for (const [name, time] of ours) {
      const other = theirs.get(name);
      const list = ratios.get(name) ?? [];
      ratios.set(name, other === undefined ? list : [...list, other / time]);
    }
  }
  return [...ratios].map(([name, all]) => ({ name, ratio: ratioOfAll(all) }));
}

/** Nanoseconds by name, measured in a process of its own. */
function timesIn(tree: string, core: number): Map<string, number> {
  const command = ['-c', String(core), process.execPath, join(tree, 'test/bench/micro.ts'), '--json'];
  const printed = execFileSync('taskset', command, {
    cwd: tree,
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const times: unknown = JSON.parse(printed);
  const entries: [string, unknown][] = Object.entries(times ?? {});
  return new Map(entries.flatMap(([name, time]) => (typeof time === 'number' ? [[name, time]] : [])));
}

async function compareFlows(
  trees: readonly [string, string],
  { rounds, seconds }: Options,
  cores: Cores,
): Promise<Compared> {
  const folder = await memoryFolder();
  const running: { stop(): Promise<void> }[] = [];
  const steadiness = await watchSteadiness(Object.values(cores));
  try {
    const origin = await startOrigin(folder, cores.origin);
    running.push(origin);
    const place = { origin, folder, core: cores.proxy };
    const peers: Peer[] = [];
    for (const tree of trees) {
      const peer = await startIfmatch(place, { root: tree });
      running.unshift(peer);
      peers.push(peer);
    }
    const subjects = CASES.flatMap((name) =>
      peers.map(({ port, pid }, index): Subject => {
        const label = `${name}, ${index === 0 ? 'working tree' : 'revision'}`;
        return { label, port, pid, kind: findCase(name).kind, connections: CONNECTIONS, warmsUp: true };
      }),
    );
    const tell = (line: string) => process.stderr.write(`${line}\n`);
    const results = await measureInTurns(subjects, {
      core: cores.load,
      proxyCore: cores.proxy,
      rounds,
      seconds,
      warmUp: WARM_UP,
      leadIn: LEAD_IN,
      slowness: () => steadiness.slowness(),
      tell,
    });
    return CASES.map((name, index) => ({
      name: findCase(name).title,
      ratio: ratioOf(results[2 * index] ?? [], results[2 * index + 1] ?? []),
    }));
  } finally {
    steadiness.stop();
    for (const program of running) await program.stop();
    await removeFolder(folder);
  }
}

/** 1 when a ratio is below the threshold, or could not be had. */
async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  endOnSignals();
  if (options.flows) await installPeers();
  const cores = chooseCores();
  pin(process.pid, cores.load);
  const checkout = checkOut(options.revision);
  try {
    process.stderr.write(`working tree against ${checkout.title}; ${describeCores(cores)}\n`);
    const trees = [ROOT, checkout.root] as const;
    const compared = [
      ...(options.micro ? compareMicro(trees, options, cores) : []),
      ...(options.flows ? await compareFlows(trees, options, cores) : []),
    ];
    const isSlow = (ratio: Ratio | undefined) => ratio === undefined || ratio.median < options.threshold;
    const rows = compared.map(({ name, ratio }) => [
      name,
      ratio === undefined ? 'not comparable' : sayRatio(ratio),
      isSlow(ratio) ? 'SLOWER' : '',
    ]);
    const title = `Speed of the working tree against ${checkout.title}: median (least to most)`;
    process.stdout.write(`${asText({ title, table: [['', 'ratio', ''], ...rows] })}\n`);
    return compared.some(({ ratio }) => isSlow(ratio)) ? 1 : 0;
  } finally {
    checkout.remove();
  }
}

process.exitCode = await main(process.argv.slice(2));
