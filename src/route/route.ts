// One configured route, and how strict it is.

/** How much a route demands: off forwards, observe only reports, warn tells the client too, require wants a condition. */
export type Mode = 'off' | 'observe' | 'warn' | 'enforce' | 'require';

/** One configured route, every default filled in. */
export interface Route {
  /** The pattern as written: the route's name in logs, explain and metrics. */
  readonly path: string;
  readonly mode: Mode;
  /** The methods of which `require` demands a condition. */
  readonly methods: readonly string[];
  /** Template of another URL whose validators count: `/orders/:id`, `/api.php?id={query.id}`. */
  readonly resource?: string;
  readonly probe: 'auto' | 'head' | 'get';
  /** Whether a weak entity-tag may satisfy If-Match. */
  readonly weak: 'reject' | 'accept';
  /** What to do when the probe cannot tell the current state. */
  readonly undecided: 'refuse' | 'forward';
  readonly case: 'sensitive' | 'insensitive';
  /** expose: adds ETag to Access-Control-Expose-Headers and the conditional fields to preflight answers. */
  readonly cors: 'pass' | 'expose';
  /** Whether the origin is told of X-HTTP-Method-Override and its like; the method that they name is then guarded too. */
  readonly override: 'strip' | 'pass';
}
