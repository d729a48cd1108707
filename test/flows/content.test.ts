// Request content reaches the origin byte for byte, whatever its type says and however it is framed.

import t from 'tap';
import { fieldValue } from '../../src/semantics/fields.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { startOrigin } from '../fixtures/origin.ts';
import { connect, exchange } from '../fixtures/raw-client.ts';

const contents = [
  {
    name: 'big numbers and duplicate members',
    type: 'application/json',
    content: '{"n":12345678901234567890,"a":1,"a":2}',
  },
  { name: 'JSON null', type: 'application/json', content: 'null' },
  { name: 'malformed JSON', type: 'application/json', content: '{"a":' },
  { name: 'a prototype', type: 'application/json', content: '{"__proto__":{"x":1}}' },
  {
    name: 'every octet',
    type: 'application/octet-stream',
    content: Array.from({ length: 256 }, (_, c) => String.fromCharCode(c)).join(''),
  },
  { name: 'an unknown type', type: 'garbage', content: 'abc' },
  { name: 'no type', type: undefined, content: 'abc' },
  { name: 'a boundary', type: 'multipart/form-data; boundary="a b"', content: '--a b--\r\n' },
];
for (const { name, type, content } of contents) {
  t.test(`content is byte-exact: ${name}`, async (t) => {
    const origin = await startOrigin(t);
    const ifmatch = await startIfmatch(t, { origin: origin.url });
    const fields = type === undefined ? [] : [`Content-Type: ${type}`];
    for (const method of ['PUT', 'POST', 'PATCH', 'DELETE']) {
      await exchange(ifmatch.port, method, '/doc', fields, content);
      t.equal(origin.applied.at(-1)?.method, method);
      t.equal(origin.applied.at(-1)?.content.toString('latin1'), content);
      t.equal(fieldValue(origin.applied.at(-1)?.fields ?? [], 'content-type'), type);
    }
  });
}

t.test('chunked content arrives whole, with its extensions and trailers gone', async (t) => {
  const origin = await startOrigin(t);
  const ifmatch = await startIfmatch(t, { origin: origin.url });
  const etag = origin.store('/doc', 'old');
  const client = await connect(ifmatch.port);
  client.send(`PUT /doc HTTP/1.1\r\nHost: a\r\nIf-Match: ${etag}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  client.send('5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nIf-Match: "other"\r\n\r\n');
  t.equal((await client.response()).status, 200);
  t.equal(origin.content('/doc'), 'hello world');
  t.equal(origin.applied[0]?.ifMatch, etag, 'a trailer is no condition');
  client.close();
});
