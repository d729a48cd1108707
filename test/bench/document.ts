// docs/performance.md: how it was measured and what came out, with a part of its own for memory.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DESCRIPTIONS } from './peers.ts';
import { drawPicture } from './picture.ts';
import { asMarkdown, sectionsOf } from './report.ts';
import type { Results } from './results.ts';
import { LEAD_IN } from './rounds.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const PAGE = join(DOCS, 'performance.md');
const PICTURE = join(DOCS, 'performance.svg');

const MEMORY_START = '<!-- memory: written by npm run bench:memory -->';
const MEMORY_END = '<!-- end of memory -->';

/** How a run was made. */
export interface Circumstances {
  readonly command: string;
  readonly date: string;
  readonly machine: string;
  readonly cores: string;
  readonly versions: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly pacedRounds: number;
  readonly pacedSeconds: number;
}

/** Writes page and picture; what the page says about memory stays. */
export async function writePage(results: Results, how: Circumstances): Promise<void> {
  const memory = partBetween(await oldPage());
  await mkdir(DOCS, { recursive: true });
  await writeFile(PICTURE, drawPicture(results));
  await writeFile(PAGE, page(results, how, memory));
}

/** Replaces what the page says about memory. */
export async function writeMemory(text: string): Promise<void> {
  const old = await oldPage();
  const part = `${MEMORY_START}\n\n${text}\n\n${MEMORY_END}`;
  const start = old.indexOf(MEMORY_START);
  const end = old.indexOf(MEMORY_END);
  const whole =
    start === -1 || end === -1
      ? `${old}\n${part}\n`
      : old.slice(0, start) + part + old.slice(end + MEMORY_END.length);
  await mkdir(DOCS, { recursive: true });
  await writeFile(PAGE, whole);
}

function oldPage(): Promise<string> {
  return readFile(PAGE, 'utf8').catch(() => '# Performance\n');
}

function partBetween(text: string): string {
  const start = text.indexOf(MEMORY_START);
  const end = text.indexOf(MEMORY_END);
  if (start === -1 || end === -1) return `${MEMORY_START}\n\nNot measured yet.\n\n${MEMORY_END}`;
  return text.slice(start, end + MEMORY_END.length);
}

/** What to make of the targets. */
const LIMITS = [
  'A conditional PUT is two exchanges with the origin, one after the other, and a plain PUT is one. `bare-node` does the',
  'two with Node and undici and nothing else: no condition is read, nothing is locked, logged, bounded or checked. What it',
  "reaches of node-http-proxy's plain PUT shows how far the first target is from what that can do at all. A 412 is the same",
  'request as the PUT but for the second exchange: the faster an exchange is, the closer the two are. So both are measured',
  'in a second way, against what does the same work: HEAD and PUT by `bare-node`, and one exchange by node-http-proxy.',
];

function page(results: Results, how: Circumstances, memory: string): string {
  const [targets, ...others] = sectionsOf(results);
  return [
    '# Performance',
    '',
    `Made by \`${how.command}\` on ${how.date}. Only ratios from one run mean anything: another machine has other numbers.`,
    '',
    `Machine: ${how.machine}. Pinned: ${how.cores}. ${how.versions}.`,
    '',
    ...(targets === undefined ? [] : [asMarkdown(targets)]),
    ...LIMITS,
    '',
    '![Requests a second, by case and proxy](performance.svg)',
    '',
    '## How it is measured',
    '',
    ...method(how),
    '',
    '## Results',
    '',
    ...others.map(asMarkdown),
    '## Memory',
    '',
    memory,
    '',
  ].join('\n');
}

function method({ rounds, seconds, pacedRounds, pacedSeconds }: Circumstances): string[] {
  return [
    '- The origin is nginx with its DAV module, over files in memory: it stores what is PUT, gives ETag and',
    '  Last-Modified, and checks no condition on a write. Every PUT sends the same `Date`, which nginx makes the time of',
    '  the file, and the same length: so its tag stays what it is, and `If-Match` can carry the real one.',
    `- wrk, one thread, 32 kept connections, 1,000 paths (16 of 1 MiB). ${rounds} rounds of ${seconds} s; in each round every`,
    '  proxy has its turn, so that what else the machine does hits all alike. Numbers are medians of the rounds, ratios are',
    '  medians of the ratios within a round. Every round of the cases has processes of its own, for V8 makes code of',
    '  different speed from one process to the next; delay and what grows are measured on one. Twelve seconds of load with',
    '  the small cases, and three with the large ones, go before for each that runs on V8, which compiles meanwhile: a proxy',
    `  runs for months. For the same reason ${LEAD_IN} s of load go before each of its rounds, too: V8 gives memory back while a`,
    '  program waits for its turn, drops compiled code with it, and the next requests pay for that. ifmatch is started with',
    '  the flags of its image, which keep V8 from doing so; the others as they come.',
    '- Every status is checked: a real request before and after each round, the number of answers with 400 or more, and the',
    '  mean length of all answers. A round with a wrong one is void and listed.',
    '- `core used` is the processor time of the proxy against the clock. With * the proxy was not the limit: origin, load or',
    '  other programs were, and it could have done more.',
    '- By processor time: the same ratio of what one request costs the proxies. It holds where origin, load or other',
    '  programs were the limit.',
    '- At log level warn: the same ratio for an ifmatch that writes no line for a request. None of the others writes one;',
    '  the targets are judged with the line, as ifmatch comes.',
    `- Delay: an open load that sends on the tick, whatever is still unanswered; ${pacedRounds} rounds of ${pacedSeconds} s, each behind`,
    `  ${LEAD_IN} s of the same load. Its own lateness is in the last column.`,
    '',
    ...Object.entries(DESCRIPTIONS).map(([name, words]) => `- ${name}: ${words}`),
  ];
}
