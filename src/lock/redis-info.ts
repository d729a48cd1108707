// What INFO says of a server: whether locks may be kept there, and by which tag its memory is known.

/** Locks must not be kept on this server as it is; the message says what to change. */
export class UnfitServer extends Error {}

export interface ServerFacts {
  /**
   * Changes whenever the server may have lost locks: `run_id` with each restart, `master_replid` with each promotion. By
   * the first alone a failback to a stale server would not show.
   */
  readonly tag: string;
  /** `run_id`: the process behind a connection, and so the same on all connections that lead to it. */
  readonly run: string;
  readonly version: string;
  /** It has replicas, or was one itself: a failover may lose what had not reached the promoted one. */
  readonly replicated: boolean;
  /** It still reads its data, or is a replica: it may be fit later. */
  readonly busy: 'loading' | 'replica' | undefined;
}

const OLDEST = [6, 2];
const NO_REPLICATION_ID = /^0*$/;

/** Reads the text of INFO. Throws UnfitServer. */
export function readInfo(text: string): ServerFacts {
  const fields = new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
  const field = (name: string): string => fields.get(name) ?? '';
  const version = field('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor))
    throw new UnfitServer(
      `the lock engine is too old (version ${version || 'unknown'}): use Redis 6.2 or later, or Valkey`,
    );
  const policy = field('maxmemory_policy');
  if (policy !== 'noeviction' && Number(field('maxmemory')) > 0)
    throw new UnfitServer(
      `maxmemory-policy of the lock engine is ${policy}: it would evict locks; set it to noeviction`,
    );
  const replica = field('role') === 'slave';
  return {
    tag: `${field('run_id')}.${field('master_replid')}`,
    run: field('run_id'),
    version,
    replicated: Number(field('connected_slaves')) > 0 || !NO_REPLICATION_ID.test(field('master_replid2')),
    busy: field('loading') === '1' ? 'loading' : replica ? 'replica' : undefined,
  };
}
