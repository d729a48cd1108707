// What the lock costs a worker: node test/bench/lock-over-ipc.ts
import cluster from 'node:cluster';
import type { Lease } from '../../src/lock/lock.ts';
import { LockServer } from '../../src/lock/lock-server.ts';
import { MemoryLock } from '../../src/lock/memory-lock.ts';
import { RemoteLock } from '../../src/lock/remote-lock.ts';
import { channelOf } from '../../src/workers/channel.ts';

const PAIRS = 20_000;
const AT_ONCE = 64;

function serve(): void {
  const lock = new MemoryLock({ queue: 100, waiting: 10_000 });
  const timeouts = { connect: 3_000, probe: 5_000, write: 30_000, uncertainty: 15_000 };
  const log = { info() {}, warn() {}, error() {} };
  const server = new LockServer({ lock, timeouts, log });
  const worker = cluster.fork();
  server.serve(channelOf(worker.process).lock);
}

async function measure(): Promise<void> {
  const lock = new RemoteLock({ port: channelOf(process).lock, engine: 'memory' });
  const { signal } = new AbortController();
  let keys = 0;
  const once = async (use: (lease: Lease) => Promise<void>): Promise<number> => {
    const started = performance.now();
    const lease = await lock.acquire(`key ${keys++}`, { waitMs: 1_000, signal });
    await use(lease);
    lock.release(lease, { kind: 'known' });
    return performance.now() - started;
  };
  const ways = {
    'acquire and release': async () => {},
    'acquire, arm and release': (lease: Lease) => lock.arm([lease]),
  };
  for (const [name, use] of Object.entries(ways)) {
    for (let count = 0; count < PAIRS / 10; count += 1) await once(use);
    const times: number[] = [];
    for (let count = 0; count < PAIRS; count += 1) times.push(await once(use));
    times.sort((a, b) => a - b);
    const at = (part: number): string => (times[Math.floor(part * PAIRS)] ?? 0).toFixed(4);
    const started = performance.now();
    const one = async (): Promise<void> => {
      for (let count = 0; count < PAIRS / AT_ONCE; count += 1) await once(use);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    const perSecond = Math.round((1000 * PAIRS) / (performance.now() - started));
    console.log(
      `${name}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ${AT_ONCE} at once: ${perSecond} per second`,
    );
  }
  process.exit();
}

if (cluster.isPrimary) serve();
else await measure();
