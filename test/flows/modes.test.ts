// One stale write through each mode: off, observe, warn, enforce, require.

import t, { type Test } from 'tap';
import { type Ifmatch, startIfmatch } from '../fixtures/ifmatch.ts';
import { type Origin, startOrigin } from '../fixtures/origin.ts';
import { problem } from '../fixtures/problem.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';

async function inMode(t: Test, mode: string): Promise<{ origin: Origin; ifmatch: Ifmatch }> {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, {
    origin: origin.url,
    yaml: `routes:\n  - path: /doc\n    mode: ${mode}`,
  });
  origin.store('/doc', 'old');
  return { origin, ifmatch };
}

/** Whether some log line has this as data, outside of its message. */
const logged = (ifmatch: Ifmatch, pattern: RegExp): boolean =>
  ifmatch.log.some((line) => pattern.test(JSON.stringify({ ...line, msg: '', time: 0, pid: 0 })));

t.test('off: everything passes, nothing is probed', async (t) => {
  const { origin, ifmatch } = await inMode(t, 'off');
  const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'new');
  t.equal(response.status, 200);
  t.equal(origin.seen('HEAD').length, 0);
  t.equal(origin.applied[0]?.ifMatch, '"stale"', "the condition is the origin's business");
  t.equal(response.field('proxy-status'), undefined);
  const read = await exchange(ifmatch.port, 'GET', '/doc', [`If-None-Match: ${origin.etag('/doc')}`]);
  t.equal(read.status, 200, 'a read is not evaluated either');
});

t.test(
  'observe: a stale write passes without a word to the client, and the log has the verdict as data',
  async (t) => {
    const { origin, ifmatch } = await inMode(t, 'observe');
    const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'new');
    t.equal(response.status, 200);
    t.equal(origin.content('/doc'), 'new');
    t.equal(response.field('proxy-status'), undefined);
    t.ok(logged(ifmatch, /\b412\b/), 'what would have been answered');
    t.ok(logged(ifmatch, /if-match/i), 'because of which field');
    await ifmatch.idle();
  },
);

t.test('warn: a stale write passes, and Proxy-Status says what would have happened', async (t) => {
  const { origin, ifmatch } = await inMode(t, 'warn');
  const stale = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'new');
  t.equal(stale.status, 200);
  t.equal(origin.content('/doc'), 'new');
  t.match(stale.field('proxy-status'), /^ifmatch\b.*412/);
  t.ok(logged(ifmatch, /\b412\b/));
  const fresh = await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${origin.etag('/doc')}`], 'newer');
  t.equal(fresh.status, 200);
  t.notMatch(fresh.field('proxy-status') ?? '', /412/, 'no warning where nothing is wrong');
});

for (const mode of ['observe', 'warn']) {
  t.test(`${mode}: a probe that fails does not stop a write`, async (t) => {
    const { origin, ifmatch } = await inMode(t, mode);
    origin.on.answer = ({ method }) => (method === 'HEAD' ? { status: 500 } : undefined);
    const response = await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'new');
    t.equal(response.status, 200);
  });

  t.test(`${mode}: a malformed condition and a false read pass`, async (t) => {
    const { origin, ifmatch } = await inMode(t, mode);
    t.equal((await exchange(ifmatch.port, 'GET', '/doc', ['If-Match: "stale"'])).status, 200);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: unquoted'], 'new')).status, 200);
    t.equal(origin.applied.length, 1);
  });
}

for (const mode of ['observe', 'warn', 'enforce']) {
  t.test(`${mode}: a REPORT that an origin breaks off is no write, and has the time of a read`, async (t) => {
    const origin = await startRawOrigin(t, ({ method, target, socket }) => {
      if (method === 'HEAD') return 'HTTP/1.1 200 OK\r\nETag: "v1"\r\n\r\n';
      if (target === '/broken') socket.destroy();
      else setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), 400);
      return undefined;
    });
    const yaml = `routes:\n  - path: /*\n    mode: ${mode}`;
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml, timeouts: { write: 100 } });
    const condition = ['If-Match: "v1"'];
    const broken = problem(t, await exchange(ifmatch.port, 'REPORT', '/broken', condition, 'x'), 502);
    t.match(broken, { type: 'urn:ifmatch:origin-invalid' });
    t.equal((await exchange(ifmatch.port, 'REPORT', '/slow', condition, 'x')).status, 200);
    t.notOk(logged(ifmatch, /unknown/), 'nothing is unknown');
  });
}

t.test('enforce, which is the default: a stale write is refused, an unconditional one passes', async (t) => {
  for (const mode of ['enforce', undefined]) {
    const origin = await startOrigin(t);
    const yaml = mode === undefined ? '' : `routes:\n  - path: /doc\n    mode: ${mode}`;
    const ifmatch = await startIfmatch(t, { origin: origin.url, yaml });
    origin.store('/doc', 'old');
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'new')).status, 412);
    t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [], 'new')).status, 200);
    t.equal(origin.applied.length, 1);
  }
});

t.test('require: a stale write is refused, an unconditional one is asked for a condition', async (t) => {
  const { origin, ifmatch } = await inMode(t, 'require');
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', ['If-Match: "stale"'], 'new')).status, 412);
  t.equal((await exchange(ifmatch.port, 'PUT', '/doc', [], 'new')).status, 428);
  t.equal(
    (await exchange(ifmatch.port, 'PUT', '/doc', [`If-Match: ${origin.etag('/doc')}`], 'new')).status,
    200,
  );
  t.equal(origin.applied.length, 1);
});
