// Uploads larger than the buffer whose client resets where nobody reads them yet, or any more: nothing is thrown, and
// nothing stays behind.

import t, { type Test } from 'tap';
import { closedPort } from '../fixtures/closed-port.ts';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { type Origin, startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { bytesOf, connect, type RawClient } from '../fixtures/raw-client.ts';
import { watchThrown } from '../fixtures/thrown.ts';
import { gate, settle, until } from '../fixtures/until.ts';

const SMALL = 'buffer: 4KiB';
const SIZE = 300_000;

/** Timers that keep the process alive: deadlines of content are among them. */
const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

const FRAMINGS = {
  announced: (part: string) =>
    bytesOf('PUT', '/doc', ['If-None-Match: "none"', `Content-Length: ${SIZE}`]) + part,
  chunked: (part: string) =>
    `${bytesOf('PUT', '/doc', ['If-None-Match: "none"', 'Transfer-Encoding: chunked'])}${part.length.toString(16)}\r\n${part}\r\n`,
};

/** A client that has sent a part of its upload. */
async function uploader(port: number, framing: keyof typeof FRAMINGS): Promise<RawClient> {
  const client = await connect(port);
  client.send(FRAMINGS[framing]('x'.repeat(100_000)));
  return client;
}

async function nothingStays(
  t: Test,
  ifmatch: Ifmatch,
  before: number,
  thrown: readonly unknown[],
): Promise<void> {
  await ifmatch.idle();
  await settle();
  t.same(thrown, [], 'nothing is thrown past everybody');
  t.same(ifmatch.lock(), { held: 0, waiting: 0, quarantined: 0 });
  await until(() => timers() <= before, 'no deadline of the content is left');
  await ifmatch.stop();
  t.same(
    ifmatch.log.filter(({ level }) => Number(level) >= 50),
    [],
    'the stop has nothing to wait for',
  );
}

for (const framing of ['announced', 'chunked'] as const) {
  for (const mode of ['off', 'observe', 'enforce']) {
    for (const when of ['at once', 'when it has its answer'] as const) {
      t.test(`${mode}, the origin refuses connections, ${framing} upload reset ${when}`, async (t) => {
        const thrown = watchThrown(t);
        const yaml = `${SMALL}\nroutes: [{ path: /*, mode: ${mode} }]`;
        const ifmatch = await startIfmatch(t, { origin: `http://127.0.0.1:${await closedPort()}`, yaml });
        await settle();
        const before = timers();
        const client = await uploader(ifmatch.port, framing);
        if (when === 'at once') await settle();
        else problem(t, await client.response(), 502);
        client.reset();
        await until(() => ifmatch.log.length > 0, 'the line of the log');
        await nothingStays(t, ifmatch, before, thrown);
      });
    }
  }
}

/** A write holds the lock of /doc until the gate opens. */
async function held(
  t: Test,
  yaml: string,
): Promise<{ origin: Origin; ifmatch: Ifmatch; end(): Promise<void> }> {
  const write = gate();
  const origin = await startOrigin(t, {
    delay: ({ method }) => (method === 'POST' ? write.opened : Promise.resolve()),
  });
  const ifmatch = await startIfmatch(t, { origin: origin.url, yaml: `${SMALL}\n${yaml}` });
  const holder = await connect(ifmatch.port);
  holder.send(bytesOf('POST', '/doc', [], 'first'));
  await until(() => origin.seen('POST').length === 1, 'the first write arrives');
  const end = async (): Promise<void> => {
    write.open();
    t.equal((await holder.response()).status, 201, 'the holder is not disturbed');
    holder.close();
  };
  return { origin, ifmatch, end };
}

for (const framing of ['announced', 'chunked'] as const) {
  t.test(`${framing} upload reset while it waits for the lock`, async (t) => {
    const thrown = watchThrown(t);
    const { origin, ifmatch, end } = await held(t, '');
    const before = timers();
    const client = await uploader(ifmatch.port, framing);
    await until(() => ifmatch.lock().waiting === 1, 'it waits');
    client.reset();
    await until(() => ifmatch.lock().waiting === 0, 'it waits no more');
    await end();
    await nothingStays(t, ifmatch, before, thrown);
    t.equal(origin.seen('PUT').length, 0);
  });

  for (const when of ['before it is told', 'when it is told'] as const) {
    t.test(`${framing} upload whose wait for the lock times out, reset ${when}`, async (t) => {
      const thrown = watchThrown(t);
      const { origin, ifmatch, end } = await held(t, 'lock: { wait: 150ms }');
      const before = timers();
      const client = await uploader(ifmatch.port, framing);
      await until(() => ifmatch.lock().waiting === 1, 'it waits');
      if (when === 'when it is told') problem(t, await client.response(), 503);
      else await until(() => ifmatch.lock().waiting === 0, 'it waits no more');
      client.reset();
      await end();
      await nothingStays(t, ifmatch, before, thrown);
      t.equal(origin.seen('PUT').length, 0);
    });
  }
}
