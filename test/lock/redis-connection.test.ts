// What is said of an engine's errors, in the log and as a refusal's cause: never an address, a user or a password.
import t from 'tap';
import { CLOSED, connectionOptions, reasonOf } from '../../src/lock/redis-connection.ts';
import { UnfitServer } from '../../src/lock/redis-info.ts';

const address = {
  host: 'redis.internal',
  port: 6379,
  tls: false,
  db: 0,
  username: 'alice',
  password: 'hunter2',
};

function failed(message: string, more: { readonly code?: string; readonly name?: string } = {}): Error {
  return Object.assign(new Error(message), more);
}
const replied = (message: string) => failed(message, { name: 'ReplyError' });

const rows: Readonly<Record<string, readonly [error: unknown, said: string]>> = {
  'nobody listens': [failed('connect ECONNREFUSED 10.1.2.3:6379', { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  'nobody listens at any address of a name': [
    Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }),
    'ECONNREFUSED',
  ],
  'a name that is not known': [
    failed('getaddrinfo ENOTFOUND redis.internal', { code: 'ENOTFOUND' }),
    'ENOTFOUND',
  ],
  'a certificate for another name': [
    failed("Host: redis.internal. is not in the cert's altnames", { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ],
  'a right that is missing, as 7.2 says it': [
    replied("NOPERM User alice has no permissions to run the 'info' command"),
    "NOPERM User ... has no permissions to run the 'info' command",
  ],
  'a password that is repeated': [replied('ERR AUTH alice hunter2 failed'), 'ERR AUTH ... ... failed'],
  'a password that is wanted': [
    replied('NOAUTH Authentication required.'),
    'NOAUTH Authentication required.',
  ],
  'no answer': [failed('Command timed out'), 'it gives no answer'],
  'the connection went while it was asked': [
    failed('Reached the max retries per request limit (which is 0).', { name: 'MaxRetriesPerRequestError' }),
    CLOSED,
  ],
  'a connection that cannot be written to': [failed("Stream isn't writeable"), CLOSED],
  'an unfit server': [new UnfitServer('version 5.0.9 is too old'), 'version 5.0.9 is too old'],
  'what is no error': ['redis.internal', CLOSED],
};
for (const [what, [error, said]] of Object.entries(rows)) {
  t.test(`${what}: ${said}`, (t) => {
    t.equal(reasonOf(error, address), said);
    t.end();
  });
}

t.test('without a user nothing is taken out of what is said', (t) => {
  const { username: _username, password: _password, ...anonymous } = address;
  t.equal(reasonOf(replied('ERR alice'), anonymous), 'ERR alice');
  t.equal(reasonOf(replied('ERR alice'), { ...anonymous, username: '' }), 'ERR alice');
  t.end();
});

t.test('pauses between attempts grow, and stay short', (t) => {
  const { retryStrategy } = connectionOptions({ address });
  t.same([1, 2, 10, 20, 100, 100_000].map(retryStrategy), [50, 100, 500, 1_000, 1_000, 1_000]);
  t.end();
});

t.test('a server that has become a replica is left, also as 6.2 says it from within a script', (t) => {
  const { reconnectOnError } = connectionOptions({ address });
  const leaves = (message: string) => reconnectOnError(replied(message));
  t.equal(
    leaves("READONLY You can't write against a read only replica. script: 1, on @user_script:9."),
    true,
  );
  t.equal(leaves("ERR Error running script (call to f_1): @user_script:9: -READONLY You can't write"), true);
  t.equal(leaves('NOSCRIPT No matching script. Please use EVAL.'), false);
  t.end();
});
