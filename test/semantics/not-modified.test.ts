// Fields of a 304 made from those of a 200.

import t from 'tap';
import { notModifiedFields } from '../../src/semantics/not-modified.ts';

t.test('keeps what updates a cache and what is not about content, in order and byte for byte', async (t) => {
  const fields = [
    ...[
      'Date',
      'Fri, 02 Jan 2026 03:04:05 GMT',
      'ETag',
      ' W/"caf\xe9"',
      'Vary',
      'Accept-Language',
      'VARY',
      'Origin',
    ],
    ...['Cache-Control', 'max-age=60, private', 'Expires', 'Fri, 02 Jan 2026 03:05:05 GMT'],
    ...['Content-Location', '/doc.en', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Empty', ''],
    ...['Access-Control-Allow-Origin', '*', 'Link', '</s.css>; rel=preload', 'Accept-Ranges', 'bytes'],
    ...[
      'Content-Security-Policy',
      "default-src 'self'",
      'Content-Security-Policy-Report-Only',
      'x',
      'X-Content-Type-Options',
      'nosniff',
    ],
  ];
  t.strictSame(notModifiedFields(fields), fields);
});

const dropped = [
  'Content-Type',
  'content-encoding',
  'CONTENT-LANGUAGE',
  'Content-Length',
  'Content-Range',
  'Content-MD5',
  'Content-Disposition',
  'Content-Digest',
  'Repr-Digest',
  'Digest',
  'Transfer-Encoding',
  'Trailer',
];

for (const name of dropped) {
  t.test(`drops ${name}, every line of it`, async (t) => {
    t.strictSame(notModifiedFields(['A', '1', name, 'x', 'B', '2', name, 'y']), ['A', '1', 'B', '2']);
  });
}

t.test('Last-Modified is kept only where there is no ETag, wherever that stands', async (t) => {
  const date = 'Tue, 15 Nov 1994 12:45:26 GMT';
  t.strictSame(notModifiedFields(['Last-Modified', date]), ['Last-Modified', date]);
  t.strictSame(notModifiedFields(['Last-Modified', date, 'etag', '"v1"']), ['etag', '"v1"']);
  t.strictSame(notModifiedFields(['ETag', '"v1"', 'last-modified', date]), ['ETag', '"v1"']);
});

t.test('the given lines are left as they were', async (t) => {
  const fields = Object.freeze(['Content-Type', 'text/plain', 'A', '1']);
  t.strictSame(notModifiedFields(fields), ['A', '1']);
});
