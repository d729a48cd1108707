// Programs of the benchmark: started on one core, awaited until they accept connections, and stopped.

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Program {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Milliseconds until a program accepts connections, and until it has gone after SIGTERM. */
const START = 10_000;
const STOP = 2_000;

/** Most programs and folders of a run: each waits for its end. */
const LISTENERS = 100;

/** A run that is interrupted leaves neither programs nor folders behind. */
export function endOnSignals(): void {
  process.setMaxListeners(LISTENERS);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
}

/** Pages of memory, where there is such a folder: the origin's files must not wait for a disk. */
export async function memoryFolder(): Promise<string> {
  const parent = (await isFolder('/dev/shm')) ? '/dev/shm' : tmpdir();
  const folder = await mkdtemp(join(parent, 'ifmatch-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Writes `template` (a file of peers/) into `folder` with every `{{name}}` filled in; resolves with its path. */
export async function fillIn(
  template: string,
  folder: string,
  values: Readonly<Record<string, string | number>>,
): Promise<string> {
  const text = await readFile(join(import.meta.dirname, 'peers', template), 'utf8');
  const filled = text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${template} wants ${name}`);
    return String(value);
  });
  const path = join(folder, template);
  await writeFile(path, filled);
  return path;
}

/** Runs a command on one core; resolves once `port` accepts connections. What it says on stderr is shown if it fails. */
export async function startProgram(
  command: readonly string[],
  { core, port, env = {} }: { core: number; port: number; env?: Readonly<Record<string, string>> },
): Promise<Program> {
  const child = spawn('taskset', ['-c', String(core), ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000);
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const gone = new Promise<void>((resolve) =>
    child.once('close', () => {
      process.off('exit', kill);
      resolve();
    }),
  );
  child.once('error', (error) => {
    said += error.message;
  });
  const deadline = performance.now() + START;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.pid === undefined || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${command.join(' ')} did not start: ${said}`);
    }
    await delay(20);
  }
  return { pid: child.pid ?? 0, stop: () => stop(child, gone) };
}

async function stop(child: ChildProcess, gone: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP);
  await gone;
  clearTimeout(timer);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
