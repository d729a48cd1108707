// Micro-benchmarks of route/: targets parsed, routes matched, resource keys made.

import { buildResources } from '../../../src/route/resource.ts';
import type { Route } from '../../../src/route/route.ts';
import { buildRouteTable } from '../../../src/route/route-table.ts';
import { parseTarget, type Target } from '../../../src/route/target.ts';
import type { Micro } from './timing.ts';

const DEFAULTS: Route = {
  path: '*',
  mode: 'enforce',
  methods: ['PUT', 'PATCH', 'DELETE'],
  probe: 'auto',
  weak: 'reject',
  undecided: 'refuse',
  case: 'sensitive',
  cors: 'pass',
  override: 'strip',
};

function tableOf(size: number) {
  const paths = Array.from({ length: size - 1 }, (_, at) =>
    at % 2 === 0 ? `/area-${at}/:id/*` : `/:tenant/area-${at}/*`,
  );
  return buildRouteTable(
    [...paths, '/wiki/:page'].map((path) => ({ ...DEFAULTS, path })),
    DEFAULTS,
  );
}

function targetOf(text: string): Target {
  const target = parseTarget(text, 'wiki.example');
  if ('code' in target) throw new Error(target.detail);
  return target;
}

const plain = targetOf('/wiki/home');
const unmatched = targetOf('/files/2026/01/report.pdf');
const small = tableOf(1);
const large = tableOf(1000);
const match = small.match(plain);
const resources = buildResources([], small);

export const MICROS: readonly Micro[] = [
  { name: 'parseTarget, plain', run: () => parseTarget('/wiki/home', 'wiki.example') },
  { name: 'parseTarget, query', run: () => parseTarget('/wiki/home?draft=1&lang=en', 'wiki.example') },
  {
    name: 'parseTarget, encoded separators',
    run: () => parseTarget('/api/projects/group%2Fproject;v=1//x', 'wiki.example'),
  },
  { name: 'match, 1 route', run: () => small.match(plain) },
  { name: 'match, 1,000 routes, the last', run: () => large.match(plain) },
  { name: 'match, 1,000 routes, none', run: () => large.match(unmatched) },
  { name: 'resource', run: () => (match === 'ambiguous' ? undefined : resources.of(match, plain)) },
];
