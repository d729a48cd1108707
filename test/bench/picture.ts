// docs/performance.svg: requests a second of every peer, as bars; one panel for each case.

import { findCase } from './cases.ts';
import { summarize } from './numbers.ts';
import type { Results } from './results.ts';

/** All in the picture's own units. */
const WIDTH = 760;
const LABEL = 150;
const NUMBER = 70;
const BAR = 16;
const GAP = 5;
const HEAD = 34;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .bar { fill: #9aa7b4; }
  .ours { fill: #0a7d5a; }
  .origin { fill: #d5dbe1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #d7dde3; }
    .bar { fill: #66727e; }
    .ours { fill: #35c08f; }
    .origin { fill: #3a434c; }
  }`;

/** An SVG document; without anything measured an empty one. */
export function drawPicture({ cases }: Results): string {
  let y = 8;
  const parts: string[] = [];
  for (const [name, peers] of cases) {
    const rates = [...peers].map(([peer, rounds]) => ({ peer, rate: summarize(rounds).rate }));
    const counted = rates.filter(({ rate }) => !Number.isNaN(rate));
    if (counted.length === 0) continue;
    const most = Math.max(...counted.map(({ rate }) => rate));
    y += HEAD;
    parts.push(`<text class="title" x="0" y="${y - 10}">${findCase(name).title}</text>`);
    for (const { peer, rate } of counted) {
      const width = Math.max(1, (rate / most) * (WIDTH - LABEL - NUMBER));
      const kind = peer.startsWith('ifmatch') ? 'ours' : peer === 'origin' ? 'origin' : 'bar';
      parts.push(
        `<text x="${LABEL - 8}" y="${y + BAR - 4}" text-anchor="end">${peer}</text>`,
        `<rect class="${kind}" x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>`,
        `<text x="${(LABEL + width + 6).toFixed(1)}" y="${y + BAR - 4}">${Math.round(rate).toLocaleString('en')}</text>`,
      );
      y += BAR + GAP;
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" role="img">`,
    '<title>Requests a second, by case and proxy</title>',
    `<style>${STYLE}\n</style>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
