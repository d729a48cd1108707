// What is limited for the gateway is divided among its workers.

import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { shareOf } from '../../src/workers/share.ts';

t.test('connections of clients and to the origin, never more than configured', async (t) => {
  const text = 'workers: 3\norigin: { url: "http://o:1", connections: 128 }\nlimits: { connections: 1000 }\n';
  const loaded = loadConfig({ text, env: {}, flags: {} });
  if ('faults' in loaded) throw new Error('it loads');
  const share = shareOf(loaded.config);
  t.equal(share.origin.connections, 42);
  t.equal(share.limits.connections, 333);
  t.equal(share.admin, 'off', 'the admin listener is for all of them');
  t.same(share.lock, loaded.config.lock);
});
