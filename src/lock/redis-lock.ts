// One writer per key across processes: this process's own queue in front, the fair queue in Redis behind it.

import type { CancelSignal } from '../cancel-signal.ts';
import { GatewayError } from '../errors.ts';
import { type Clock, type Moment, momentOf } from './clock.ts';
import type { AcquireOptions, EngineState, Fate, Lease, Lock, LockState } from './lock.ts';
import type { LockLog } from './lock-log.ts';
import type { LockRecord } from './lock-record.ts';
import type { MemoryLock } from './memory-lock.ts';
import { Refused } from './redis-connection.ts';
import { type Place, RedisLease } from './redis-lease.ts';
import type { LockQueue } from './redis-queue.ts';
import { PendingReleases } from './redis-releases.ts';
import { Sleeper } from './redis-sleeper.ts';
import { pauseFor, refusalOf } from './redis-wait.ts';
import { clientGone, lost, shuttingDown, unavailable } from './refusals.ts';

export interface RedisLockOptions {
  readonly queue: LockQueue;
  /** Whose turn it is in this process: one request per key and process talks to Redis. */
  readonly turns: MemoryLock;
  /** Milliseconds: while the state is asked for, and from the moment a write may be sent. */
  readonly leaseMs: { readonly check: number; readonly write: number };
  /** What happens to writes while Redis cannot be asked. */
  readonly down: 'closed' | 'local' | 'open';
  readonly record: LockRecord;
  readonly log: LockLog;
  readonly clock: Clock;
}

/** How often leases are looked at that may need renewal, milliseconds. */
const RENEW = 500;
/** Leases renewed in one command. */
const BATCH = 500;
const KNOWN: Fate = { kind: 'known' };

export class RedisLock implements Lock {
  readonly #options: RedisLockOptions;
  readonly #held = new Set<RedisLease>();
  readonly #sleepers = new Set<Sleeper>();
  readonly #obtaining = new Set<Promise<RedisLease>>();
  readonly #releases: PendingReleases;
  #guardUntil = 0;
  #stopped = false;
  #cancelRenewal: () => void;

  constructor(options: RedisLockOptions) {
    this.#options = options;
    this.#releases = new PendingReleases(options);
    this.#cancelRenewal = this.#renewLater();
  }

  /** To be called whenever the engine can be asked again, or has turned out to be another one. */
  connected(): void {
    this.#releases.retryAll();
    this.#options.queue.guardRest().then(
      (restMs) => this.#noteGuard(restMs),
      () => {}, // the next request finds out what is wrong
    );
  }

  async acquire(key: string, options: AcquireOptions): Promise<Lease> {
    const { turns, queue, down, clock } = this.#options;
    if (down === 'open' && !queue.up && !this.#stopped) return this.#unserialised(key, undefined);
    const started = clock.now();
    const turn = await turns.acquire(key, options);
    const obtaining = this.#obtain(turn, options.waitMs, started, options.signal);
    this.#obtaining.add(obtaining);
    try {
      return await obtaining;
    } catch (error) {
      turns.release(turn, KNOWN);
      throw error;
    } finally {
      this.#obtaining.delete(obtaining);
    }
  }

  async arm(leases: readonly Lease[]): Promise<void> {
    const { queue, leaseMs, down, clock } = this.#options;
    const mine = leases.filter((lease) => lease instanceof RedisLease);
    if (mine.length < leases.length || mine.some((lease) => !this.#held.has(lease))) throw lost();
    const shared = mine.filter((lease) => !lease.unserialised);
    if (shared.length === 0) return;
    const from = momentOf(clock);
    let extended: readonly boolean[];
    try {
      extended = await queue.arm(placesOf(shared), leaseMs.write);
    } catch (cause) {
      if (down === 'closed') throw unavailable(cause);
      for (const lease of shared) lease.unserialised = true;
      return;
    }
    for (const [at, lease] of shared.entries()) this.#prolonged(lease, extended[at], from, leaseMs.write);
    if (shared.some((lease) => lease.lost)) throw lost();
    for (const lease of shared) lease.armed = true;
  }

  release(lease: Lease, fate: Fate): void {
    if (!(lease instanceof RedisLease) || !this.#held.delete(lease)) return;
    if (lease.turn !== undefined) this.#options.turns.release(lease.turn, fate);
    if (lease.fence === undefined) return; // it never was in Redis
    this.#releases.release(lease, fate.kind === 'known' ? 0 : fate.quarantineMs);
  }

  state(): LockState {
    const { waiting, quarantined } = this.#options.turns.state();
    return { held: this.#held.size, waiting: waiting + this.#sleepers.size, quarantined };
  }

  engine(): EngineState {
    const guardMs = Math.max(0, Math.ceil(this.#guardUntil - this.#options.clock.now()));
    return { engine: 'redis', up: this.#options.queue.up, guardMs };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRenewal();
    for (const sleeper of this.#sleepers) sleeper.wake('stop');
    await this.#options.turns.stop();
    await Promise.allSettled(this.#obtaining); // what was asked may yet be granted, and is to be given back
    await this.#releases.end();
    this.#options.queue.stop();
  }

  /** Asks until it is granted, refused, or nobody wants it any more; the place in Redis's queue is kept meanwhile. */
  async #obtain(turn: Lease, waitMs: number, started: number, signal: CancelSignal): Promise<RedisLease> {
    const { queue, leaseMs, record, clock, down } = this.#options;
    const place = queue.placeFor(turn.key);
    const sleeper = new Sleeper(clock, signal);
    this.#sleepers.add(sleeper);
    queue.awaitWake(place, () => sleeper.wake('wake'));
    let mayStand = false; // the engine may have given it the lock, or a place in the queue
    try {
      for (;;) {
        this.#checkWanted(signal);
        const stoodBefore: boolean = mayStand;
        mayStand ||= queue.up;
        const from = momentOf(clock);
        const reply = await queue.acquire(place, leaseMs.check).catch((error: unknown) => {
          if (error instanceof Refused) mayStand = stoodBefore;
          throw error;
        });
        if (reply.kind === 'guarded') mayStand = stoodBefore;
        if (reply.kind === 'granted') {
          this.#checkWanted(signal);
          const lease = new RedisLease({ key: turn.key, turn, place, from, clock, ...reply });
          this.#held.add(lease);
          return lease;
        }
        const rest = waitMs - (clock.now() - started);
        if (reply.kind === 'guarded') this.#noteGuard(reply.restMs);
        const refusal = refusalOf(reply, rest, waitMs);
        if (refusal !== undefined) throw refusal;
        const by = await sleeper.sleep(Math.min(pauseFor(reply, queue.hears), rest));
        if (by === 'wake' || by === 'time') record.woken(by === 'wake' ? 'wake' : 'poll');
      }
    } catch (error) {
      if (mayStand) this.#releases.withdraw(place);
      if (error instanceof GatewayError) throw error;
      this.#checkWanted(signal);
      if (down === 'closed') throw unavailable(error);
      return this.#unserialised(turn.key, turn);
    } finally {
      sleeper.end();
      this.#sleepers.delete(sleeper);
      queue.forgetWake(place);
    }
  }

  #checkWanted(signal: CancelSignal): void {
    if (this.#stopped) throw shuttingDown();
    if (signal.aborted) throw clientGone();
  }

  /** A lease that other processes know nothing of. */
  #unserialised(key: string, turn: Lease | undefined): RedisLease {
    const { queue, leaseMs, clock } = this.#options;
    const place = queue.placeFor(key);
    const from = momentOf(clock);
    const lease = new RedisLease({ key, turn, place, fence: undefined, from, leaseMs: leaseMs.check, clock });
    lease.unserialised = true;
    this.#held.add(lease);
    return lease;
  }

  #noteGuard(restMs: number): void {
    const { clock, log } = this.#options;
    if (restMs > 0 && this.#guardUntil < clock.now())
      log.warn(
        { guardMs: restMs },
        'the lock engine has lost its memory: no writes until none from before can be under way',
      );
    this.#guardUntil = restMs > 0 ? clock.now() + restMs : 0;
  }

  #prolonged(lease: RedisLease, mine: boolean | undefined, from: Moment, ms: number): void {
    if (lease.lost) return; // has been said
    if (mine === true) {
      lease.prolong(from, ms);
      return;
    }
    lease.lost = true;
    const { record, log } = this.#options;
    record.lost(lease.armed ? 'in_flight' : 'before_send');
    const message = lease.armed ? 'a lock was lost while its write was under way' : 'a lock was lost';
    log.error({ key: lease.key, fence: lease.fence }, message);
  }

  #renewLater(): () => void {
    return this.#options.clock.after(RENEW, () => {
      this.#cancelRenewal = this.#renewLater();
      this.#releases.retryDue();
      this.#renew();
    });
  }

  /** Failing to renew is no loss: the lease goes on until its end, and only the engine's no ends it before. */
  #renew(): void {
    if (!this.#options.queue.up) return;
    const due = [...this.#held].filter((lease) => lease.needsRenewal);
    const byLength = Map.groupBy(due, (lease) => lease.leaseMs);
    for (const [leaseMs, leases] of byLength) {
      for (let at = 0; at < leases.length; at += BATCH)
        void this.#renewAll(leases.slice(at, at + BATCH), leaseMs);
    }
  }

  async #renewAll(leases: readonly RedisLease[], leaseMs: number): Promise<void> {
    const from = momentOf(this.#options.clock);
    try {
      const extended = await this.#options.queue.extend(placesOf(leases), leaseMs);
      for (const [at, lease] of leases.entries()) {
        // armed meanwhile: that was for longer
        if (this.#held.has(lease) && lease.leaseMs === leaseMs)
          this.#prolonged(lease, extended[at], from, leaseMs);
      }
    } catch {
      // said by the connection itself
    }
  }
}

function placesOf(leases: readonly RedisLease[]): Place[] {
  return leases.map(({ place }) => place);
}
