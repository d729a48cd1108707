// Orders and reports come from another process: what is none is not taken for one.

import t from 'tap';
import { type Order, type Report, readOrder, readReport } from '../../src/workers/order.ts';

const sent = (message: object): unknown => JSON.parse(JSON.stringify(message));

t.test('what was meant arrives', async (t) => {
  const orders: Order[] = [
    { op: 'start', number: 1, via: 'v', source: { flags: { origin: 'http://o' } } },
    { op: 'start', number: 2, via: 'v', source: { file: 'f', text: 'origin: http://o', flags: {} } },
    {
      op: 'start',
      number: 3,
      via: 'v',
      source: { flags: { origin: 'http://o', listen: ':1', admin: ':2' } },
    },
    { op: 'stop', delayMs: 0 },
  ];
  for (const order of orders) t.same(sent(readOrder(sent(order)) ?? {}), sent(order));
  const reports: Report[] = [
    { op: 'listening', data: 'unix:/s' },
    { op: 'fault', message: 'no' },
  ];
  for (const report of reports) t.same(readReport(sent(report)), report);
});

t.test('anything else does not', async (t) => {
  const start = { op: 'start', number: 1, via: 'v', source: { flags: {} } };
  const rows: unknown[] = [
    ...[
      undefined,
      null,
      7,
      'stop',
      [],
      {},
      { op: 'stop' },
      { op: 'stop', delayMs: null },
      { op: 'toString' },
    ],
    ...[
      { ...start, number: '1' },
      { ...start, via: 1 },
      { ...start, source: {} },
      { ...start, source: null },
    ],
    ...[
      { ...start, source: { flags: { origin: 1 } } },
      { ...start, source: { text: 1, flags: {} } },
      { ...start, source: { file: 1, flags: {} } },
      { ...start, source: { flags: { listen: 1 } } },
      { ...start, source: { flags: { admin: 1 } } },
      { ...start, source: { flags: [] } },
    ],
    ...[{ op: 'listening' }, { op: 'fault', message: {} }],
  ];
  for (const row of rows)
    t.same([readOrder(row), readReport(row)], [undefined, undefined], JSON.stringify(row));
});
