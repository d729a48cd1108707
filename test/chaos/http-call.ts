// One request of a client over its own connections, and how it ended.

import http from 'node:http';

export type Answer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly etag: string | undefined;
      readonly content: string;
    }
  /** Nobody listened there: certainly not sent. */
  | { readonly kind: 'unsent' }
  /** Sent, or a part of it, and cut off. */
  | { readonly kind: 'broken' }
  /** The client stopped waiting, and went away. */
  | { readonly kind: 'gave-up' };

export interface Call {
  readonly agent: http.Agent;
  readonly url: string;
  readonly method: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly content?: string;
  /** How long this client waits, milliseconds. */
  readonly patience: number;
}

/** Never rejects. */
export function call({ agent, url, method, fields = {}, content = '', patience }: Call): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = { ...fields, ...(content === '' ? {} : { 'Content-Length': content.length }) };
    const request = http.request(url, { agent, method, headers });
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    const timer = setTimeout(() => {
      end({ kind: 'gave-up' });
      request.destroy();
    }, patience);
    request.on('error', (error) => {
      const refused = 'code' in error && error.code === 'ECONNREFUSED';
      end({ kind: refused ? 'unsent' : 'broken' });
    });
    request.on('response', (response) => {
      const { statusCode: status = 0 } = response;
      const { etag } = response.headers;
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => end({ kind: 'answered', status, etag, content: text }));
      // a status says all, also where the rest is cut off
      response.on('error', () => end({ kind: 'answered', status, etag, content: text }));
    });
    request.end(content);
  });
}
