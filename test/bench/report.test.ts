// The benchmark's own sums: what makes a round void, medians and ratios, and the tables.

import t from 'tap';
import type { CaseName, PeerName } from './cases.ts';
import { fault, readLoad } from './load.ts';
import { costRatioOf, median, ratioOf, summarize } from './numbers.ts';
import { drawPicture } from './picture.ts';
import { asMarkdown, asText, sectionsOf } from './report.ts';
import { disturbance, judge, type Results, voids } from './results.ts';
import type { Round } from './rounds.ts';

const LINE =
  '{"requests":1000,"microseconds":2000000,"bytes":200000,"p50":1500,"p99":9000,"refused":0,"broken":0,"timeouts":0}';

function aRound(rate: number): Round {
  return {
    load: { ...readLoad(LINE), requests: rate * 2 },
    rate,
    busy: 1,
    cost: 1e6 / rate,
    others: 0,
    slowness: 1,
  };
}

function resultsOf(rates: readonly [CaseName, PeerName, readonly Round[]][]): Results {
  const cases = new Map<CaseName, Map<PeerName, readonly Round[]>>();
  for (const [name, peer, rounds] of rates)
    cases.set(name, new Map([...(cases.get(name) ?? []), [peer, rounds]]));
  return { cases, series: [], paced: [] };
}

t.test('the line of load.lua is read, among all that wrk says', async (t) => {
  const load = readLoad(`Running 2s test\n  32 connections\n${LINE}\n`);
  t.equal(load.seconds, 2);
  t.equal(load.p50, 1.5);
  t.equal(load.p99, 9);
  t.throws(() => readLoad('Running 2s test\n'), 'wrk that was cut off');
  t.throws(() => readLoad('{"requests":1}'));
});

t.test('a round with a wrong answer is void', async (t) => {
  const load = readLoad(LINE);
  t.equal(fault(load, 204, 200), undefined);
  t.match(fault({ ...load, refused: 1 }, 204, 200), /1 of 1000/);
  t.match(fault(load, 412, 200), /0 of 1000/, 'a 412 that did not come');
  t.equal(fault({ ...load, refused: 1000 }, 412, 200), undefined);
  t.match(fault({ ...load, refused: 999 }, 412, 200), /999 of 1000/);
  t.match(fault(load, 304, 1300), /200 bytes/, 'answers of another length than the one that was looked at');
  t.match(fault({ ...load, broken: 1 }, 204, 200), /1 broken/);
  t.match(fault({ ...load, timeouts: 1 }, 204, 200), /1 timeouts/);
  t.match(fault({ ...load, requests: 0 }, 204, 200), /no answer/);
});

t.test('medians and ratios leave void rounds out', async (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
  t.ok(Number.isNaN(median([])));
  const wrong: Round = { void: 'status 500, not 204' };
  t.same(summarize([aRound(100), wrong, aRound(300)]).rate, 200);
  t.same(summarize([wrong]).voids, ['status 500, not 204']);
  const ratio = ratioOf([aRound(100), wrong, aRound(300)], [aRound(50), aRound(50), aRound(100)]);
  t.same(ratio, { median: 2.5, least: 2, most: 3 }, 'each round against the same round');
  t.equal(ratioOf([wrong], [aRound(1)]), undefined);
  t.equal(costRatioOf([aRound(100)], [aRound(50)])?.median, 2, 'half the processor time is twice the speed');
});

t.test('targets are held, missed, or not measured', async (t) => {
  const results = resultsOf([
    ['conditional-put', 'ifmatch', [aRound(100)]],
    ['put', 'node-http-proxy', [aRound(90)]],
    ['failed', 'ifmatch', [aRound(140)]],
    ['conditional-put', 'ifmatch-warn', [aRound(180)]],
    ['failed', 'ifmatch-warn', [aRound(270)]],
  ]);
  const [put, lua, , , failed] = judge(results);
  t.match(
    [put?.unlogged, lua?.unlogged, failed?.unlogged],
    [/^2\.00 /, /^$/, /^1\.50 /],
    'ours without lines',
  );
  t.equal(put?.held, true);
  t.equal(lua?.held, undefined);
  t.equal(failed?.held, false);
  t.equal(
    judge(results).find(({ target }) => target.startsWith('PUT that ends in 412 at least 1 of'))?.held,
    true,
  );
  t.equal(disturbance(results), undefined);
  const used = resultsOf([['get', 'ifmatch', [aRound(1), { ...aRound(1), others: 0.5 }]]]);
  t.match(disturbance(used), /1 of 2 rounds \(.* up to 50 %.* up to 1\.00 times/);
  const slowed = resultsOf([['get', 'ifmatch', [aRound(1), { ...aRound(1), slowness: 1.3 }]]]);
  t.match(disturbance(slowed), /1 of 2 rounds \(.* up to 0 %.* up to 1\.30 times/);
});

t.test('tables: aligned for the terminal, Markdown for the page', async (t) => {
  const section = {
    title: 'T',
    table: [
      ['', 'n'],
      ['long', '1'],
      ['x', '20'],
    ],
  };
  t.equal(asText(section), '\nT\n       n\nlong   1\nx     20');
  t.equal(asMarkdown(section), '### T\n\n|  | n |\n| --- | ---: |\n| long | 1 |\n| x | 20 |\n');
  const results = resultsOf([
    ['get', 'origin', [aRound(2000)]],
    ['get', 'ifmatch', [aRound(1000), { void: 'status 502, not 200' }]],
  ]);
  const text = sectionsOf(results).map(asText).join('\n');
  t.match(text, /^ifmatch +1,000 \(1 void\)/m);
  t.match(text, /get, ifmatch: status 502, not 200/);
  t.same(voids(results), ['get, ifmatch: status 502, not 200']);
  const picture = drawPicture(results);
  t.equal(picture.match(/<rect/g)?.length, 2);
});
