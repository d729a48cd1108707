// What Node costs before anybody checks, locks, logs or is careful: a GET, or a HEAD and then the PUT. Arguments: its port,
// the origin's port.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type Dispatcher, Pool } from 'undici';

const [port, origin] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${origin}`, { connections: null, headersTimeout: 0, bodyTimeout: 0 });

function send(
  message: IncomingMessage,
  method: string,
  body: Buffer | null,
  handler: Dispatcher.DispatchHandler,
) {
  const headers = message.rawHeaders.filter(
    (_, i, all) => all[i - (i % 2)]?.toLowerCase() !== 'content-length',
  );
  pool.dispatch({ method, path: message.url ?? '/', headers, body, reset: false }, handler);
}

/** The answer goes on to the client. */
function passed(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart() {},
    onResponseStart({ rawHeaders }, status, _headers, text = '') {
      const raw = Array.isArray(rawHeaders) ? rawHeaders.map((part) => part.toString('latin1')) : [];
      const fields = raw.filter((_, i, all) => all[i - (i % 2)]?.toLowerCase() !== 'connection');
      response.writeHead(status, text, fields);
    },
    onResponseData: (_controller, chunk) => void response.write(chunk),
    onResponseEnd: () => void response.end(),
    onResponseError: () => void response.destroy(),
  };
}

const ignored = (next: () => void): Dispatcher.DispatchHandler => ({
  onRequestStart() {},
  onResponseStart() {},
  onResponseData() {},
  onResponseEnd: next,
  onResponseError(_controller, error) {
    throw error;
  },
});

createServer(async (message, response) => {
  if (message.method === 'GET') {
    send(message, 'GET', null, passed(response));
    return;
  }
  const content = await buffer(message);
  send(
    message,
    'HEAD',
    null,
    ignored(() => send(message, 'PUT', content, passed(response))),
  );
}).listen(Number(port), '127.0.0.1');
