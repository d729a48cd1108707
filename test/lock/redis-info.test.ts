// INFO of servers as they are: fit for locks or not, and by which tag their memory is known.
import t from 'tap';
import { readInfo, type ServerFacts, UnfitServer } from '../../src/lock/redis-info.ts';
import { startRedis } from '../fixtures/redis-server.ts';

const NONE = '0'.repeat(40);

function info(fields: Readonly<Record<string, string>>): string {
  const all = {
    redis_version: '7.0.15',
    run_id: 'run',
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    loading: '0',
    role: 'master',
    connected_slaves: '0',
    master_replid: 'replid',
    master_replid2: NONE,
    ...fields,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}:${value}`);
  return ['# Server', ...lines, ''].join('\r\n');
}

const fit: Readonly<Record<string, readonly [Readonly<Record<string, string>>, Partial<ServerFacts>]>> = {
  alone: [{}, { tag: 'run.replid', run: 'run', version: '7.0.15', replicated: false, busy: undefined }],
  'with a replica': [{ connected_slaves: '1' }, { replicated: true, busy: undefined }],
  promoted: [{ master_replid2: 'a'.repeat(40) }, { replicated: true, busy: undefined }],
  restarted: [{ run_id: 'other' }, { tag: 'other.replid' }],
  'promoted again': [{ master_replid: 'other' }, { tag: 'run.other' }],
  'the oldest that will do': [{ redis_version: '6.2.0' }, { version: '6.2.0' }],
  'Valkey, which calls itself Redis 7.2.4': [
    { redis_version: '7.2.4', valkey_version: '8.1.0', server_name: 'valkey' },
    { version: '7.2.4' },
  ],
  'of the far future': [{ redis_version: '10.0.0' }, { version: '10.0.0' }],
  'a release candidate': [{ redis_version: '7.0-rc1' }, { version: '7.0-rc1' }],
  'still loading': [{ loading: '1' }, { busy: 'loading' }],
  'a replica': [{ role: 'slave' }, { busy: 'replica' }],
  'a replica that loads': [{ role: 'slave', loading: '1' }, { busy: 'loading' }],
  'that would evict, without a limit': [{ maxmemory_policy: 'allkeys-lru' }, { busy: undefined }],
  'with a limit, that never evicts': [{ maxmemory: '1048576' }, { busy: undefined }],
};
for (const [what, [fields, facts]] of Object.entries(fit)) {
  t.test(`a server ${what} is fit`, (t) => {
    t.match(readInfo(info(fields)), facts);
    t.end();
  });
}

/** Why it is unfit. */
function refusal(text: string): string {
  try {
    return JSON.stringify(readInfo(text));
  } catch (error) {
    return error instanceof UnfitServer ? error.message : String(error);
  }
}

const unfit: Readonly<Record<string, readonly [Readonly<Record<string, string>>, RegExp]>> = {
  'too old': [
    { redis_version: '6.0.16' },
    /the lock engine is too old \(version 6\.0\.16\): use Redis 6\.2 or later, or Valkey/,
  ],
  'far too old': [{ redis_version: '5.0.9' }, /5\.0\.9/],
  'without a version': [{ redis_version: '' }, /version unknown/],
  ...Object.fromEntries(
    ['allkeys-lru', 'allkeys-random', 'volatile-lru', 'volatile-ttl', 'volatile-lfu'].map((policy) => [
      `with ${policy}`,
      [{ maxmemory: '1048576', maxmemory_policy: policy }, new RegExp(`${policy}.*noeviction`)],
    ]),
  ),
};
for (const [what, [fields, message]] of Object.entries(unfit)) {
  t.test(`a server ${what} is unfit, and the message says what to change`, (t) => {
    t.match(refusal(info(fields)), message);
    t.end();
  });
}

t.test('what is no INFO is no server of ours', (t) => {
  for (const text of ['', '\r\n', ':', 'a', ':a', 'redis_version', '# Server'])
    t.match(refusal(text), /too old/);
  t.end();
});

t.test('a real server is fit, and its tag changes with each start', async (t) => {
  const redis = await startRedis(t);
  const before = readInfo(await redis.client.info());
  t.match(before, { tag: /^[0-9a-f]{40}\.[0-9a-f]{40}$/, replicated: false, busy: undefined });
  await redis.restart();
  t.not(readInfo(await redis.client.info()).tag, before.tag);
});
