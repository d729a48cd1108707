// npm run bench: starts origin and peers, loads them in turns, prints the tables, and with --write the documents.

import { type CaseName, findCase, type PeerName } from './cases.ts';
import { type Circumstances, writePage } from './document.ts';
import { load } from './load.ts';
import { type Cores, chooseCores, describeCores, describeMachine, pinSelf } from './machine.ts';
import { type Options, readOptions } from './options.ts';
import { startOrigin } from './origin.ts';
import { pace } from './paced.ts';
import { installPeers, type Peer, type Place, startPeer, versions, warmsUp } from './peers.ts';
import { endOnSignals, memoryFolder, removeFolder } from './program.ts';
import { asText, sectionsOf } from './report.ts';
import { judge, PACE, type PacedRound, type Results, voids } from './results.ts';
import { measureInTurns, type Round, type RoundOptions, type Subject } from './rounds.ts';
import { measureSeries, type Series } from './series.ts';

const CONNECTIONS = 32;

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function measureCases(
  options: Options,
  place: Place,
  turns: RoundOptions,
): Promise<Map<CaseName, Map<PeerName, readonly Round[]>>> {
  const wanted = options.cases.map(findCase);
  const names = options.peers.filter((name) => wanted.some(({ peers }) => peers.includes(name)));
  const peers: Peer[] = [];
  const results = new Map<CaseName, Map<PeerName, readonly Round[]>>();
  try {
    for (const name of names) peers.push(await startPeer(name, place));
    // one round holds every case, so that cases can be compared as well
    const subjects = wanted.flatMap((one) =>
      one.peers.flatMap((name) => {
        const peer = peers.find((started) => started.name === name);
        return peer === undefined ? [] : [{ one, name, subject: subjectOf(one.name, peer) }];
      }),
    );
    const rounds = await measureInTurns(
      subjects.map(({ subject }) => subject),
      turns,
    );
    for (const [index, { one, name }] of subjects.entries()) {
      const ofCase = results.get(one.name) ?? new Map<PeerName, readonly Round[]>();
      ofCase.set(name, rounds[index] ?? []);
      results.set(one.name, ofCase);
    }
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
  return results;
}

function subjectOf(name: CaseName, { name: peer, port, pid }: Peer): Subject {
  const { kind } = findCase(name);
  const label = `${name}, ${peer}`;
  return { label, port, pid, kind, connections: CONNECTIONS, warmsUp: warmsUp(peer) };
}

async function measurePaced(options: Options, place: Place, core: number): Promise<PacedRound[]> {
  const results: PacedRound[] = [];
  const peers: Peer[] = [];
  try {
    for (const name of options.peers) peers.push(await startPeer(name, place));
    const subjects = (['get', 'put', 'conditional-put'] as const).flatMap((name) =>
      peers.filter((peer) => findCase(name).peers.includes(peer.name)).map((peer) => ({ name, peer })),
    );
    const { warmUp: seconds } = options;
    for (const { name, peer } of subjects) {
      if (warmsUp(peer.name))
        await load([findCase(name).kind], { port: peer.port, core, connections: CONNECTIONS, seconds });
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const { name, peer } of subjects) {
        const paced = await paceOnce(name, peer, options.pacedSeconds);
        results.push({ case: name, peer: peer.name, paced });
        const said =
          'void' in paced
            ? `void: ${paced.void}`
            : `p50 ${paced.p50.toFixed(2)} ms, p99 ${paced.p99.toFixed(2)} ms`;
        tell(`  ${round + 1}/${options.rounds} at ${PACE}/s ${name}, ${peer.name}: ${said}`);
      }
    }
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
  return results;
}

async function paceOnce(name: CaseName, { port }: Peer, seconds: number): Promise<PacedRound['paced']> {
  try {
    const paced = await pace(findCase(name).kind, { port, rate: PACE, seconds });
    return paced.wrong > 0 ? { void: `${paced.wrong} wrong answers` } : paced;
  } catch (error) {
    return { void: error instanceof Error ? error.message : String(error) };
  }
}

async function measureAll(options: Options, cores: Cores): Promise<Results> {
  const folder = await memoryFolder();
  const turns = {
    core: cores.load,
    proxyCore: cores.proxy,
    rounds: options.rounds,
    seconds: options.seconds,
    warmUp: options.warmUp,
    tell,
  };
  try {
    const origin = await startOrigin(folder, cores.origin);
    const place = { origin, folder, core: cores.proxy };
    try {
      const cases = await measureCases(options, place, turns);
      const paced = options.paced ? await measurePaced(options, place, cores.load) : [];
      const series: Series[] = [];
      for (const name of options.series) series.push(...(await measureSeries(name, place, turns)));
      return { cases, series, paced };
    } finally {
      await origin.stop();
    }
  } finally {
    await removeFolder(folder);
  }
}

/** 0: every measured target held and no round was void; 1 otherwise. */
async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  endOnSignals();
  await installPeers();
  const cores = chooseCores();
  pinSelf(cores.load);
  const how: Circumstances = {
    command: options.command,
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    machine: describeMachine(),
    cores: describeCores(cores),
    versions: versions(),
    rounds: options.rounds,
    seconds: options.seconds,
  };
  tell(`${how.machine}\n${how.cores}\n${how.versions}`);
  const results = await measureAll(options, cores);
  if (options.write) await writePage(results, how);
  for (const section of sectionsOf(results)) process.stdout.write(`${asText(section)}\n`);
  const missed = judge(results).some(({ held }) => held === false);
  return missed || voids(results).length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
