// The flags for Node: the same however ifmatch is started, known to Node, and passed on to workers.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { z } from 'zod';
import { flagsIn, nodeFlags } from '../fixtures/node-flags.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { startServed } from '../fixtures/served.ts';

const place = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const read = (name: string): string => readFileSync(place(name), 'utf8');

const flags = nodeFlags(place('src/cli.ts'));

t.test('V8 keeps what it has compiled while nobody asks', async (t) => {
  t.match(read('src/cli.ts'), /^#!\/usr\/bin\/env -S node --/, 'env splits the words');
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

const skip = existsSync('/proc/self/cmdline') ? false : 'this system has no /proc to look at';

t.test('workers have them too', { skip }, async (t) => {
  const origin = await startOrigin(t);
  const served = await startServed(t, { workers: 2, origin: origin.url });
  const pids = [...served.pids().values()];
  t.equal(pids.length, 2);
  for (const pid of pids) {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    t.same([flagsIn(words), words.includes('worker')], [flags, true]);
  }
});
