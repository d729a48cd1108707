// What a worker and the process that keeps the lock say to each other, and the reading of it. A lease goes by the id of its request.

import { isMapping } from '../config/settings.ts';
import { type ErrorCode, GatewayError, PROBLEMS } from '../errors.ts';
import type { Fate } from './lock.ts';
import { unavailable } from './refusals.ts';

export type LockRequest =
  | { readonly op: 'acquire'; readonly id: number; readonly key: string; readonly waitMs: number }
  /** Nobody waits for the answer to `id` any more: a lease that was granted meanwhile is let go. */
  | { readonly op: 'abort'; readonly id: number }
  | { readonly op: 'arm'; readonly id: number; readonly leases: readonly number[] }
  | { readonly op: 'release'; readonly id: number; readonly fate: Fate }
  /** Answered when everything that was sent before it has been done. */
  | { readonly op: 'stop'; readonly id: number };

export interface ArmedLease {
  /** Milliseconds that are left of it. */
  readonly left: number;
  readonly unserialised: boolean;
}

export type LockAnswer =
  | {
      readonly op: 'granted';
      readonly id: number;
      /** Milliseconds that are left of the lease. */
      readonly left: number;
      /** How long the request was here, milliseconds: time that does not count against what is left. */
      readonly waitedMs: number;
      readonly fence: string | undefined;
      readonly unserialised: boolean;
    }
  /** One for each lease of the request, in its order. */
  | { readonly op: 'armed'; readonly id: number; readonly leases: readonly ArmedLease[] }
  | { readonly op: 'refused'; readonly id: number; readonly error: GatewayError }
  | { readonly op: 'stopped'; readonly id: number };

/** The refusal as a message. What is no GatewayError is a defect, and says nothing about itself to a client. */
export function refusal(id: number, error: unknown): object {
  const { code, detail, retryAfter, cause } = error instanceof GatewayError ? error : unavailable(error);
  return { op: 'refused', id, code, detail, retryAfter, cause: textOf(cause) };
}

function textOf(cause: unknown): string | undefined {
  if (cause === undefined) return undefined;
  return cause instanceof Error ? cause.message : String(cause);
}

/** undefined: no request. */
export function readRequest(message: unknown): LockRequest | undefined {
  if (!isMapping(message)) return undefined;
  const { op, id, key, waitMs, leases, fate } = message;
  if (!isId(id)) return undefined;
  if (op === 'abort' || op === 'stop') return { op, id };
  if (op === 'acquire' && typeof key === 'string' && isMs(waitMs)) return { op, id, key, waitMs };
  if (op === 'arm' && isList(leases, isId)) return { op, id, leases };
  const known = op === 'release' ? readFate(fate) : undefined;
  return known === undefined ? undefined : { op: 'release', id, fate: known };
}

/** undefined: no answer. */
export function readAnswer(message: unknown): LockAnswer | undefined {
  if (!isMapping(message)) return undefined;
  const { op, id, left, waitedMs, fence, unserialised, leases } = message;
  if (!isId(id)) return undefined;
  if (op === 'stopped') return { op, id };
  if (op === 'armed' && isList(leases, isArmedLease)) return { op, id, leases };
  if (op === 'refused') return readRefusal(id, message);
  if (op !== 'granted' || !isMs(left) || !isMs(waitedMs)) return undefined;
  if (typeof unserialised !== 'boolean' || !isText(fence)) return undefined;
  return { op, id, left, waitedMs, fence, unserialised };
}

function readRefusal(id: number, message: Fields): LockAnswer | undefined {
  const { code, detail, retryAfter, cause } = message;
  if (!isCode(code) || typeof detail !== 'string' || !isText(cause)) return undefined;
  if (retryAfter !== undefined && !isMs(retryAfter)) return undefined;
  const options = retryAfter === undefined ? { cause } : { cause, retryAfter };
  return { op: 'refused', id, error: new GatewayError(code, detail, options) };
}

function readFate(fate: unknown): Fate | undefined {
  if (!isMapping(fate)) return undefined;
  const { kind, quarantineMs } = fate;
  if (kind === 'known') return { kind };
  return kind === 'unknown' && isMs(quarantineMs) ? { kind, quarantineMs } : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isMs(value: unknown): value is number {
  return Number.isFinite(value);
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isArmedLease(value: unknown): value is ArmedLease {
  return isMapping(value) && isMs(value['left']) && typeof value['unserialised'] === 'boolean';
}

function isList<T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(PROBLEMS, value);
}
