// What the configuration needs of the file system: its own text, and the PEM files it names.
import { isUtf8 } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { formatPath, type Path } from './fault.ts';
import type { Parsed } from './parsed.ts';
import { LARGEST_FILE } from './read.ts';
import type { Draft, Issue } from './settings.ts';
import { quote } from './wording.ts';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['ENOTDIR', 'a part of its path is not a directory'],
  ['ELOOP', 'its symbolic links go in a circle'],
  ['ENAMETOOLONG', 'its name is too long'],
]);

const CERTIFICATE = /^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;

/** The text of a configuration file, at most 1 MiB of UTF-8. Never throws. */
export function readText(file: string): Parsed<string> {
  const content = attempt(() => readAtMost(file, LARGEST_FILE + 1));
  if ('fault' in content) return content;
  if (content.value.length > LARGEST_FILE) return { fault: 'the file is larger than 1 MiB' };
  const start = content.value.subarray(0, 2).toString('latin1');
  if (start === '\u00ff\u00fe' || start === '\u00fe\u00ff')
    return { fault: 'the file is UTF-16: save it as UTF-8' };
  if (!isUtf8(content.value))
    return { fault: `the file is not UTF-8 (line ${brokenLine(content.value)}): save it as UTF-8` };
  return { value: content.value.toString('utf8') };
}

/** Reads ca, cert and key of an https origin, and of a lock by TLS, as TLS would, so that what is wrong shows at the start. */
export function checkPemFiles({ origin, lock }: Draft, directory: string): Issue[] {
  return [
    ...(origin?.url.url.startsWith('https:') ? pemIssues('origin', origin, directory) : []),
    ...(lock?.url?.tls ? pemIssues('lock', lock, directory) : []),
  ];
}

/** File names as they are written. */
export type PemFiles = { readonly ca?: string; readonly cert?: string; readonly key?: string };

function pemIssues(at: string, names: PemFiles, directory: string): Issue[] {
  const ca = readPem([at, 'ca'], names.ca, directory);
  const cert = readPem([at, 'cert'], names.cert, directory);
  const key = readPem([at, 'key'], names.key, directory);
  const issues = [ca, cert, key].flatMap((file) => (file !== undefined && 'message' in file ? [file] : []));
  if (Buffer.isBuffer(ca)) issues.push(...authorityIssues([at, 'ca'], ca.toString('latin1')));
  if (Buffer.isBuffer(cert) && Buffer.isBuffer(key)) issues.push(...tlsIssues([at, 'cert'], { cert, key }));
  return issues;
}

function readPem(path: Path, file: string | undefined, directory: string): Buffer | Issue | undefined {
  if (file === undefined) return undefined;
  const content = attempt(() => readAtMost(resolve(directory, file), LARGEST_FILE));
  if ('fault' in content) return pemIssue(path, `${quote(file)} cannot be read: ${content.fault}`);
  return content.value.includes('-----BEGIN ')
    ? content.value
    : pemIssue(path, `${quote(file)} is not a PEM file`);
}

/** Each by itself: createSecureContext() says nothing of those that it cannot read, and then trusts nobody. */
function authorityIssues(path: Path, text: string): Issue[] {
  const certificates = text.split(/(?=-----BEGIN )/).filter((part) => CERTIFICATE.test(part));
  if (certificates.length === 0) return [pemIssue(path, 'has no certificate in it')];
  const read = attempt(() => certificates.map((certificate) => new X509Certificate(certificate)));
  return 'fault' in read ? [pemIssue(path, `is not usable: ${read.fault}`)] : [];
}

function tlsIssues(path: Path, options: SecureContextOptions): Issue[] {
  const made = attempt(() => createSecureContext(options));
  return 'fault' in made ? [pemIssue(path, `is not usable: ${made.fault}`)] : [];
}

function pemIssue(path: Path, message: string): Issue {
  return { path, part: 'value', message: `${formatPath(path)} ${message}` };
}

/** Enough of a file to see that it is too long. readFileSync would read a device without end. */
function readAtMost(file: string, most: number): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let left = most; left > 0; ) {
      const chunk = Buffer.alloc(Math.min(left, 65_536));
      const size = readSync(descriptor, chunk);
      if (size === 0) break;
      chunks.push(chunk.subarray(0, size));
      left -= size;
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(descriptor);
  }
}

function attempt<T>(run: () => T): Parsed<T> {
  try {
    return { value: run() };
  } catch (error) {
    return { fault: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return REASONS.get(code) ?? error.message;
}

function brokenLine(content: Buffer): number {
  let line = 1;
  for (let start = 0; start < content.length; line++) {
    const end = content.indexOf(0x0a, start);
    const next = end === -1 ? content.length : end + 1;
    if (!isUtf8(content.subarray(start, next))) break;
    start = next;
  }
  return line;
}
