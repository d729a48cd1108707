// Clients that leave in every phase of a write: never half executed, never executed twice, nothing left locked.

import type { ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import { attackLegacy } from '../fixtures/aftermath.ts';
import { bytesOf, connect, type RawClient } from '../fixtures/raw-client.ts';
import { gate, settle, until } from '../fixtures/until.ts';

t.jobs = 8;

const leaving = [
  { by: 'FIN', leave: (client: RawClient) => client.close() },
  { by: 'half a FIN', leave: (client: RawClient) => client.socket.end() },
  { by: 'RST', leave: (client: RawClient) => client.reset() },
];
const CHUNKED = 'Transfer-Encoding: chunked';
const writes = [
  { name: 'POST in chunks', method: 'POST', fields: [CHUNKED], content: '4\r\ngone\r\n0\r\n\r\n' },
  { name: 'PUT with content', method: 'PUT', fields: [], content: 'gone' },
  { name: 'PUT of length 0', method: 'PUT', fields: [], content: '' },
  { name: 'DELETE without content', method: 'DELETE', fields: [], content: undefined },
];

/** When the client leaves, and how often the origin may then have seen its write. */
const phases = [
  'while it waits',
  'during the probe',
  'between probe and write',
  'during the write',
  'amid the answer',
] as const;
const executions: Readonly<Record<(typeof phases)[number], readonly number[]>> = {
  'while it waits': [0],
  'during the probe': [0],
  'between probe and write': [0, 1],
  'during the write': [1],
  'amid the answer': [1],
};

for (const { by, leave } of leaving) {
  for (const write of writes) {
    for (const phase of phases) {
      t.test(`row 109: ${write.name}: gone by ${by} ${phase}`, (t) => leaves(t, write, phase, leave));
    }
  }
}

async function leaves(
  t: Test,
  { method, fields, content }: (typeof writes)[number],
  phase: (typeof phases)[number],
  leave: (client: RawClient) => void,
): Promise<void> {
  const { origin, ifmatch, aftermath } = await attackLegacy(t);
  const etag = origin.store('/doc', 'old');
  const [client, holder, held, rest] = [
    await connect(ifmatch.port),
    await connect(ifmatch.port),
    gate(),
    gate(),
  ];
  const mine = (): number => origin.seen(method).filter(({ target }) => target === '/doc').length;
  if (phase === 'while it waits') {
    origin.on.delay = () => held.opened;
    holder.send(bytesOf('PATCH', '/doc', [], 'first'));
    await until(() => origin.seen('PATCH').length === 1, 'another holds the lock');
  } else if (phase === 'during the probe') {
    origin.on.readDelay = () => held.opened;
  } else if (phase === 'between probe and write') {
    origin.on.readDelay = async () => leave(client);
  } else if (phase === 'during the write') {
    origin.on.delay = () => held.opened;
  } else {
    const by = async (response: ServerResponse): Promise<void> => {
      response.writeHead(200);
      response.write('half');
      await rest.opened;
      response.end('rest');
    };
    origin.on.answer = (request) => (request.method === method ? { apply: true, by } : undefined);
  }
  client.send(
    bytesOf(method, '/doc', [...fields, `If-Match: ${etag}`], fields.length > 0 ? undefined : content),
  );
  if (fields.length > 0) client.send(content ?? '');
  if (phase === 'while it waits') await until(() => ifmatch.lock().waiting === 1, 'it waits');
  else if (phase === 'during the write' || phase === 'amid the answer')
    await until(() => mine() === 1, 'the write is there');
  else await until(() => origin.seen('HEAD').length === 1, 'the probe is there');
  await settle();
  leave(client);
  await settle();
  if (phase === 'during the write' || phase === 'amid the answer')
    t.equal(ifmatch.lock().held, 1, 'the lock is kept');
  held.open();
  rest.open();
  await ifmatch.idle();
  await settle();
  t.ok(executions[phase].includes(mine()), `the origin saw it ${mine()} times`);
  t.equal(
    origin.applied.filter((applied) => applied.method === method).length,
    mine(),
    'and finished what it saw',
  );
  holder.close();
  client.close();
  await aftermath();
}

for (const { by, leave } of leaving) {
  for (const framing of [[CHUNKED], ['Content-Length: 100000']]) {
    t.test(
      `row 109: gone by ${by} amid content that flows, ${framing}: broken off once, and not ended`,
      async (t) => {
        const { origin, ifmatch, aftermath } = await attackLegacy(t, { yaml: 'buffer: 4KiB' });
        const etag = origin.store('/doc', 'old');
        const client = await connect(ifmatch.port);
        const part = 'x'.repeat(20_000);
        const chunk = framing[0] === CHUNKED ? `${part.length.toString(16)}\r\n${part}\r\n` : part;
        client.send(bytesOf('PUT', '/doc', [...framing, `If-Match: ${etag}`]) + chunk);
        await until(() => origin.seen('PUT').length === 1, 'the content flows');
        leave(client);
        await ifmatch.idle();
        await settle();
        t.equal(origin.seen('PUT').length, 1);
        t.equal(origin.seen('PUT')[0]?.complete, false);
        t.same(origin.applied, []);
        t.equal(origin.etag('/doc'), etag);
        client.close();
        await aftermath();
      },
    );
  }
}
