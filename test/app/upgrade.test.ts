// Which requests open a tunnel: a WebSocket's opening handshake and nothing else, for a tunnel goes past the guard.
import t from 'tap';
import { opensTunnel } from '../../src/app/upgrade.ts';

const HANDSHAKE = { host: 'x', connection: 'Upgrade', upgrade: 'websocket' };

const rows: {
  name: string;
  method?: string;
  httpVersion?: string;
  headers?: Record<string, string>;
  opens: boolean;
}[] = [
  { name: 'a handshake', opens: true },
  { name: 'the protocol in another case', headers: { upgrade: 'WebSocket' }, opens: true },
  { name: 'a length of 0', headers: { 'content-length': '0' }, opens: true },
  ...['PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'get'].map((method) => ({
    name: `the method ${method}`,
    method,
    opens: false,
  })),
  { name: 'HTTP/1.0', httpVersion: '1.0', opens: false },
  ...['h2c', 'websocket, h2c', 'websocket2', ''].map((upgrade) => ({
    name: `the protocol ${JSON.stringify(upgrade)}`,
    headers: { upgrade },
    opens: false,
  })),
  { name: 'content', headers: { 'content-length': '1' }, opens: false },
  { name: 'content in chunks', headers: { 'transfer-encoding': 'chunked' }, opens: false },
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'if-any'].map(
    (name) => ({ name: `the field ${name}`, headers: { [name]: 'x' }, opens: false }),
  ),
];
for (const { name, method = 'GET', httpVersion = '1.1', headers, opens } of rows) {
  t.test(`${name}: ${opens ? 'a tunnel' : 'none'}`, async (t) => {
    t.equal(opensTunnel({ method, httpVersion, headers: { ...HANDSHAKE, ...headers } }), opens);
  });
}
