// The words of the grammar: usual ones, odd ones, and wrong ones.

/** The entity-tag of whatever the recording origin has, and a date before its Last-Modified. */
export const CURRENT = '"v1"';
export const LONG_AGO = 'Sat, 01 Jan 2000 00:00:00 GMT';

export const METHODS = words(
  'PUT PUT PUT PUT PATCH POST DELETE GET HEAD OPTIONS PROPFIND PROPPATCH MKCOL LOCK UNLOCK REPORT SEARCH QUERY',
  'MOVE COPY PURGE M-SEARCH MERGE',
);
export const ODD_METHODS = words('TRACE CONNECT BREW put PRI SOURCE DESCRIBE');
export const VERSIONS = ['HTTP/1.0', 'HTTP/2.0', 'HTTP/1.2', 'http/1.1'];
export const HOSTS = ['', 'Host: x\r\nHost: y\r\n', 'Host:\r\n', 'Host: x y\r\n', 'host:x\r\n'];
export const PLAIN_SEGMENTS = words("a b page.txt ~c d-e_f %41 %20 %c3%a9 %252e (x)'!* @:&=+$,");
export const ODD_SEGMENTS = words(
  ' . .. %2e %2E%2e %2f b%2Fc %5c x;v=1 ; %3Bp %00 %0d%0aX:y %7f \xe9 \xff %ff ^ [ { " < ` \\ #f % %zz %2 * ..;',
);
export const QUERIES = words('   ? ?a=b&c ?/../x ?? ?%00 ?a#b ?\xe9=%E9 ?a="<> ?x=http://y/');
export const ODD_TARGETS = words('* http://other/ http://x https://x/a x:80 //x/y http://u@x/a');

export const CONDITIONS = words(
  'If-Match if-match If-Match If-None-Match If-Unmodified-Since If-Modified-Since If-Range',
);
export const TAGS = lines(
  `${CURRENT}|${CURRENT}|${CURRENT}|*|"v0"|"v0", "v1"|W/"v1"|"\xe9"|"a,b"|""|, "v1",`,
);
export const BAD_TAGS = lines(`v1|"v1||,|*, "v1"|'v1'|"v1" "v2"|w/"v1"|W/v1|"v1"x|"v\t1"|**`);
export const DATES = lines(
  `${LONG_AGO}|Tue, 01 Jan 2030 00:00:00 GMT|yesterday||0|Saturday, 01-Jan-00 00:00:00 GMT`,
);
export const OTHER_FIELDS = lines(
  'Connection: close|Connection: keep-alive|Connection: keep-alive|TE: trailers|Upgrade: foo|Via: 1.1 y|Depth: 1',
  'Expect: 100-continue|Prefer: return=representation|Range: bytes=0-1|Accept: */*|X-Any:|X-Any: caf\xe9',
  'X-Any: \t a \t|X_Any: 1|Content_Length: 3|X-HTTP-Method-Override: DELETE|Cookie: a=b|Keep-Alive: timeout=9',
  'X-Forwarded-For: 192.0.2.1|Forwarded: for=x|Content-Type: text/plain|Trailer: If-Match|Proxy-Connection: x',
  'Max-Forwards: 0|Destination: /moved|Destination: http://x/m|X-Original-URL: /x|Origin: http://z',
  'Content-Encoding: gzip',
);
export const ODD_FIELDS = lines(
  'Connection: upgrade\r\nUpgrade: websocket|Connection: Upgrade\r\nUpgrade: h2c|Connection: If-Match|Connection:',
  'Connection: close, x|Expect: 200-ok|Max-Forwards: x|Max-Forwards: 1\r\nMax-Forwards: 1|Destination: /a/../b',
);
export const ODD_FRAMING = lines(
  'Content-Length: 3\r\nTransfer-Encoding: chunked|Content-Length: +3|Content-Length: 0|Content-Length: 3, 3',
  'Content-Length: 3\r\nContent-Length: 3|Content-Length: 03|Content-Length: 99|Content-Length :3',
  'Transfer-Encoding: gzip, chunked|Transfer-Encoding: chunked, chunked|Transfer-Encoding: identity',
  'Transfer-Encoding : chunked|Transfer-Encoding:\tCHUNKED|Transfer-Encoding: xchunked|Transfer-Encoding:',
);
export const EXTENSIONS = ['', '', ';a=b', ';x="y;z"', ' '];
export const TRAILERS = ['', '', 'X-T: 1\r\n', 'If-Match: *\r\n'];
/** What mutations put in. */
export const TOKENS = lines(
  '\r\n|\n|\r|\r\n\r\n|\n\n|\r\n | |\t|:|,|"|\x00|\x0b|\x7f|\xff|;|0|0\r\n\r\n|\r\n0\r\n|%|/|..|#|?|HTTP/1.0|HTTP/1.1',
  'PUT |chunked|close|Host: y\r\n|If-Match: *\r\n|If-Match: "v0"\r\n|Transfer-Encoding: chunked\r\n',
  'Content-Length: 3\r\n',
);

function words(...rows: readonly string[]): string[] {
  return rows.flatMap((row) => row.split(' '));
}

function lines(...rows: readonly string[]): string[] {
  return rows.flatMap((row) => row.split('|'));
}
