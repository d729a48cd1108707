// The log: one JSON object a line for each request, no secret of a client in it, and no line lost.

import { execFileSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { openLog } from '../../src/app/log.ts';
import { closedPort } from '../fixtures/closed-port.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { startRawOrigin } from '../fixtures/raw-origin.ts';
import { gate, until } from '../fixtures/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\nSet-Cookie: s=S3CRET\r\nContent-Length: 0\r\n\r\n';

const SECRETS = [
  ...['Authorization: Bearer S3CRET', 'Cookie: id=S3CRET', 'Proxy-Authorization: Basic S3CRET'],
  ...['X-Api-Key: S3CRET', 'Referer: https://x/?S3CRET'],
];

async function scene(t: Test, url?: string) {
  const origin = await startRawOrigin(t, () => OK);
  return { origin, ifmatch: await startIfmatch(t, { origin: url ?? origin.url }) };
}

t.test('a line for each request says what was asked, planned, found and answered', async (t) => {
  const { ifmatch } = await scene(t);
  await exchange(ifmatch.port, 'GET', '/a?q=1');
  await exchange(ifmatch.port, 'PUT', '/a', ['If-Match: "v0"'], 'x');
  await exchange(ifmatch.port, 'PUT', '/a', ['If-Match: "v1"'], 'x');
  await until(() => ifmatch.log.length === 3, 'three lines');
  t.match(ifmatch.log[0], {
    msg: 'request',
    level: 30,
    method: 'GET',
    path: '/a',
    route: '*',
    mode: 'enforce',
    status: 200,
    plan: 'read',
  });
  t.match(ifmatch.log[1], {
    status: 412,
    plan: 'check',
    verdict: 'failed',
    field: 'if-match',
    code: 'precondition-failed',
  });
  t.match(ifmatch.log[2], { status: 200, verdict: 'perform', lockMs: Number, probeMs: Number, ms: Number });
  for (const line of ifmatch.log) t.notOk('clientGone' in line);
});

t.test('no credential is in any line, whatever the answer', async (t) => {
  const { ifmatch } = await scene(t);
  const unreachable = await scene(t, `http://127.0.0.1:${await closedPort()}`);
  for (const { port } of [ifmatch, unreachable.ifmatch]) {
    for (const [method, ...more] of [
      ['GET'],
      ['PUT', 'If-Match: "S3CRET"'],
      ['PUT', 'If-Match: S3CRET'],
      ['POST'],
      ['OPTIONS'],
    ]) {
      await exchange(port, method ?? '', '/a?token=S3CRET', [...SECRETS, ...more], 'S3CRET');
    }
    await exchange(port, 'PUT', '/../a?token=S3CRET', SECRETS, 'S3CRET');
    await exchange(port, 'PUT', '/a', [...SECRETS, 'Connection: S3CRET'], 'x');
    await exchange(port, 'PUT', '/a', [...SECRETS, 'Content-Type: S3CRET', 'Content-Type: S3CRET'], 'x');
  }
  await until(() => ifmatch.log.length === 8 && unreachable.ifmatch.log.length === 8, 'a line for each');
  t.notMatch(JSON.stringify([ifmatch.log, unreachable.ifmatch.log]), /S3CRET/);
});

t.test('failures of the origin are warnings that say why, to the operator alone', async (t) => {
  const { ifmatch } = await scene(t, `http://127.0.0.1:${await closedPort()}`);
  await exchange(ifmatch.port, 'PUT', '/a', [], 'x');
  await exchange(ifmatch.port, 'GET', '/a');
  await until(() => ifmatch.log.length === 2, 'both lines');
  t.match(ifmatch.log[0], { level: 40, status: 502, code: 'origin-unreachable' });
  t.match(ifmatch.log[1], { level: 40, status: 502, code: 'origin-unreachable', cause: /ECONNREFUSED/ });
});

t.test('a write of unknown fate and a would-be refusal are warnings', async (t) => {
  const origin = await startRawOrigin(t, ({ method, socket }) =>
    method === 'PUT' ? void socket.destroy() : OK,
  );
  const ifmatch = await startIfmatch(t, {
    origin: origin.url,
    yaml: 'routes: [{ path: /o, mode: observe }]',
  });
  await exchange(ifmatch.port, 'PUT', '/a', [], 'x');
  await exchange(ifmatch.port, 'POST', '/o', ['If-Match: "v0"'], 'x');
  await until(() => ifmatch.log.length === 2, 'both lines');
  t.match(ifmatch.log[0], { level: 40, fate: 'unknown', code: 'write-unknown' });
  t.match(ifmatch.log[1], { level: 40, status: 200, would: { status: 412, code: 'precondition-failed' } });
});

t.test('a client that goes is noted', async (t) => {
  const held = gate();
  const origin = await startOrigin(t, { delay: () => held.opened });
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const client = await connect(ifmatch.port);
  client.send(bytesOf('PUT', '/a', [], 'x'));
  await until(() => origin.requests.length === 1, 'it arrives');
  client.reset();
  await until(() => ifmatch.log.length > 0, 'the line');
  t.match(ifmatch.log[0], { clientGone: true });
  held.open();
  await ifmatch.idle();
});

t.test('one JSON object a line, with nothing of the machine', async (t) => {
  const lines: string[] = [];
  const log = openLog('info', { write: (line) => void lines.push(line) });
  const path = '/a\n{"level":60}\u001b[2J';
  const start = log.begin('info');
  if (start === undefined) throw new Error('info is wanted');
  log.write({ ...start, path, route: undefined, msg: 'request' });
  log.events.info({ path, route: undefined }, 'request');
  log.events.debug('not at this level');
  t.equal(lines.length, 2);
  for (const line of lines) {
    t.match(line, /^[^\n]*\n$/);
    const record = JSON.parse(line);
    t.same(Object.keys(record), ['level', 'time', 'path', 'msg']);
    t.match(record, { level: 30, time: /^\d{4}-\d\d-\d\dT/, path, msg: 'request' });
  }
});

t.test('a line of a request is as pino would have it, and of the same levels', async (t) => {
  const record = { path: '/ü€\ud800"\\\u0000', status: 200, ms: 0.1, none: undefined, clientGone: true };
  for (const level of ['silent', 'fatal', 'error', 'warn', 'info', 'debug']) {
    const lines: string[] = [];
    const log = openLog(level, { write: (line) => void lines.push(line) }, { worker: 2 });
    const timeless = (line: string) => line.replace(/"time":"[^"]+"/, '');
    for (const severity of ['info', 'warn'] as const) {
      const start = log.begin(severity);
      if (start !== undefined) log.write({ ...start, ...record, msg: 'request' });
      const [ours] = lines.splice(0);
      log.events[severity](record, 'request');
      const [theirs] = lines.splice(0);
      t.equal(ours && timeless(ours), theirs && timeless(theirs), `${severity} at ${level}`);
      t.equal(ours !== undefined, log.events.isLevelEnabled(severity));
    }
  }
});

t.test('lines that wait for others come out whole and in order when the process exits', async (t) => {
  const lengths = [1, 700, 1_365, 1_366, 4_096, 40_000, ...Array.from({ length: 200 }, (_, i) => i)];
  const program = `
    import { standardOutput } from ${JSON.stringify(import.meta.resolve('../../src/app/log.ts'))};
    const output = standardOutput();
    for (const [at, length] of ${JSON.stringify(lengths)}.entries()) output.write(at + '€'.repeat(length) + '\\n');
    process.exit();`;
  const args = ['--input-type=module', '--eval', program];
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8' });
  t.equal(printed, lengths.map((length, at) => `${at}${'€'.repeat(length)}\n`).join(''));
});
