// The cost as it grows: ifmatch alone, with more connections, routes, entity-tags, and writers that wait.

import { findCase, type Kind, SMALL, tagOf, withField } from './cases.ts';
import { type Summary, summarize } from './numbers.ts';
import type { SeriesName } from './options.ts';
import { type Peer, type Place, startIfmatch } from './peers.ts';
import { measureInTurns, type RoundOptions, type Subject } from './rounds.ts';

export interface Point {
  readonly size: number;
  readonly summary: Summary;
}

export interface Series {
  readonly title: string;
  /** What is counted in `size`. */
  readonly unit: string;
  readonly points: readonly Point[];
}

const CONNECTIONS = 32;

/** Enough for every writer of the series. */
const PATIENT = 'lock: { queue: 2000, wait: 60s }';

/** Measures one of them; each starts and stops what it needs. */
export async function measureSeries(
  name: SeriesName,
  place: Place,
  options: RoundOptions,
): Promise<Series[]> {
  switch (name) {
    case 'connections':
      return connections(place, options);
    case 'routes':
      return [await routes(place, options)];
    case 'tags':
      return [await tags(place, options)];
    case 'writers':
      return [await writers(place, options)];
  }
}

const SIZES = [1, 10, 32, 100, 1000];

async function connections(place: Place, options: RoundOptions): Promise<Series[]> {
  const peer = await startIfmatch(place);
  try {
    const all: Series[] = [];
    for (const { kind, title } of [findCase('get'), findCase('conditional-put')]) {
      const points = SIZES.map((size) => ({
        size,
        subject: subjectOf(peer, size, 'connections', kind, size),
      }));
      all.push({ title, unit: 'connections', points: await measurePoints(points, options) });
    }
    return all;
  } finally {
    await peer.stop();
  }
}

async function routes(place: Place, options: RoundOptions): Promise<Series> {
  const { kind, title } = findCase('conditional-put');
  const peers: Peer[] = [];
  try {
    const points = [];
    for (const size of [1, 10, 100, 1000]) {
      const peer = await startIfmatch(place, { more: manyRoutes(size) });
      peers.push(peer);
      points.push({ size, subject: subjectOf(peer, size, 'routes', kind, CONNECTIONS) });
    }
    const unit = 'routes, of which the last one matches';
    return { title, unit, points: await measurePoints(points, options) };
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}

/** As routes are: some literal, some with parameters, all of other paths but the last. */
function manyRoutes(size: number): string {
  const others = Array.from({ length: size - 1 }, (_, number) =>
    number % 2 === 0 ? `/area-${number}/:id/*` : `/:tenant/area-${number}/*`,
  );
  return ['routes:', ...[...others, '/small/*'].map((path) => `  - path: ${path}`)].join('\n');
}

async function tags(place: Place, options: RoundOptions): Promise<Series> {
  const peer = await startIfmatch(place);
  const { kind } = findCase('put');
  try {
    const points = [1, 10, 100].map((size) => {
      const others = Array.from({ length: size - 1 }, (_, number) => `"${(number + 1e9).toString(16)}-400"`);
      const field = `If-Match: ${[...others, tagOf(SMALL)].join(', ')}`;
      return { size, subject: subjectOf(peer, size, 'tags', withField(kind, field), CONNECTIONS) };
    });
    const unit = 'entity-tags in If-Match, of which the last one matches';
    return {
      title: 'PUT with the current tag in If-Match',
      unit,
      points: await measurePoints(points, options),
    };
  } finally {
    await peer.stop();
  }
}

async function writers(place: Place, options: RoundOptions): Promise<Series> {
  const peer = await startIfmatch(place, { more: PATIENT });
  const { kind, title } = findCase('conditional-put-hot');
  try {
    const points = [1, 10, 100, 1000].map((size) => ({
      size,
      subject: subjectOf(peer, size, 'waiting writers', kind, size + 1),
    }));
    return { title, unit: 'writers that wait for it', points: await measurePoints(points, options) };
  } finally {
    await peer.stop();
  }
}

function subjectOf(
  { port, pid }: Peer,
  size: number,
  unit: string,
  kind: Kind,
  connections: number,
): Subject {
  return { label: `${size} ${unit}`, port, pid, kind, connections, warmsUp: true };
}

async function measurePoints(
  points: readonly { readonly size: number; readonly subject: Subject }[],
  options: RoundOptions,
): Promise<Point[]> {
  const results = await measureInTurns(
    points.map(({ subject }) => subject),
    options,
  );
  return points.map(({ size }, index) => ({ size, summary: summarize(results[index] ?? []) }));
}
