// The configuration as the rest of the program sees it: checked, every default filled in, frozen.
import type { Route } from '../route/route.ts';
import type { RedisAddress } from './redis-url.ts';

/** Where a listener binds: '0.0.0.0:8080', '[::1]:80', ':8080' or 'unix:/run/x.sock' in the file. Port 0 lets the system choose. */
export type Listen = { readonly host: string; readonly port: number } | { readonly socket: string };

/** Every duration is in milliseconds, every size in bytes, every file name absolute. */
export interface Config {
  readonly listen: Listen;
  readonly admin: Listen | 'off';
  readonly origin: {
    /** scheme://host:port, no path. */
    readonly url: string;
    /** The socket of unix+http:/path; `url` is then only a name. */
    readonly socket?: string;
    /** Which Host field the origin sees: the client's, or the one of `url`. */
    readonly host: 'preserve' | 'origin';
    /** PEM files: authorities to trust, and the certificate and key shown to the origin (mTLS). */
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    /** Whether the origin's certificate is verified. */
    readonly verify: boolean;
    readonly timeouts: {
      readonly connect: number;
      readonly probe: number;
      readonly read: number;
      readonly write: number;
      readonly uncertainty: number;
    };
    /** Most exchanges with the origin under way at once: probes, writes and everything else each. */
    readonly connections: number;
  };
  readonly lock: {
    readonly engine: 'memory' | 'redis';
    /** Where engine redis is. */
    readonly url?: RedisAddress;
    /** PEM files: authorities to trust, and the certificate and key shown to the engine (mTLS). */
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    /** One for each origin: instances with the same share their locks. */
    readonly namespace: string;
    /** Longest wait for the lock. */
    readonly wait: number;
    /** Most waiters per resource. */
    readonly queue: number;
    /** Most waiters over all resources. */
    readonly waiting: number;
    /** No grants for so long after the engine lost its memory; auto: computed from the timeouts. */
    readonly guard: 'auto' | 'off' | number;
    /** What happens to writes while the engine cannot be asked. */
    readonly down: 'closed' | 'local' | 'open';
    /** Replicas of the engine that must have a lock before its write is sent. */
    readonly replicas: number;
    /** Name of the field that tells the origin the fence. */
    readonly fence?: string;
    /** When the lock ends: with the origin's answer, or with the fields of it. */
    readonly release: 'end' | 'headers';
  };
  /** Processes that share the listener. */
  readonly workers: number;
  /** Request content read before the lock is taken. */
  readonly buffer: number;
  /** What a client may take up: counts, bytes of a head, target and content, and longest times. */
  readonly limits: {
    readonly connections: number;
    readonly head: number;
    readonly fields: number;
    readonly target: number;
    readonly content: number;
    readonly arrival: number;
    readonly idle: number;
    readonly upload: number;
    readonly send: number;
    readonly keepalive: number;
  };
  readonly drain: { readonly delay: number; readonly timeout: number };
  /** CIDRs, always with a prefix length: 10.0.0.1 in the file is 10.0.0.1/32 here; or unix. */
  readonly trust: readonly string[];
  readonly routes: readonly Route[];
  /** The route of everything that matches no other; its path is '*'. */
  readonly defaults: Route;
}
