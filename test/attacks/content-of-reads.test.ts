// Content where none is expected: it ends here with GET, HEAD and OPTIONS, and is never executed by anybody.

import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { SMUGGLED, startArena } from '../fixtures/attack.ts';
import { type Row, testRows } from '../fixtures/attack-rows.ts';
import { startIfmatch } from '../fixtures/ifmatch.ts';
import { bytesOf, connect, exchange } from '../fixtures/raw-client.ts';
import { settle } from '../fixtures/until.ts';

const H = 'Host: x\r\n';

const bare: Row['check'] = (t, [request]) => {
  t.notMatch(
    request?.head,
    /^(content-length|transfer-encoding|content-type):/im,
    'nothing of the content goes on',
  );
  t.equal(request?.content, '');
};
// 20, 21
const hidden = (method: string): Row[] => [
  {
    name: `${method} with a length and a request as its content`,
    bytes: `${method} /a HTTP/1.1\r\n${H}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    answers: [200],
    sent: [`${method} /a`],
    check: bare,
    ...(method === 'HEAD' ? { method } : {}),
  },
  {
    name: `${method} with a request as its chunked content`,
    bytes: `${method} /a HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    answers: [200],
    sent: [`${method} /a`],
    check: bare,
    ...(method === 'HEAD' ? { method } : {}),
  },
];
testRows(t, startArena, [
  ...['GET', 'HEAD', 'OPTIONS'].flatMap(hidden),
  // 21
  {
    name: 'HEAD with chunked content that is empty',
    bytes: `HEAD /a HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    answers: [200],
    sent: ['HEAD /a'],
    check: bare,
    method: 'HEAD',
  },
  {
    name: 'DELETE with content',
    bytes: `DELETE /a HTTP/1.1\r\n${H}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    answers: [200],
    sent: ['DELETE /a'],
    closed: false,
    check: (t, [request]) => t.equal(request?.content, SMUGGLED, 'byte for byte'),
  },
]);

// 22: the origin answers before it reads content, and all go through one connection
for (const method of ['GET', 'HEAD', 'OPTIONS', 'PROPFIND']) {
  t.test(
    `${method} with a length that covers the head of the next request executes nothing hidden in it`,
    async (t) => {
      const seen: { line: string; head: number }[] = [];
      const server = http.createServer(({ method, url, rawHeaders: fields }, response) => {
        const lines = fields.reduce((sum, text) => sum + text.length + 2, 0);
        seen.push({ line: `${method} ${url}`, head: `${method} ${url} HTTP/1.1\r\n\r\n`.length + lines });
        response.setHeader('ETag', '"v1"').end();
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      t.teardown(() => {
        server.close();
        server.closeAllConnections();
      });
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const ifmatch = await startIfmatch(t, { origin, connections: 1 });
      const hidden = 'DELETE /secret HTTP/1.1\r\nHost: x\r\n\r\n';
      await exchange(ifmatch.port, 'POST', '/b', [], hidden);
      const [measured] = seen.splice(0);
      const client = await connect(ifmatch.port);
      client.send(
        `${method} /a HTTP/1.1\r\n${H}Content-Length: ${measured?.head}\r\n\r\n${'x'.repeat(measured?.head ?? 0)}`,
      );
      const next = await connect(ifmatch.port);
      next.send(bytesOf('POST', '/b', [], hidden));
      t.equal((await client.response(method)).status, 200);
      t.equal((await next.response()).status, 200);
      await settle();
      t.same(seen.map(({ line }) => line).sort(), [`${method} /a`, 'POST /b'].sort());
      client.close();
      next.close();
      await ifmatch.idle();
    },
  );
}
