// What the primary tells its workers, what they report, and the reading of both.
import type { LoadOptions } from '../config/load.ts';
import { isMapping } from '../config/settings.ts';

/** Where the configuration comes from: the file as the primary has read it, and flags. The environment is that of all. */
export type ConfigSource = Omit<LoadOptions, 'env'>;

export type Order =
  /** The first: who it is, and what to serve. */
  | {
      readonly op: 'start';
      readonly number: number;
      /** The pseudonym in Via. */
      readonly via: string;
      readonly source: ConfigSource;
    }
  | { readonly op: 'stop'; readonly delayMs: number };

export type Report =
  /** http://address:port, or unix:path. */
  | { readonly op: 'listening'; readonly data: string }
  /** It could not start; one line says why. */
  | { readonly op: 'fault'; readonly message: string };

/** undefined: no order. */
export function readOrder(message: unknown): Order | undefined {
  if (!isMapping(message)) return undefined;
  const { op, number, via, delayMs } = message;
  if (op === 'stop' && isNumber(delayMs)) return { op, delayMs };
  const source = op === 'start' ? readSource(message['source']) : undefined;
  if (source === undefined || !isNumber(number) || typeof via !== 'string') return undefined;
  return { op: 'start', number, via, source };
}

/** undefined: no report. */
export function readReport(report: unknown): Report | undefined {
  if (!isMapping(report)) return undefined;
  const { op, data, message } = report;
  if (op === 'listening' && typeof data === 'string') return { op, data };
  return op === 'fault' && typeof message === 'string' ? { op, message } : undefined;
}

function readSource(source: unknown): ConfigSource | undefined {
  if (!isMapping(source) || !isMapping(source['flags'])) return undefined;
  const { file, text, flags } = source;
  const { origin, listen, admin } = flags;
  if (!isText(file) || !isText(text) || !isText(origin) || !isText(listen) || !isText(admin))
    return undefined;
  return { file, text, flags: { origin, listen, admin } };
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
