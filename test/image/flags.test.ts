// The flags for Node: the same however ifmatch is started, known to Node, and passed on to workers.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { z } from 'zod';

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');
const flagsIn = (words: readonly string[]): string[] => words.filter((word) => word.startsWith('--'));

const [first = ''] = read('src/cli.ts').split('\n');
const flags = flagsIn(first.split(' '));

t.test('V8 keeps what it has compiled while nobody asks', async (t) => {
  t.match(first, /^#!\/usr\/bin\/env -S node --/);
  t.ok(flags.includes('--no-memory-reducer'));
});

t.test('the image and the checkout start it with the same', async (t) => {
  const [, entrypoint = '[]'] = /^ENTRYPOINT (.*)$/m.exec(read('Dockerfile')) ?? [];
  t.same(flagsIn(z.array(z.string()).parse(JSON.parse(entrypoint))), flags);
  const { scripts } = z
    .object({ scripts: z.object({ ifmatch: z.string() }) })
    .parse(JSON.parse(read('package.json')));
  t.same(flagsIn(scripts.ifmatch.split(' ')), flags);
});

t.test('Node knows them', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, [...flags, '-e', ''], { encoding: 'utf8' });
  t.same({ status, stderr }, { status: 0, stderr: '' });
});

t.test('processes that a cluster forks have them too', async (t) => {
  const program = `
    const cluster = require('node:cluster');
    if (cluster.isPrimary) cluster.fork();
    else { console.log(JSON.stringify(process.execArgv)); process.disconnect(); }`;
  const place = join(t.testdir({ 'program.cjs': program }), 'program.cjs');
  const { stdout } = spawnSync(process.execPath, [...flags, place], { encoding: 'utf8' });
  t.same(JSON.parse(stdout), flags);
});
