// A real legacy origin: nginx with its DAV module, which stores whatever is PUT and checks no condition on writes.

import t from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { withoutNginx as skip, startDav } from '../fixtures/nginx.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';

t.test('create, read, update and delete with conditions', { skip }, async (t) => {
  const nginx = await startDav(t);
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
  const nginx = await startDav(t);
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
  const nginx = await startDav(t);
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
