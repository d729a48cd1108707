// Several requests on one connection: one at work at a time, answers in order, and never an answer for another request.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { OK, startArena } from '../fixtures/attack.ts';
import { bytesOf, connect } from '../fixtures/raw-client.ts';
import type { RawRequest } from '../fixtures/raw-origin.ts';
import { settle, until } from '../fixtures/until.ts';

/** Requests that the origin has not answered yet. */
const waiting: RawRequest[] = [];
const slow = await startArena(t, (request) => {
  if (request.method === 'GET') return OK;
  waiting.push(request);
  return undefined;
});
const answerNext = async (): Promise<void> => {
  await until(() => waiting.length > 0, 'a request waits at the origin');
  waiting.shift()?.socket.write(OK);
};
const { origin, ifmatch } = slow;
const lines = (requests: readonly RawRequest[]): string[] =>
  requests.map(({ method, target }) => `${method} ${target}`);

// 32
for (const follower of ['/b', '/a']) {
  t.test(
    `PUT /a and GET ${follower} in one segment: two answers in order, the second begun after the first`,
    async (t) => {
      const got = await slow.attack(t, async () => {
        const client = await connect(ifmatch.port);
        const before = origin.requests.length;
        client.send(bytesOf('PUT', '/a', [], 'hi') + bytesOf('GET', follower));
        await until(() => waiting.length === 1, 'the PUT is at work');
        await settle();
        t.same(lines(origin.requests.slice(before)), ['PUT /a'], 'the GET waits for it');
        t.equal(client.rest(), '');
        await answerNext();
        t.same([(await client.response()).status, (await client.response()).status], [200, 200]);
        client.close();
      });
      t.same(lines(got), ['PUT /a', `GET ${follower}`]);
    },
  );
}

// 34
const GARBAGE = '\x00garbage\r\n\r\n';
for (const condition of [[], ['If-None-Match: "none"']]) {
  t.test(
    `a PUT with garbage behind it gets its own answer or none${condition.length > 0 ? ', conditional' : ''}`,
    async (t) => {
      const arena = await startArena(t, ({ method, socket }) => {
        if (method === 'PUT') setTimeout(() => socket.write(OK), 50);
        return method === 'PUT' ? undefined : OK;
      });
      const got = await arena.attack(t, async () => {
        const client = await connect(arena.ifmatch.port);
        client.send(bytesOf('PUT', '/a', condition, 'hi') + GARBAGE);
        await until(
          () => client.socket.readableEnded || client.socket.destroyed,
          'the end of the connection',
        );
        t.match(client.rest(), /^($|HTTP\/1\.1 200 )/);
        t.equal(client.rest().split('HTTP/1.1').length, 2, 'one answer');
        client.close();
      });
      t.same(lines(got.filter(({ method }) => method === 'PUT')), ['PUT /a']);
    },
  );
}

// 35
for (const [name, surplus] of [
  ['a letter', 'X'],
  ['a request', bytesOf('DELETE', '/a')],
] as const) {
  t.test(
    `PUT with Connection: close, and ${name} behind it: the answer to the first, nothing for the rest`,
    async (t) => {
      const got = await slow.attack(t, async () => {
        const client = await connect(ifmatch.port);
        client.send(bytesOf('PUT', '/a', ['Connection: close'], 'hi') + surplus);
        await answerNext();
        t.equal((await client.response()).status, 200);
        await until(() => client.socket.readableEnded, 'the end of the connection');
        t.equal(client.rest(), '');
        client.close();
      });
      t.same(lines(got), ['PUT /a']);
    },
  );
}

// 33
const MANY = 2000;
for (const { name, target } of [
  { name: 'to one resource', target: () => '/x' },
  { name: 'to as many resources', target: (i: number) => `/x${i}` },
]) {
  t.test(
    `${MANY} PUTs ${name} in one write: one at work, all answered in order, memory bounded`,
    async (t) => {
      let [atWork, most] = [0, 0];
      const arena = await startArena(t, ({ method, socket }) => {
        if (method !== 'PUT') return OK;
        most = Math.max(most, ++atWork);
        setImmediate(() => {
          atWork--;
          socket.write(OK);
        });
        return undefined;
      });
      const got = await arena.attack(t, async () => {
        const before = process.memoryUsage().rss;
        const client = await connect(arena.ifmatch.port);
        client.send(
          Array.from({ length: MANY }, (_, i) => bytesOf('PUT', target(i), [], String(i))).join(''),
        );
        for (let i = 0; i < MANY; i++) {
          const { status } = await client.response();
          if (status !== 200) t.equal(status, 503, `answer ${i}`);
        }
        t.equal(client.rest(), '');
        t.equal(most, 1, 'one at work');
        t.ok(process.memoryUsage().rss - before < 128 * 2 ** 20, 'memory is bounded');
        client.close();
      });
      t.same(
        got.map(({ content }) => Number(content)),
        got.map((_, i) => i),
        'in the order sent',
      );
    },
  );
}

/** Far more than the kernel takes for both ends of a connection. */
const FLOOD = 64 * 2 ** 20;

for (const [when, yaml] of [
  ['', ''],
  // the head that was cut off where reading ended
  [', nor when a head in it is late', 'limits: { arrival: 300ms }'],
] as const) {
  t.test(`33: a flood behind a request that hangs is not read${when}: it waits in the kernel`, async (t) => {
    let hanging: RawRequest | undefined;
    const arena = await startArena(
      t,
      (request) => {
        if (request.target !== '/hangs') return OK;
        hanging = request;
        return undefined;
      },
      { yaml },
    );
    await arena.attack(t, async () => {
      const client = await connect(arena.ifmatch.port);
      client.send(bytesOf('GET', '/hangs'));
      await until(() => hanging !== undefined, 'the first is at work');
      const follower = bytesOf('GET', '/follows', [`Filler: ${'x'.repeat(2048)}`]);
      const piece = follower.repeat(100);
      const goesOn = (): Promise<boolean> => {
        const left = new Promise<boolean>((resolve) => client.socket.write(piece, () => resolve(true)));
        return Promise.race([left, sleep(2_000, false)]);
      };
      let taken = 0;
      while (taken < FLOOD && (await goesOn())) taken += piece.length;
      t.ok(taken < FLOOD, `${taken} bytes are taken`);
      t.equal(arena.origin.count('GET'), 1, 'none of it is at work');
      client.reset();
      hanging?.socket.write(OK);
    });
  });
}

t.test('33: what was held back comes, in order, when those before it are answered', async (t) => {
  const arena = await startArena(t);
  await arena.attack(t, async () => {
    const client = await connect(arena.ifmatch.port);
    const targets = Array.from({ length: 300 }, (_, i) => `/${i}`);
    const filler = [`Filler: ${'x'.repeat(4096)}`];
    client.send(targets.map((target) => bytesOf('GET', target, filler)).join(''));
    for (const target of targets) t.equal((await client.response()).status, 200, target);
    const got = arena.origin.requests.map(({ target }) => target);
    t.same(got, targets);
    client.close();
  });
});
