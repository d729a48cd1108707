// Drops: a flood of connections too many does not flood the log, and none of them is left out.

import t from 'tap';
import { Drops } from '../../src/app/drops.ts';
import { openLog } from '../../src/app/log.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { connect } from '../fixtures/raw-client.ts';
import { until } from '../fixtures/until.ts';

const sum = (lines: readonly Readonly<Record<string, unknown>>[]): number =>
  lines.reduce((total, { dropped }) => total + Number(dropped), 0);

t.test('a flood: a line at once, one for all others, and none for nothing', async (t) => {
  const lines: Record<string, unknown>[] = [];
  const { events } = openLog('info', { write: (line) => lines.push(JSON.parse(line)) });
  const drops = new Drops(events, 7);
  for (let i = 0; i < 1_000; i++) drops.add();
  t.match(lines, [{ level: 40, dropped: 1, limit: 7, msg: /limits\.connections/ }]);
  await until(() => lines.length === 2, 'the line for those that came since');
  t.match(lines[1], { dropped: 999 });
  drops.add();
  t.equal(lines.length, 2);
  drops.stop();
  t.match(lines[2], { dropped: 1 });
  drops.stop();
  t.equal(lines.length, 3);
});

t.test('connections too many, by TCP: each is counted', async (t) => {
  const ifmatch = await startIfmatch(t, { origin: 'http://127.0.0.1:1', yaml: 'limits: { connections: 3 }' });
  const clients = await Promise.all(Array.from({ length: 10 }, () => connect(ifmatch.port)));
  await until(() => clients.filter(({ socket }) => socket.closed).length === 7, 'those too many are closed');
  for (const client of clients) client.close();
  await ifmatch.stop();
  const said = ifmatch.log.filter(({ dropped }) => dropped !== undefined);
  t.ok(said.length <= 2);
  t.ok(said.every(({ level, limit }) => level === 40 && limit === 3));
  t.equal(sum(said), 7);
});
