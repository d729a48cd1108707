// What a probe makes of each answer, and which questions it asks.

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { OriginFailure } from '../../src/origin/failure.ts';
import { writeError } from '../../src/origin/forward.ts';
import { type ProbeRequest, probe } from '../../src/origin/probe.ts';
import { readPreconditions } from '../../src/semantics/preconditions.ts';
import { type Asked, ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { settle } from '../fixtures/until.ts';

const TAG = ['ETag', '"v1"'];
const DATE = 'Thu, 01 Jan 2026 00:00:00 GMT';

interface Question {
  readonly method?: 'auto' | 'head' | 'get';
  /** The client's conditions. */
  readonly asks?: readonly string[];
  readonly memory?: Set<string>;
}

function start(
  origin: ScriptedOrigin,
  { method = 'auto', asks = ['If-Match', '"v1"'], memory = new Set<string>() }: Question = {},
) {
  const client = new AbortController();
  const request: ProbeRequest = {
    target: '/doc?x',
    fields: ['Host', 'x', 'Cookie', 'c'],
    preconditions: readPreconditions(asks, Date.now()),
    method,
    startMs: 2000,
    memoryKey: '/*',
    clientGone: client.signal,
  };
  const result = probe(origin, request, { timeoutMs: 3000, memory, now: Date.now });
  return { result, leave: () => client.abort(), memory };
}

/** The result when the exchanges are answered one by one. */
async function asked(answers: readonly ((asked: Asked) => void)[], question?: Question) {
  const origin = new ScriptedOrigin();
  const { result, memory } = start(origin, question);
  for (const [i, answer] of answers.entries()) answer((await origin.nth(i)).start());
  return { ...(await result), got: origin.got(), memory, requests: origin.asked };
}

const answered =
  (status: number, fields: readonly string[] = [], content = '') =>
  (asked: Asked) => {
    asked.answer(status, fields, content);
  };

const states = [
  { status: 200, state: 'current' },
  { status: 204, state: 'current' },
  { status: 206, state: 'current' },
  { status: 404, state: 'absent' },
  { status: 410, state: 'absent' },
];
for (const { status, state } of states) {
  t.test(`${status} means ${state}`, async (t) => {
    // what is absent by HEAD may be absent by HEAD alone
    const methods = state === 'absent' ? ['HEAD', 'GET'] : ['HEAD'];
    const { representation, refusal, got } = await asked(methods.map(() => answered(status, TAG)));
    t.equal(representation.state, state);
    t.equal(refusal, undefined);
    t.same(got, methods);
  });
}

const undecided = [
  ...[300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 406, 407, 409, 412, 416, 418, 423, 429, 451].map(
    (status) => ({ status, code: 'probe-undecided', passes: true }),
  ),
  // without the protocols that must come with it, which are of the connection to the origin
  { status: 426, code: 'probe-undecided', passes: false },
  ...[304, 500, 502, 505, 599].map((status) => ({ status, code: 'probe-error', passes: false })),
  { status: 503, code: 'probe-unavailable', passes: false },
  { status: 504, code: 'probe-timeout', passes: false },
];
for (const { status, code, passes } of undecided) {
  t.test(`${status} decides nothing: ${code}`, async (t) => {
    const { representation, refusal, fields } = await asked([answered(status, [...TAG, 'Location', '/x'])]);
    t.same(representation, { state: 'unknown', reason: code }, 'its tag is that of an error page');
    t.equal(refusal?.error.code, code);
    t.equal(refusal?.status, passes ? status : undefined);
    t.same(fields, [...TAG, 'Location', '/x']);
  });
}

t.test('Retry-After of a 503 is passed on when it is a number of seconds', async (t) => {
  for (const [value, seconds] of [
    ['7', 7],
    ['0', 5],
    ['soon', 5],
    ['-1', 5],
    ['1e999', 5],
  ] as const) {
    const { refusal } = await asked([answered(503, ['Retry-After', value])]);
    t.equal(refusal?.error.retryAfter, seconds, value);
  }
});

for (const status of [200, 404]) {
  t.test(`a ${status} that a cache had kept is not the current state, whatever it was asked`, async (t) => {
    for (const age of ['2', '86400, 1', '99999999999999999999']) {
      const { representation, refusal, fields, got } = await asked([answered(status, [...TAG, 'Age', age])]);
      t.same(representation, { state: 'unknown', reason: 'probe-error' }, age);
      t.match(refusal?.error.detail, /^A cache answered/);
      t.match(refusal?.error.cause, /^a cache answered, from \d/);
      t.same(fields, [...TAG, 'Age', age]);
      t.same(got, ['HEAD']);
    }
  });
}

t.test('an Age of no more than the probe took, and one that is no number, say nothing', async (t) => {
  for (const age of ['0', '1', '-5', '', 'old', 'x, 9']) {
    const { representation } = await asked([answered(200, [...TAG, 'Age', age])]);
    t.equal(representation.state, 'current', age);
  }
  const origin = new ScriptedOrigin();
  const { result } = start(origin, { method: 'get' });
  const slow = (await origin.nth(0)).start();
  await sleep(1100);
  slow.answer(200, [...TAG, 'Age', '2'], 'x');
  t.equal((await result).representation.state, 'current', 'of a cache that waited for the origin, too');
});

const failures = [
  { name: 'nobody listens', fail: 'unreachable', code: 'origin-unreachable', started: false },
  { name: 'no connection in time', fail: 'timeout', code: 'origin-busy', started: false },
  { name: 'a reset', fail: 'reset', code: 'probe-error', started: true },
  { name: 'no HTTP', fail: 'invalid', code: 'probe-error', started: true },
  { name: 'silence', fail: 'timeout', code: 'probe-timeout', started: true },
] as const;
for (const { name, fail, code, started } of failures) {
  t.test(`${name}: ${code}, and no GET after it`, async (t) => {
    const origin = new ScriptedOrigin();
    const { result } = start(origin);
    const head = await origin.nth(0);
    if (started) head.start();
    head.fail(fail);
    const { representation, refusal } = await result;
    t.same(representation, { state: 'unknown', reason: code });
    t.equal(refusal?.error.code, code);
    t.equal(refusal?.status, undefined);
    if (!started) {
      const write = writeError(new OriginFailure(fail, false));
      t.equal(refusal?.error.detail, write.detail, 'told as for a write that was not sent');
      t.equal(refusal?.error.retryAfter, write.retryAfter);
    }
    await settle();
    t.equal(origin.asked.length, 1);
  });
}

t.test('a deadline for the start, one for the whole answer, and connections of their own', async (t) => {
  const { requests } = await asked([answered(405), answered(200, TAG)]);
  for (const { options, request } of requests) {
    t.same(options.deadlines, { start: 2000, total: 3000 });
    t.equal(options.lane, 'probe');
    t.same(
      [request.target, request.fields, request.content],
      ['/doc?x', ['Host', 'x', 'Cookie', 'c'], undefined],
    );
  }
});

const fallbacks: {
  name: string;
  head: (asked: Asked) => void;
  asks?: string[];
  falls: boolean;
  isRemembered?: false;
}[] = [
  { name: '405', head: answered(405), falls: true },
  { name: '501', head: answered(501), falls: true },
  { name: '200 without a tag, for If-Match', head: answered(200, ['Last-Modified', DATE]), falls: true },
  {
    name: '200 without a tag, for If-None-Match',
    head: answered(200),
    asks: ['If-None-Match', '"a"'],
    falls: true,
  },
  {
    name: '200 without a date, for If-Unmodified-Since',
    head: answered(200, TAG),
    asks: ['If-Unmodified-Since', DATE],
    falls: true,
  },
  {
    name: '200 without a date, for If-Unmodified-Since beside If-None-Match',
    head: answered(200, TAG),
    asks: ['If-Unmodified-Since', DATE, 'If-None-Match', '"a"'],
    falls: true,
  },
  {
    name: '200 without a tag, for If-None-Match beside If-Unmodified-Since',
    head: answered(200, ['Last-Modified', DATE]),
    asks: ['If-Unmodified-Since', DATE, 'If-None-Match', '"a"'],
    falls: true,
  },
  {
    name: '200 without a date, for an If-Unmodified-Since that If-Match shadows',
    head: answered(200, TAG),
    asks: ['If-Unmodified-Since', DATE, 'If-Match', '"a"'],
    falls: false,
  },
  { name: '200 without anything, for *', head: answered(200), asks: ['If-Match', '*'], falls: true },
  {
    name: '200 without anything, for If-None-Match: *',
    head: answered(200),
    asks: ['If-None-Match', '*'],
    falls: true,
  },
  { name: '200 with a tag, for *', head: answered(200, TAG), asks: ['If-Match', '*'], falls: false },
  {
    name: '200 with a date, for *',
    head: answered(200, ['Last-Modified', DATE]),
    asks: ['If-None-Match', '*'],
    falls: false,
  },
  { name: '200 with a tag', head: answered(200, TAG), falls: false },
  {
    name: '200 with the tag that If-Match extends',
    head: answered(200, ['ETag', '"v"']),
    asks: ['If-Match', '"x", "v1"'],
    falls: true,
  },
  {
    name: '200 with the tag that If-None-Match extends',
    head: answered(200, ['ETag', 'W/"v"']),
    asks: ['If-None-Match', '"v1"'],
    falls: true,
  },
  {
    name: '200 with a tag that If-Match extends and has as well',
    head: answered(200, ['ETag', '"v"']),
    asks: ['If-Match', '"v1", "v"'],
    falls: false,
  },
  {
    name: '200 with a tag that extends that of If-Match',
    head: answered(200, ['ETag', '"v1-gzip"']),
    falls: false,
  },
  { name: '200 with a malformed tag', head: answered(200, ['ETag', 'v1']), falls: false },
  // it may have been created since
  { name: '404 without a tag', head: answered(404), falls: true, isRemembered: false },
  { name: '410', head: answered(410), asks: ['If-None-Match', '*'], falls: true, isRemembered: false },
  { name: '403', head: answered(403), falls: false },
];
for (const { name, head, asks, falls, isRemembered = falls } of fallbacks) {
  t.test(`probe: auto after ${name}: ${falls ? 'GET is asked' : 'no GET'}`, async (t) => {
    const rest = falls ? [answered(200, [...TAG, 'Last-Modified', DATE], 'content')] : [];
    const { got, memory } = await asked([head, ...rest], asks === undefined ? {} : { asks });
    t.same(got, falls ? ['HEAD', 'GET'] : ['HEAD']);
    t.same([...memory], isRemembered ? ['/*'] : [], 'only what works is remembered');
  });
}

t.test('a GET that tells no more than the HEAD is not remembered', async (t) => {
  const { memory } = await asked([answered(200), answered(200, [], 'content')]);
  t.same([...memory], []);
  const ofAny = await asked([answered(200), answered(200, [], 'content')], { asks: ['If-Match', '*'] });
  t.same([...ofAny.memory], []);
  const absent = await asked([answered(404), answered(404)], { asks: ['If-None-Match', '*'] });
  t.same([...absent.memory], []);
  t.equal(absent.representation.state, 'absent');
  const extended = { asks: ['If-Match', '"v1-gzip"'] };
  const same = await asked([answered(200, TAG), answered(200, TAG, 'content')], extended);
  t.same([...same.memory], [], 'whatever a client makes up');
  const failed = await asked([answered(405), answered(500)]);
  t.same([...failed.memory], []);
  t.equal(failed.refusal?.error.code, 'probe-error');
});

t.test('probe: get and a remembered route ask GET alone; probe: head asks HEAD alone', async (t) => {
  t.same((await asked([answered(200, TAG, 'x')], { method: 'get' })).got, ['GET']);
  t.same((await asked([answered(200, TAG, 'x')], { memory: new Set(['/*']) })).got, ['GET']);
  t.same((await asked([answered(405)], { method: 'head', memory: new Set(['/*']) })).got, ['HEAD']);
  t.same((await asked([answered(200)], { method: 'head' })).got, ['HEAD']);
});

t.test('the content of a GET is dropped, and given up when there is much of it', async (t) => {
  const small = await asked([answered(200, TAG, 'x'.repeat(60_000))], { method: 'get' });
  t.same([small.representation.state, small.requests[0]?.ending], ['current', 'complete']);
  const origin = new ScriptedOrigin();
  const { result } = start(origin, { method: 'get' });
  const get = (await origin.nth(0)).start().head(200, TAG);
  t.equal((await result).representation.state, 'current', 'the head is enough');
  for (let i = 0; i < 4 && !get.aborted; i++) get.data('x'.repeat(20_000));
  t.equal(get.aborted, true);
});

for (const phase of ['before it is sent', 'while the origin works', 'during the GET that comes after']) {
  t.test(`a client that goes ${phase}: client-gone, nothing more is asked`, async (t) => {
    const origin = new ScriptedOrigin();
    const { result, leave } = start(origin);
    const head = await origin.nth(0);
    if (phase !== 'before it is sent') head.start();
    if (phase === 'during the GET that comes after') {
      head.answer(405);
      (await origin.nth(1)).start();
    }
    leave();
    t.equal((await result).refusal?.error.code, 'client-gone');
    const last = origin.asked.at(-1);
    t.equal(last?.start().sent, false, 'it is called off');
    await settle();
    t.equal(origin.asked.length, phase === 'during the GET that comes after' ? 2 : 1);
  });
}
