// A write under its leases: armed before it is sent, looked at once more as it leaves, and marked with what they say.

import t, { type Test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import { performWrite } from '../../src/guard/perform.ts';
import type { Lease, Lock } from '../../src/lock/lock.ts';
import { anExchange, someTools } from '../fixtures/guarded-exchange.ts';
import { heldForEver, noLock } from '../fixtures/no-lock.ts';
import { ScriptedOrigin } from '../fixtures/scripted-origin.ts';
import { settle } from '../fixtures/until.ts';

interface Given {
  readonly arm?: Lock['arm'];
  readonly fenceField?: string;
  readonly fields?: readonly string[];
}

/** A write under these leases, whatever the lock says of them. */
function write(t: Test, leases: readonly Lease[], { arm = async () => {}, fenceField, fields }: Given = {}) {
  const origin = new ScriptedOrigin();
  const tools = { ...someTools(t, origin), fenceField, lock: { ...noLock(), arm } };
  const exchange = anExchange('PUT', fields === undefined ? {} : { fields });
  const { write, uncertainty } = tools.forward.timeouts;
  const performed = performWrite(exchange, [Buffer.from('x')], tools, leases);
  return { origin, exchange, performed, needed: write + uncertainty };
}

const lasting = (ms: () => number): Lease => ({ ...heldForEver('b'), remainingMs: ms });
const marked = (fence?: string, unserialised = false): Lease => ({
  ...heldForEver('b'),
  fence,
  unserialised,
});

t.test('nothing is asked of the origin before the leases are armed, all of them', async (t) => {
  const armed = Promise.withResolvers<void>();
  const leases = [heldForEver('a'), heldForEver('b')];
  const of: (readonly Lease[])[] = [];
  const arm = (asked: readonly Lease[]): Promise<void> => {
    of.push(asked);
    return armed.promise;
  };
  const { origin, performed } = write(t, leases, { arm });
  await settle();
  t.same(origin.asked, []);
  armed.resolve();
  (await origin.nth(0)).start().answer(204);
  t.equal((await performed).value.status, 204);
  t.strictSame(of, [leases]);
});

t.test('what cannot be armed is not sent', async (t) => {
  const arm = () => Promise.reject(new GatewayError('lock-lost-before-send', 'gone'));
  const { origin, performed } = write(t, [heldForEver('a')], { arm });
  await t.rejects(performed, { code: 'lock-lost-before-send' });
  t.same(origin.asked, []);
});

t.test('a write leaves only while each of its leases outlives it', async (t) => {
  for (const spare of [0, -1]) {
    let left = 60_000;
    const { origin, exchange, performed, needed } = write(t, [lasting(() => left), heldForEver('a')]);
    const asked = await origin.nth(0);
    left = needed + spare;
    t.equal(asked.start().sent, spare === 0, `${spare} ms to spare as it leaves`);
    asked.answer(204);
    const { value, settled } = await performed;
    t.equal(value.status, spare === 0 ? 204 : 503);
    t.equal(exchange.outcome.code, spare === 0 ? undefined : 'lock-lost-before-send');
    t.same(await settled, { kind: 'known' }, 'the key is free at once');
  }
});

const MARK = ['Proxy-Status', 'ifmatch; details="unserialised"'];
for (const { name, leases, mark } of [
  {
    name: 'one lease of two that others are not kept out by',
    leases: [marked(), marked('7', true)],
    mark: MARK,
  },
  { name: 'leases that keep others out', leases: [marked(), marked('7')], mark: [] },
]) {
  t.test(`${name}: the client is told ${mark.length > 0 ? 'so' : 'nothing'}`, async (t) => {
    const { origin, exchange, performed } = write(t, leases);
    (await origin.nth(0)).start().answer(200, ['X', '1']);
    const { value } = await performed;
    t.same(value.fields, ['X', '1', ...mark]);
    t.equal(exchange.outcome.unserialised, mark.length > 0 ? true : undefined);
  });
}

const FIELDS = ['A', '1'];
const FORWARDED = ['Host', 'x', ...FIELDS];
for (const { name, leases, fenceField, sent, noted } of [
  {
    name: 'the last of them',
    leases: [marked('7'), marked('8')],
    fenceField: 'X-Fence',
    sent: '8',
    noted: '8',
  },
  {
    name: 'where there is none',
    leases: [marked()],
    fenceField: 'X-Fence',
    sent: undefined,
    noted: undefined,
  },
  {
    name: 'an origin that wants none',
    leases: [marked('7')],
    fenceField: undefined,
    sent: undefined,
    noted: '7',
  },
]) {
  t.test(`the fence: ${name}`, async (t) => {
    const { origin, exchange, performed } = write(t, leases, {
      fields: FIELDS,
      ...(fenceField === undefined ? {} : { fenceField }),
    });
    const { request } = (await origin.nth(0)).start().answer(204);
    await performed;
    const wanted = sent === undefined ? [] : ['X-Fence', sent];
    t.same(request.fields, [...FORWARDED, ...wanted]);
    t.equal(exchange.outcome.fence, noted);
  });
}
