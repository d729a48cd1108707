// The plan for all that a request writes to: a MOVE or COPY into what is guarded takes its turn there, wherever it comes from.

import t from 'tap';
import { planRequest } from '../../src/app/request-plan.ts';
import { buildResources } from '../../src/route/resource.ts';
import type { Mode } from '../../src/route/route.ts';
import { buildRouteTable } from '../../src/route/route-table.ts';
import { readPreconditions } from '../../src/semantics/preconditions.ts';
import { aRoute, aTarget } from '../fixtures/routes.ts';

const MODES: readonly Mode[] = ['off', 'observe', 'warn', 'enforce', 'require'];
const routes = MODES.map((mode) => aRoute(`/${mode}/*`, { mode }));
const table = buildRouteTable(routes, aRoute('*'));
const gateway = { table, resources: buildResources(routes, table) };

function planOf(method: string, from: string, to: string): string {
  const target = aTarget(from);
  const match = table.match(target);
  if (match === 'ambiguous') throw new Error(match);
  const fields = ['Host', 'x', 'Destination', to];
  const received = { method, target, host: 'x', fields };
  return planRequest(received, match.route, readPreconditions(fields, 0), gateway).plan.kind;
}

/** What becomes of a write where nothing guarded is its destination. */
const ALONE: Record<Mode, string> = {
  off: 'forward',
  observe: 'observe',
  warn: 'observe',
  enforce: 'locked',
  require: 'locked',
};

for (const from of MODES) {
  for (const to of MODES) {
    const wanted = to === 'enforce' || to === 'require' ? 'locked' : ALONE[from];
    t.test(`from mode ${from} to mode ${to}: ${wanted}`, async (t) => {
      for (const method of ['MOVE', 'COPY']) t.equal(planOf(method, `/${from}/a`, `/${to}/b`), wanted);
      t.equal(planOf('POST', `/${from}/a`, `/${to}/b`), ALONE[from], 'Destination is nothing to others');
    });
  }
}
