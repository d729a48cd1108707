// The same requests through ifmatch to two real origins, node:http and nginx: each must understand what the client sent,
// as one request, with its target and content. As long as IFMATCH_FUZZ_SECONDS says (10), from IFMATCH_FUZZ_SEED.

import { once } from 'node:events';
import { open } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { withoutNginx as skip, startNginx } from '../fixtures/nginx.ts';
import { readContent, record, type Seen } from '../fixtures/origin-answers.ts';
import { exchange } from '../fixtures/raw-client.ts';
import { deliver } from './answers.ts';
import { type Executed, isProbe, notSent, unaccounted } from './judge.ts';
import { type Case, grammarCase } from './requests.ts';
import { readRequests } from './strict-reader.ts';
import { CURRENT } from './words.ts';

const { IFMATCH_FUZZ_SECONDS = '10', IFMATCH_FUZZ_SEED } = process.env;
const seconds = Number(IFMATCH_FUZZ_SECONDS);
const seed = Number(IFMATCH_FUZZ_SEED ?? Date.now() % 0x7fffffff);
/** Observed and unguarded requests are forwarded whatever the conditions say; what is streamed goes out in chunks. */
const YAML =
  'buffer: 64B\nlimits: { idle: 300ms, upload: 500ms }\nroutes: [{ path: /a/*, mode: off }, { path: /b/*, mode: observe }]';
const TIMEOUTS = { connect: 1000, probe: 1000, read: 1000, write: 1000, uncertainty: 20 };

t.setTimeout((seconds + 300) * 1000);

/** A read of the test's own; probes are told by it too. */
const NOT_COUNTED = ['Cache-Control: no-cache'];

/** An origin that says what it understood since it was asked last. */
interface Understanding {
  readonly port: number;
  take(): Promise<readonly Executed[]>;
}

async function startNode(t: Test): Promise<Understanding> {
  let seen: Seen[] = [];
  const server = http.createServer(async (incoming, response) => {
    const request = record(incoming);
    if (await readContent(incoming, request)) seen.push(request);
    response.writeHead(200, { ETag: CURRENT, 'Content-Length': 2 }).end('ok');
  });
  server.on('clientError', (error, socket) => {
    // a read is given up when its client has gone
    if (!('code' in error) || error.code !== 'ECONNRESET')
      t.fail(`node:http cannot read it: ${JSON.stringify(error)}`);
    socket.destroy();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const take: Understanding['take'] = async () => {
    const taken = seen.map((request) => ({ ...request, content: request.content.toString('latin1') }));
    seen = [];
    return taken.filter((request) => !isProbe(request));
  };
  return { port: (server.address() as AddressInfo).port, take };
}

/** nginx tells method and target by its access log, and the content of a PUT by what it stored. */
async function startRecordingNginx(t: Test): Promise<Understanding> {
  const { folder, port } = await startNginx(
    t,
    ({ folder, port }) => `
      log_format seen escape=json '{"method":"$request_method","target":"$request_uri","status":"$status","last":"$http_cache_control"}';
      access_log ${folder}/seen.log seen;
      server {
        listen 127.0.0.1:${port}; root ${folder}/files; dav_methods PUT; create_full_put_path on;
      }`,
  );
  const file = await open(join(folder, 'seen.log'));
  t.teardown(() => file.close());
  const take: Understanding['take'] = async () => {
    const executed: Executed[] = [];
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1 << 16), 0, 1 << 16, null);
    for (const line of buffer.toString('latin1', 0, bytesRead).split('\n').slice(0, -1)) {
      const { method, target, status, last }: Record<string, string> = JSON.parse(line);
      if (method === undefined || target === undefined || last === 'no-cache') continue;
      const stored = method === 'PUT' && (status === '201' || status === '204');
      const content = stored ? { content: (await exchange(port, 'GET', target, NOT_COUNTED)).content } : {};
      executed.push({ method, target, fields: [], ...content });
    }
    return executed;
  };
  return { port, take };
}

t.test(`both origins understand what the client sent, seed ${seed}`, { skip }, async (t) => {
  const origins = await Promise.all(
    [startNode, startRecordingNginx].map(async (start) => {
      const origin = await start(t);
      const url = `http://127.0.0.1:${origin.port}`;
      return { origin, ifmatch: await startIfmatch(t, { origin: url, yaml: YAML, timeouts: TIMEOUTS }) };
    }),
  );
  const tally = { cases: 0, forwarded: [0, 0] };
  // nginx logs a request that was given up whenever it likes
  let before = '';
  const isLate = (target: string, { bytes }: Case): boolean =>
    before.includes(target) && !bytes.includes(target);
  const check = async (given: Case): Promise<void> => {
    const reading = readRequests(given.bytes);
    // what an origin makes of half a request is no understanding
    fc.pre(reading.begun === undefined);
    const faults = await Promise.all(
      origins.map(async ({ origin, ifmatch }, i) => {
        await origin.take();
        const { length } = ifmatch.log;
        await deliver(ifmatch.port, { ...given, end: 'later' }, reading);
        await ifmatch.idle();
        const executed: Executed[] = [];
        let missing: string[] = [];
        // both logs are written behind the answer
        for (let turns = 0; turns < 20 && (turns === 0 || missing.length > 0); turns++) {
          if (turns > 0) await sleep(5);
          executed.push(...(await origin.take()).filter(({ target }) => !isLate(target, given)));
          missing = unaccounted(ifmatch.log.slice(length), executed);
        }
        tally.forwarded[i] = (tally.forwarded[i] ?? 0) + executed.length;
        return [...notSent(reading, executed), ...missing].map(
          (fault) => `${i === 0 ? 'node:http' : 'nginx'}: ${fault}`,
        );
      }),
    );
    before = given.bytes;
    tally.cases += 1;
    if (faults.flat().length > 0) throw new Error(faults.flat().join('\n'));
  };
  const result = await fc.check(fc.asyncProperty(grammarCase, check), {
    seed,
    numRuns: seconds * 1000,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  });
  t.notOk(result.failed, `${JSON.stringify(result.counterexample)}\n${result.errorInstance ?? ''}`);
  t.comment(`seed ${seed}: ${JSON.stringify(tally)}`);
  t.ok(
    tally.forwarded.every((count) => count > 0),
    'both got requests',
  );
});
