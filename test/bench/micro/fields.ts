// Micro-benchmarks of origin/fields.ts: what is forwarded, what goes on a probe, what comes back.

import { forwardFields, probeFields, returnedFields } from '../../../src/origin/fields.ts';
import type { Micro } from './timing.ts';

const SHORT = [
  ...['Host', 'wiki.example', 'Content-Length', '1024', 'If-Match', '"6955b900-400"'],
  ...['Date', 'Thu, 01 Jan 2026 00:00:00 GMT'],
];
/** As a browser sends them. */
const LONG = [
  ...['Host', 'wiki.example', 'Connection', 'keep-alive', 'User-Agent', 'Mozilla/5.0 (X11; Linux x86_64)'],
  ...[
    'Accept',
    '*/*',
    'Accept-Language',
    'en',
    'Accept-Encoding',
    'gzip, br',
    'Referer',
    'https://wiki.example/',
  ],
  ...['Origin', 'https://wiki.example', 'Cookie', 'session=0123456789abcdef', 'Content-Type', 'text/plain'],
  ...['Content-Length', '1024', 'If-Match', '"6955b900-400"', 'Sec-Fetch-Dest', 'empty', 'Priority', 'u=0'],
  ...['Sec-Fetch-Mode', 'cors', 'Sec-Fetch-Site', 'same-origin', 'Pragma', 'no-cache', 'DNT', '1'],
];
const ANSWER = [
  ...['Server', 'nginx', 'Date', 'Fri, 02 Jan 2026 00:00:00 GMT', 'Content-Type', 'text/plain'],
  ...['Content-Length', '1024', 'Last-Modified', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ...['Connection', 'keep-alive', 'ETag', '"6955b900-400"', 'Accept-Ranges', 'bytes'],
];
const arrival = {
  ...{ peer: '127.0.0.1', trusted: false, overrides: false },
  ...{ host: 'wiki.example', version: '1.1', via: 'ifmatch-0123abcd' },
};
const forwarded = forwardFields(LONG, arrival);

export const MICROS: readonly Micro[] = [
  { name: 'forwardFields, 4 fields', run: () => forwardFields(SHORT, arrival) },
  { name: 'forwardFields, 18 fields', run: () => forwardFields(LONG, arrival) },
  { name: 'probeFields, 18 fields', run: () => probeFields(forwarded) },
  { name: 'returnedFields, 8 fields', run: () => returnedFields(200, ANSWER) },
];
