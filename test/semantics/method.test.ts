// What methods mean for preconditions.

import t from 'tap';
import { isRead, isSafe, selectsRepresentation } from '../../src/semantics/method.ts';

const rows = [
  { method: 'GET', read: true, safe: true, selects: true },
  { method: 'HEAD', read: true, safe: true, selects: true },
  { method: 'OPTIONS', read: false, safe: true, selects: false },
  { method: 'TRACE', read: false, safe: true, selects: false },
  { method: 'CONNECT', read: false, safe: false, selects: false },
  { method: 'PROPFIND', read: false, safe: true, selects: true },
  { method: 'REPORT', read: false, safe: true, selects: true },
  { method: 'SEARCH', read: false, safe: true, selects: true },
  { method: 'QUERY', read: false, safe: true, selects: true },
  { method: 'PUT', read: false, safe: false, selects: true },
  { method: 'PATCH', read: false, safe: false, selects: true },
  { method: 'POST', read: false, safe: false, selects: true },
  { method: 'DELETE', read: false, safe: false, selects: true },
  { method: 'PROPPATCH', read: false, safe: false, selects: true },
  { method: 'PURGE', read: false, safe: false, selects: true },
  { method: 'get', read: false, safe: false, selects: true },
  { method: 'constructor', read: false, safe: false, selects: true },
];

for (const row of rows) {
  t.test(row.method, async (t) => {
    t.equal(isRead(row.method), row.read, 'read');
    t.equal(isSafe(row.method), row.safe, 'safe');
    t.equal(selectsRepresentation(row.method), row.selects, 'selects a representation');
  });
}
