// Requests of a grammar and their mutants, for as long as IFMATCH_FUZZ_SECONDS says (10); the seed is printed and can be set by
// IFMATCH_FUZZ_SEED, the number of cases bounded by IFMATCH_FUZZ_CASES. IFMATCH_FUZZ_REPLAY runs one printed case.

import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { watchThrown } from '../fixtures/thrown.ts';
import { deliver, readAnswers } from './answers.ts';
import { isProbe, isWrite, wrongOf } from './judge.ts';
import { type RecordingOrigin, startRecordingOrigin } from './recording-origin.ts';
import { anyCase, type Case } from './requests.ts';
import { readRequests } from './strict-reader.ts';

const {
  IFMATCH_FUZZ_SECONDS = '10',
  IFMATCH_FUZZ_SEED,
  IFMATCH_FUZZ_CASES,
  IFMATCH_FUZZ_REPLAY,
} = process.env;
const seconds = Number(IFMATCH_FUZZ_SECONDS);
const seed = Number(IFMATCH_FUZZ_SEED ?? Date.now() % 0x7fffffff);
/** Pairs of ifmatch and origin, each for a case at a time, so that everything that happens belongs to that case. */
const LANES = 6;
const cases = Math.ceil(Number(IFMATCH_FUZZ_CASES ?? seconds * 2000) / LANES);

/** Small enough a buffer that some content is streamed; short enough deadlines that no case waits for long. */
const YAML = `
buffer: 64B
limits: { idle: 300ms, upload: 500ms, arrival: 1s }
routes: [{ path: /page.txt/*, mode: off }]`;
const TIMEOUTS = { connect: 1000, probe: 1000, read: 1000, write: 400, uncertainty: 20 };

t.setTimeout((seconds + 300) * 1000);

interface Lane {
  readonly origin: RecordingOrigin;
  readonly ifmatch: Ifmatch;
}

interface Tally {
  cases: number;
  requests: number;
  forwarded: number;
  writes: number;
  refused: number;
}

async function startLane(t: Test): Promise<Lane> {
  const origin = await startRecordingOrigin(t);
  const url = `http://127.0.0.1:${origin.port}`;
  return { origin, ifmatch: await startIfmatch(t, { origin: url, yaml: YAML, timeouts: TIMEOUTS }) };
}

/** Runs the case and returns all that is wrong afterwards. */
async function faultsOf(
  lane: Lane,
  given: Case,
  thrown: readonly unknown[],
  tally: Tally,
): Promise<string[]> {
  const { origin, ifmatch } = lane;
  await ifmatch.idle();
  origin.forget();
  const { length } = ifmatch.log;
  const reading = readRequests(given.bytes);
  const methods = [...reading.requests, reading.begun].map((request) => request?.method ?? 'GET');
  const answers = readAnswers(await deliver(ifmatch.port, given, reading), methods);
  if (typeof answers === 'string') return [answers];
  await ifmatch.idle();
  const seen = () => ({
    reading,
    answers,
    log: ifmatch.log.slice(length).filter(({ path }) => path !== '/control'),
    executed: origin.executed.filter((one) => !isProbe(one) && one.target !== '/control'),
  });
  // a line is written when all is over, which may be after the answer
  for (let turns = 0; turns < 40 && wrongOf(seen()).length > 0; turns++) await sleep(5);
  const control = await exchange(ifmatch.port, 'PUT', '/control', ['If-Match: "v1"'], 'good');
  const { executed } = seen();
  tally.cases += 1;
  tally.requests += reading.requests.length;
  tally.forwarded += executed.length;
  tally.writes += executed.filter(isWrite).length;
  tally.refused += answers.filter(({ status }) => status >= 400).length;
  return [
    ...wrongOf(seen()),
    ...origin.faults.map((bytes) => `the origin got what is no request: ${bytes}`),
    ...(control.status === 200 ? [] : [`control: ${control.status}`]),
    ...thrown.map((error) => `thrown: ${error instanceof Error ? error.stack : error}`),
  ];
}

/** The case as it is to be replayed: IFMATCH_FUZZ_REPLAY=... node test/fuzz/mutations.test.ts. */
const replayable = (given: Case): string => Buffer.from(JSON.stringify(given)).toString('base64');

if (IFMATCH_FUZZ_REPLAY !== undefined) {
  t.test('a case that was printed', async (t) => {
    const lane = await startLane(t);
    const given: Case = JSON.parse(Buffer.from(IFMATCH_FUZZ_REPLAY, 'base64').toString());
    t.same(await faultsOf(lane, given, watchThrown(t), noTally()), [], JSON.stringify(given));
    t.comment(lane.ifmatch.log);
  });
}

t.test(`seed ${seed}`, { skip: IFMATCH_FUZZ_REPLAY !== undefined }, async (t) => {
  const thrown = watchThrown(t);
  const tally = noTally();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: LANES }, async (_, i) => {
      const lane = await startLane(t);
      const property = fc.asyncProperty(anyCase, async (given) => {
        const faults = await faultsOf(lane, given, thrown, tally);
        if (faults.length > 0) throw new Error(faults.join('\n'));
      });
      const result = await fc.check(property, {
        seed: seed + i,
        numRuns: cases,
        interruptAfterTimeLimit: seconds * 1000,
        markInterruptAsFailure: false,
      });
      const [given] = result.counterexample ?? [];
      const shown =
        given === undefined ? '' : `${JSON.stringify(given)}\nIFMATCH_FUZZ_REPLAY=${replayable(given)}`;
      t.notOk(result.failed, `lane ${i}: ${result.numRuns} cases ${shown}\n${result.errorInstance ?? ''}`);
    }),
  );
  t.comment(`seed ${seed}, ${Math.round(performance.now() - started)} ms: ${JSON.stringify(tally)}`);
  t.ok(tally.forwarded > 0 && tally.writes > 0 && tally.refused > 0, 'some are performed and some refused');
});

function noTally(): Tally {
  return { cases: 0, requests: 0, forwarded: 0, writes: 0, refused: 0 };
}
