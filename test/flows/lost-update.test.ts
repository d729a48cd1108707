// No update is lost between racing writers; the same race without a lock loses some, which shows that this test can fail.

import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { noLock } from '../fixtures/no-lock.ts';
import { type Origin, startOrigin } from '../fixtures/origin.ts';
import type { Applied } from '../fixtures/origin-store.ts';
import { bytesOf, connect, type RawClient } from '../fixtures/raw-client.ts';
import type { RawResponse } from '../fixtures/raw-response.ts';

const { IFMATCH_SOAK = '2' } = process.env;

/** How long each race goes on, in milliseconds. */
const SOAK = Number(IFMATCH_SOAK) * 1000;
const WRITERS = 32;
t.setTimeout(2 * SOAK + 300_000);

/** Applied writes whose If-Match is not the tag they replaced: each is an update that somebody lost. */
const breaks = (log: readonly Applied[]): number =>
  log.filter(({ ifMatch, previousEtag }) => ifMatch !== previousEtag).length;

/** An origin that takes up to 3 ms for each write. */
const slow = { delay: () => sleep(Math.random() * 3) };

const clients = (port: number, count: number): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: count }, () => connect(port)));

async function send(
  client: RawClient,
  method: string,
  fields: string[],
  content?: string,
): Promise<RawResponse> {
  client.send(bytesOf(method, '/counter', fields, content));
  return client.response(method);
}

t.test('of 32 writers with the same tag exactly one wins, version after version', async (t) => {
  const origin = await startOrigin(t, slow);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const writers = await clients(ifmatch.port, WRITERS);
  origin.store('/counter', 'start');
  let rounds = 0;
  for (const end = Date.now() + SOAK; Date.now() < end || rounds < 3; rounds++) {
    const etag = origin.etag('/counter');
    const race = writers.map((client, at) => send(client, 'PUT', [`If-Match: ${etag}`], `${rounds}.${at}`));
    const statuses = (await Promise.all(race)).map((response) => response.status);
    const won = statuses.filter((status) => status === 200).length;
    const lost = statuses.filter((status) => status === 412).length;
    if (won !== 1 || lost !== WRITERS - 1) t.fail(`round ${rounds}`, { won, lost, statuses });
  }
  t.equal(origin.applied.length, rounds, `${rounds} rounds, one write each`);
  t.equal(breaks(origin.applied), 0, 'every write replaced the version it was made from');
  for (const client of writers) client.close();
  await ifmatch.idle();
});

/** Clients that read, add one and write back, each as fast as it can. Resolves with how many writes were acknowledged. */
async function count(t: Test, origin: Origin, ifmatch: Ifmatch, ms: number): Promise<number> {
  origin.store('/counter', '0');
  const end = Date.now() + ms;
  let acknowledged = 0;
  const work = async (client: RawClient): Promise<void> => {
    while (Date.now() < end) {
      const read = await send(client, 'GET', []);
      const tag = `If-Match: ${read.field('etag')}`;
      const written = await send(client, 'PUT', [tag], `${Number(read.content) + 1}`);
      if (written.status === 200) acknowledged += 1;
      else if (written.status !== 412) t.fail('neither 200 nor 412', { status: written.status });
    }
    client.close();
  };
  await Promise.all((await clients(ifmatch.port, 8)).map(work));
  return acknowledged;
}

t.test('a counter that many read, add to and write back misses nothing', async (t) => {
  const origin = await startOrigin(t, slow);
  const acknowledged = await count(t, origin, await startIfmatch(t, { origin: origin.url }), SOAK);
  t.ok(acknowledged > 10, `${acknowledged} writes`);
  t.equal(origin.content('/counter'), `${acknowledged}`);
  t.equal(origin.applied.length, acknowledged);
  t.equal(breaks(origin.applied), 0);
});

t.test('control: with the lock off the same counter loses updates', async (t) => {
  const origin = await startOrigin(t, slow);
  await count(t, origin, await startIfmatch(t, { origin: origin.url, lock: noLock() }), 500);
  const lost = breaks(origin.applied);
  t.ok(lost > 0, `${lost} of ${origin.applied.length} writes replaced a version they were not made from`);
});
