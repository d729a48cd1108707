// node-http-proxy with kept connections to the origin. Arguments: its port, the origin's port.

import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const [port, origin] = process.argv.slice(2);
const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${origin}`,
  agent: new Agent({ keepAlive: true }),
});
proxy.on('error', (_error, _message, response) => void response.destroy());
createServer((message, response) => proxy.web(message, response)).listen(Number(port), '127.0.0.1');
