// npm run bench: starts origin and peers, loads them in turns, prints the tables, and with --write the documents.

import { type Case, type CaseName, findCase, type Kind, LARGE_PATHS, type PeerName } from './cases.ts';
import { type Circumstances, writePage } from './document.ts';
import { load } from './load.ts';
import { type Cores, chooseCores, describeCores, describeMachine, pin } from './machine.ts';
import { type Options, readOptions, USAGE, UsageError } from './options.ts';
import { startOrigin } from './origin.ts';
import { pace } from './paced.ts';
import { installPeers, type Peer, type Place, startPeer, versions, warmsUp } from './peers.ts';
import { endOnSignals, memoryFolder, removeFolder } from './program.ts';
import { asText, sectionsOf } from './report.ts';
import { judge, PACE, type PacedRound, type Results, voids } from './results.ts';
import { FIRST, measureInTurns, type Round, type RoundOptions } from './rounds.ts';
import { measureSeries, type Series } from './series.ts';
import { watchSteadiness } from './steadiness.ts';

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
  const results = new Map(wanted.map(({ name }) => [name, new Map<PeerName, Round[]>()]));
  for (let round = 0; round < options.rounds; round++) {
    tell(`round ${round + 1} of ${options.rounds}`);
    // no case is always the first one
    const order = [...wanted.slice(round % wanted.length), ...wanted.slice(0, round % wanted.length)];
    for (const { name, peer, measured } of await measureOnce(order, options, place, turns)) {
      const peers = results.get(name);
      peers?.set(peer, [...(peers.get(peer) ?? []), measured]);
    }
  }
  return results;
}

interface Turn {
  readonly name: CaseName;
  readonly peer: PeerName;
  readonly measured: Round;
}

/**
 * One round of every case, so that cases can be compared as well, and of processes of its own: what V8 makes of the same
 * code differs from one process to the next.
 */
async function measureOnce(
  wanted: readonly Case[],
  options: Options,
  place: Place,
  turns: RoundOptions,
): Promise<Turn[]> {
  const { peers, stop } = await startPeers(options, wanted, place, turns);
  try {
    const subjects = wanted.flatMap((one) =>
      peers
        .filter(({ name }) => one.peers.includes(name))
        .map(({ name, port, pid }) => {
          const label = `${one.name}, ${name}`;
          const subject = {
            label,
            port,
            pid,
            kind: one.kind,
            connections: CONNECTIONS,
            warmsUp: warmsUp(name),
          };
          return { name: one.name, peer: name, subject };
        }),
    );
    const rounds = await measureInTurns(
      subjects.map(({ subject }) => subject),
      { ...turns, rounds: 1, warmUp: FIRST },
    );
    return subjects.map(({ name, peer }, index) => ({
      name,
      peer,
      measured: rounds[index]?.[0] ?? { void: 'not measured' },
    }));
  } finally {
    await stop();
  }
}

/** Large ones apart: in a mixture nearly all time would go by with them. */
async function warm({ port }: Peer, kinds: readonly Kind[], { core, warmUp }: RoundOptions): Promise<void> {
  const large = kinds.filter(({ paths }) => paths === LARGE_PATHS);
  const small = kinds.filter(({ paths }) => paths !== LARGE_PATHS);
  const options = { port, core, connections: CONNECTIONS };
  if (small.length > 0) await load(small, { ...options, seconds: warmUp });
  if (large.length > 0) await load(large, { ...options, seconds: Math.ceil(warmUp / 4) });
}

/** Those that can answer one of the cases, each loaded with all that it can answer until its code is compiled. */
async function startPeers(
  options: Options,
  wanted: readonly Case[],
  place: Place,
  turns: RoundOptions,
): Promise<{ peers: Peer[]; stop(): Promise<void> }> {
  const peers: Peer[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(peers.map((peer) => peer.stop())));
  try {
    for (const name of options.peers) {
      const kinds = wanted.filter((one) => one.peers.includes(name)).map(({ kind }) => kind);
      if (kinds.length === 0) continue;
      const peer = await startPeer(name, place);
      peers.push(peer);
      // one that cannot take its load shows it in its rounds as well
      if (warmsUp(name)) await warm(peer, kinds, turns).catch((error) => tell(`${name}, warm-up: ${error}`));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { peers, stop };
}

async function measurePaced(options: Options, place: Place, turns: RoundOptions): Promise<PacedRound[]> {
  const results: PacedRound[] = [];
  const wanted = (['get', 'put', 'conditional-put'] as const).map(findCase);
  const { peers, stop } = await startPeers(options, wanted, place, turns);
  try {
    const subjects = wanted.flatMap(({ name, peers: able }) =>
      peers.filter((peer) => able.includes(peer.name)).map((peer) => ({ name, peer })),
    );
    for (let round = 0; round < options.pacedRounds; round++) {
      for (const { name, peer } of subjects) {
        const paced = await paceOnce(name, peer, options);
        results.push({ case: name, peer: peer.name, paced });
        const said =
          'void' in paced
            ? `void: ${paced.void}`
            : `p50 ${paced.p50.toFixed(2)} ms, p99 ${paced.p99.toFixed(2)} ms`;
        tell(`  ${round + 1}/${options.pacedRounds} at ${PACE}/s ${name}, ${peer.name}: ${said}`);
      }
    }
  } finally {
    await stop();
  }
  return results;
}

async function paceOnce(
  name: CaseName,
  { port }: Peer,
  { leadIn, pacedSeconds }: Options,
): Promise<PacedRound['paced']> {
  const { kind } = findCase(name);
  try {
    if (leadIn > 0) await pace(kind, { port, rate: PACE, seconds: leadIn });
    const paced = await pace(kind, { port, rate: PACE, seconds: pacedSeconds });
    return paced.wrong > 0 ? { void: `${paced.wrong} wrong answers` } : paced;
  } catch (error) {
    return { void: error instanceof Error ? error.message : String(error) };
  }
}

async function measureAll(options: Options, cores: Cores): Promise<Results> {
  const folder = await memoryFolder();
  const steadiness = await watchSteadiness(Object.values(cores));
  const turns = {
    core: cores.load,
    proxyCore: cores.proxy,
    rounds: options.rounds,
    seconds: options.seconds,
    warmUp: options.warmUp,
    leadIn: options.leadIn,
    slowness: () => steadiness.slowness(),
    tell,
  };
  try {
    const origin = await startOrigin(folder, cores.origin);
    const place = { origin, folder, core: cores.proxy };
    try {
      const cases = await measureCases(options, place, turns);
      const paced = options.paced ? await measurePaced(options, place, turns) : [];
      const series: Series[] = [];
      for (const name of options.series) series.push(...(await measureSeries(name, place, turns)));
      return { cases, series, paced };
    } finally {
      await origin.stop();
    }
  } finally {
    steadiness.stop();
    await removeFolder(folder);
  }
}

/** 0: every measured target held and no round was void; 1 otherwise. */
async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  endOnSignals();
  await installPeers();
  const cores = chooseCores();
  pin(process.pid, cores.load);
  const how: Circumstances = {
    command: options.command,
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    machine: describeMachine(),
    cores: describeCores(cores),
    versions: versions(),
    rounds: options.rounds,
    seconds: options.seconds,
    pacedRounds: options.pacedRounds,
    pacedSeconds: options.pacedSeconds,
  };
  tell(`${how.machine}\n${how.cores}\n${how.versions}`);
  const results = await measureAll(options, cores);
  if (options.write) await writePage(results, how);
  for (const section of sectionsOf(results)) process.stdout.write(`${asText(section)}\n`);
  const missed = judge(results).some(({ held }) => held === false);
  return missed || voids(results).length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
