// Another revision of this repository, checked out beside the working tree, with its node_modules and these benchmarks.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Checkout {
  readonly root: string;
  /** Abbreviated hash and subject of the commit. */
  readonly title: string;
  remove(): void;
}

/**
 * Checks `revision` out; throws git's message when there is none. The benchmarks of the working tree take the place of its
 * own, so that both sides are measured alike.
 */
export function checkOut(revision: string): Checkout {
  const title = git('log', '-1', '--format=%h %s', '--end-of-options', revision).trim();
  const parent = mkdtempSync(join(tmpdir(), 'ifmatch-revision-'));
  const root = join(parent, 'tree');
  git('worktree', 'add', '--detach', root, title.split(' ')[0] ?? revision);
  const remove = (): void => {
    process.off('exit', remove);
    git('worktree', 'remove', '--force', root);
    rmSync(parent, { recursive: true, force: true });
  };
  process.once('exit', remove);
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    rmSync(join(root, 'test/bench'), { recursive: true, force: true });
    cpSync(join(ROOT, 'test/bench'), join(root, 'test/bench'), { recursive: true });
  } catch (error) {
    remove();
    throw error;
  }
  return { root, title, remove };
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
