// The origin behind every peer: nginx with its DAV module, over files in memory.

import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LARGE, LARGE_PATHS, PATHS, SMALL, tagOf, WRITTEN_AT } from './cases.ts';
import { fillIn, freePort, type Program, startProgram } from './program.ts';
import { ask } from './sample.ts';

export interface Origin extends Program {
  readonly port: number;
}

/** Starts it over `folder`, with every file that a case asks for. */
export async function startOrigin(folder: string, core: number): Promise<Origin> {
  await mkdir(join(folder, 'temp'));
  await fill(join(folder, 'files/small'), PATHS, SMALL);
  await fill(join(folder, 'files/large'), LARGE_PATHS, LARGE);
  const port = await freePort();
  const conf = await fillIn('origin.conf', folder, { folder, port });
  const program = await startProgram(['nginx', '-c', conf, '-e', 'stderr'], { core, port });
  const { etag } = await ask(port, {
    ...{ method: 'GET', prefix: '/small/', paths: 1 },
    ...{ bytes: 0, fields: [], status: 200 },
  });
  if (etag !== tagOf(SMALL)) throw new Error(`the origin's tag is ${etag}, not ${tagOf(SMALL)}`);
  return { ...program, port };
}

async function fill(folder: string, files: number, bytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const content = Buffer.alloc(bytes, 'x');
  for (let number = 0; number < files; number++) {
    const path = join(folder, String(number));
    await writeFile(path, content);
    await utimes(path, WRITTEN_AT, WRITTEN_AT);
  }
}
