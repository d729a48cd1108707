// Every coded error, one line each: status, whose fault it is, whether a retry makes sense, and its fixed title.

export type Fault = 'client' | 'origin' | 'gateway' | 'nobody';

/** no: the same request fails again. later: repeat it as it is. reread: GET, decide anew, then write. */
export type Retry = 'no' | 'later' | 'reread';

export interface Problem {
  readonly status: number;
  readonly fault: Fault;
  readonly retry: Retry;
  /** RFC 9209 section 2.3 error type. */
  readonly proxyError: string;
  /** Constant for the code (RFC 9457 3.1.3). */
  readonly title: string;
}

// RFC 9209 2.3
const REQUEST_ERROR = 'http_request_error';
const DENIED = 'http_request_denied';
const PROTOCOL = 'http_protocol_error';
const UNAVAILABLE = 'destination_unavailable';
const TIMEOUT = 'http_response_timeout';
const LIMIT = 'connection_limit_reached';
const INCOMPLETE = 'http_response_incomplete';
const INTERNAL = 'proxy_internal_error';
const LOOP = 'proxy_loop_detected';

const row = (status: number, fault: Fault, retry: Retry, proxyError: string, title: string): Problem => ({
  status,
  fault,
  retry,
  proxyError,
  title,
});

export const PROBLEMS = {
  'request-invalid': row(400, 'client', 'no', REQUEST_ERROR, 'The request is malformed'),
  'target-invalid': row(400, 'client', 'no', REQUEST_ERROR, 'The request target is malformed'),
  'target-dot-segment': row(400, 'client', 'no', REQUEST_ERROR, 'The request target has dot segments'),
  'target-ambiguous': row(400, 'client', 'no', REQUEST_ERROR, 'Servers read this target differently'),
  'target-foreign': row(400, 'client', 'no', REQUEST_ERROR, 'The request target names another authority'),
  'resource-ambiguous': row(400, 'client', 'no', REQUEST_ERROR, 'The request names two resources'),
  'precondition-malformed': row(400, 'client', 'no', REQUEST_ERROR, 'A conditional field is malformed'),
  'method-not-allowed': row(405, 'client', 'no', DENIED, 'This method is not forwarded'),
  'request-timeout': row(408, 'client', 'later', REQUEST_ERROR, 'The request came too slowly'),
  'content-timeout': row(408, 'client', 'later', REQUEST_ERROR, 'The request content came too slowly'),
  'precondition-failed': row(412, 'nobody', 'reread', DENIED, 'Precondition Failed'),
  'content-too-large': row(413, 'client', 'no', REQUEST_ERROR, 'The request content is too large'),
  'target-too-long': row(414, 'client', 'no', REQUEST_ERROR, 'The request target is too long'),
  'expectation-failed': row(417, 'client', 'no', REQUEST_ERROR, 'The expectation is not supported'),
  'precondition-required': row(428, 'client', 'reread', DENIED, 'Precondition Required'),
  'fields-too-large': row(431, 'client', 'no', REQUEST_ERROR, 'The request fields are too large'),
  'transfer-coding-unsupported': row(501, 'client', 'no', REQUEST_ERROR, 'Only chunked is supported'),
  'version-unsupported': row(505, 'client', 'no', REQUEST_ERROR, 'This version of HTTP is not supported'),
  'client-gone': row(499, 'client', 'later', REQUEST_ERROR, 'The client went away'),
  'probe-error': row(502, 'origin', 'later', PROTOCOL, 'The origin could not show the current state'),
  'probe-unavailable': row(503, 'origin', 'later', UNAVAILABLE, 'The origin is not available'),
  'probe-timeout': row(504, 'origin', 'later', TIMEOUT, 'The origin did not show its state in time'),
  'probe-undecided': row(502, 'origin', 'no', PROTOCOL, 'The current state cannot be determined'),
  'origin-unreachable': row(502, 'origin', 'later', UNAVAILABLE, 'The origin cannot be reached'),
  'origin-busy': row(503, 'origin', 'later', LIMIT, 'No connection to the origin came free'),
  'origin-invalid': row(502, 'origin', 'later', PROTOCOL, 'The origin sent no valid answer'),
  'origin-timeout': row(504, 'origin', 'later', TIMEOUT, 'The origin did not answer in time'),
  'write-unknown': row(502, 'origin', 'reread', INCOMPLETE, 'It is unknown whether the write was applied'),
  'write-timeout': row(504, 'origin', 'reread', TIMEOUT, 'It is unknown whether the write was applied'),
  'lock-timeout': row(503, 'nobody', 'later', DENIED, 'Other writers hold this resource'),
  'lock-queue-full': row(503, 'nobody', 'later', DENIED, 'Too many writers wait for this resource'),
  'lock-engine-unavailable': row(503, 'gateway', 'later', INTERNAL, 'The lock is not available'),
  'lock-engine-guard': row(503, 'gateway', 'later', INTERNAL, 'The lock is recovering'),
  'lock-lost-before-send': row(
    503,
    'gateway',
    'later',
    INTERNAL,
    'The lock was lost before the write was sent',
  ),
  'shutting-down': row(503, 'gateway', 'later', INTERNAL, 'This gateway is shutting down'),
  'loop-detected': row(508, 'gateway', 'no', LOOP, 'The request came back to this gateway'),
  internal: row(500, 'gateway', 'later', INTERNAL, 'An error inside the gateway'),
} as const satisfies Record<string, Problem>;

export type ErrorCode = keyof typeof PROBLEMS;

/** A refusal on its way to the client: a code from the table and one sentence that says what to do next. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  /** Seconds for Retry-After, where waiting helps. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, detail: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    // refusals are everyday: a stack, which nobody gets to see, would be the dearest part of a 412
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'GatewayError';
    this.code = code;
    this.detail = detail;
    this.retryAfter = options.retryAfter;
  }
}
