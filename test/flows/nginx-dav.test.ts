// A real legacy origin: nginx with its DAV module, which stores whatever is PUT and checks no condition on writes.

import { spawn, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { debianProgram } from '../fixtures/debian.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { problem } from '../fixtures/problem.ts';
import { connect, exchange } from '../fixtures/raw-client.ts';
import { closedPort } from '../fixtures/raw-origin.ts';
import { settle } from '../fixtures/until.ts';

const program = await debianProgram('/usr/sbin/nginx', 'nginx-light', 'NGINX');
const build = program === undefined ? '' : spawnSync(program, ['-V'], { encoding: 'utf8' }).stderr;
const skip = build.includes('http_dav_module')
  ? false
  : 'no nginx with its DAV module: install it, or set NGINX';

/** Starts nginx on a free port over an empty folder; resolves with its port once it accepts connections. */
async function startNginx(t: Test): Promise<number> {
  const folder = t.testdir({ files: {} });
  const port = await closedPort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  for (const name of temporary) await mkdir(join(folder, name));
  const conf = `
    daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; worker_processes 1;
    events { worker_connections 128; }
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
      server { listen 127.0.0.1:${port}; root ${folder}/files; dav_methods PUT DELETE; }
    }`;
  await writeFile(join(folder, 'nginx.conf'), conf);
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
  const nginx = spawn(program ?? '', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  t.teardown(
    () =>
      new Promise((resolve) => {
        nginx.on('exit', resolve);
        nginx.kill('SIGKILL');
      }),
  );
  for (let attempts = 0; attempts < 100; attempts++) {
    try {
      (await connect(port)).close();
      return port;
    } catch {
      await settle();
    }
  }
  throw new Error('nginx did not start');
}

t.test('create, read, update and delete with conditions', { skip }, async (t) => {
  const nginx = await startNginx(t);
  const { port } = await startIfmatch(t, { origin: `http://127.0.0.1:${nginx}` });
  t.equal((await exchange(port, 'PUT', '/page.txt', ['If-None-Match: *'], 'one')).status, 201);
  problem(t, await exchange(port, 'PUT', '/page.txt', ['If-None-Match: *'], 'two'), 412);
  const read = await exchange(port, 'GET', '/page.txt');
  t.equal(read.content, 'one');
  const tag = read.field('etag') ?? '';
  t.equal((await exchange(port, 'GET', '/page.txt', [`If-None-Match: ${tag}`])).status, 304);
  t.equal((await exchange(port, 'PUT', '/page.txt', [`If-Match: ${tag}`], 'three')).status, 204);
  const stale = await exchange(port, 'PUT', '/page.txt', [`If-Match: ${tag}`], 'four');
  problem(t, stale, 412);
  t.equal((await exchange(port, 'GET', '/page.txt')).content, 'three');
  problem(t, await exchange(port, 'DELETE', '/page.txt', [`If-Match: ${tag}`]), 412);
  t.equal((await exchange(port, 'DELETE', '/page.txt', [`If-Match: ${stale.field('etag')}`])).status, 204);
  t.equal((await exchange(port, 'GET', '/page.txt')).status, 404);
});

t.test('the update that is lost without ifmatch is prevented with it', { skip }, async (t) => {
  const nginx = await startNginx(t);
  const { port } = await startIfmatch(t, { origin: `http://127.0.0.1:${nginx}` });
  for (const [through, prevented] of [
    [nginx, false],
    [port, true],
  ] as const) {
    await exchange(nginx, 'PUT', '/page.txt', [], 'start');
    const tag = (await exchange(through, 'GET', '/page.txt')).field('etag');
    await exchange(through, 'PUT', '/page.txt', [`If-Match: ${tag}`], 'start + Ann');
    const bob = await exchange(through, 'PUT', '/page.txt', [`If-Match: ${tag}`], 'start, and Bob');
    t.equal(bob.status, prevented ? 412 : 204);
    const { content } = await exchange(nginx, 'GET', '/page.txt');
    t.equal(content, prevented ? 'start + Ann' : 'start, and Bob');
  }
});

t.test('of eight racing writers one wins', { skip }, async (t) => {
  const nginx = await startNginx(t);
  const { port, idle } = await startIfmatch(t, { origin: `http://127.0.0.1:${nginx}` });
  await exchange(nginx, 'PUT', '/page.txt', [], 'start');
  for (let round = 1; round <= 10; round++) {
    const tag = (await exchange(port, 'GET', '/page.txt')).field('etag');
    // nginx makes its tag of second and length: each content has a length of its own, so that each has its tag.
    const write = (_: unknown, at: number) =>
      exchange(port, 'PUT', '/page.txt', [`If-Match: ${tag}`], 'x'.repeat(round * 10 + at));
    const statuses = (await Promise.all(Array.from({ length: 8 }, write))).map(({ status }) => status);
    t.equal(statuses.filter((status) => status === 204).length, 1, `round ${round}`);
    t.equal(statuses.filter((status) => status === 412).length, 7, `round ${round}`);
  }
  await idle();
});
