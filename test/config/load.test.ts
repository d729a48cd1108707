// Loading: what overrides what, and what the result is.
import t from 'tap';
import { formatFault } from '../../src/config/fault.ts';
import { loadAdmin } from '../../src/config/load.ts';
import { configOf, faultsOf, load } from '../fixtures/loaded.ts';

const ORIGIN = 'origin: http://legacy:3000\n';

t.test('flags alone suffice, and everything else has its default', (t) => {
  t.match(configOf(load({ flags: { origin: 'http://legacy:3000' } })), {
    listen: { host: '0.0.0.0', port: 8080 },
    admin: { host: '127.0.0.1', port: 9900 },
    origin: {
      url: 'http://legacy:3000',
      host: 'preserve',
      verify: true,
      timeouts: { connect: 3000, probe: 5000, write: 30_000, uncertainty: 15_000 },
      connections: 128,
    },
    lock: { engine: 'memory', wait: 10_000, queue: 100, release: 'end' },
    buffer: 1_048_576,
    limits: { content: 1_073_741_824, idle: 10_000, upload: 300_000 },
    drain: { delay: 3000, timeout: 60_000 },
    trust: [],
    routes: [],
    defaults: {
      path: '*',
      mode: 'enforce',
      methods: ['PUT', 'PATCH', 'DELETE'],
      probe: 'auto',
      weak: 'reject',
      undecided: 'refuse',
      case: 'sensitive',
      cors: 'pass',
    },
  });
  t.end();
});

t.test('a missing origin is a fault that says both ways to give one', (t) => {
  const [fault = ''] = faultsOf(load({}));
  t.match(fault, /^--origin: origin is missing: .*"origin: http.* --origin .*IFMATCH_ORIGIN/);
  t.end();
});

t.test('units, notations and environment arrive as numbers and plain values', (t) => {
  const text = `
listen: "[::1]:8080"
admin: unix:/run/admin.sock
origin:
  url: unix+http:///run/legacy.sock
  connections: \${N}
  timeouts: { connect: 250ms, write: 1.5m }
lock: { wait: "\${WAIT:-2s}", queue: "7" }
buffer: 64KiB
limits: { content: 65536 }
trust: [10.1.2.3, "fd00::/8"]
routes:
  - path: /a/$\${b}c
    mode: \${MODE:-off}
`;
  const faults = faultsOf(load({ text, env: { N: '64' } }));
  t.match(
    faults,
    [/routes\[0\]\.path is not a valid pattern: "\$\{b\}c"/],
    'an escaped reference stays as it is',
  );
  const config = configOf(load({ text: text.replace('$${b}c', 'b'), env: { N: '64' } }));
  t.same(config.listen, { host: '::1', port: 8080 });
  t.same(config.admin, { socket: '/run/admin.sock' });
  t.match(config.origin, { url: 'http://localhost', socket: '/run/legacy.sock', connections: 64 });
  t.match(config.origin.timeouts, { connect: 250, write: 90_000, probe: 5000 });
  t.match(config.lock, { engine: 'memory', wait: 2000, queue: 7 });
  t.equal(config.buffer, 65_536);
  t.same(config.trust, ['10.1.2.3/32', 'fd00::/8']);
  t.match(config.routes, [{ path: '/a/b', mode: 'off', probe: 'auto' }]);
  t.end();
});

t.test('flags override the environment, which overrides the file', (t) => {
  const text = 'listen: :1\nadmin: :2\norigin: http://file\n';
  const env = { IFMATCH_ORIGIN: 'http://variable', IFMATCH_LISTEN: ':11', IFMATCH_ADMIN: '' };
  const fromVariables = configOf(load({ text, env }));
  t.equal(fromVariables.origin.url, 'http://variable');
  t.match(fromVariables.listen, { port: 11 });
  t.match(fromVariables.admin, { port: 2 }, 'an empty variable counts as not set');
  const fromFlags = configOf(load({ text, env, flags: { origin: 'http://flag', admin: 'off' } }));
  t.equal(fromFlags.origin.url, 'http://flag');
  t.match(fromFlags.listen, { port: 11 });
  t.equal(fromFlags.admin, 'off');
  t.end();
});

t.test('an origin given by a flag replaces the URL and leaves its neighbours', (t) => {
  const text = 'origin:\n  url: http://file\n  connections: 5\n';
  const { origin } = configOf(load({ text, flags: { origin: 'http://flag' } }));
  t.match(origin, { url: 'http://flag', connections: 5 });
  t.match(
    configOf(load({ text: 'origin: { connections: 5 }', flags: { origin: 'http://flag' } })).origin,
    origin,
  );
  t.match(
    faultsOf(load({ text: 'origin: { connections: 0 }', flags: { origin: 'http://flag' } })),
    [/^ifmatch\.yaml:1:\d+: origin\.connections must be/],
    'their faults are of the file',
  );
  t.end();
});

t.test('instances share their locks by the name that they were given, else by where their origin is', (t) => {
  const namespaceOf = (text: string): string => configOf(load({ text })).lock.namespace;
  const engine = (more = '') => `lock: { engine: redis, url: "redis://redis"${more} }\n`;
  for (const origin of [ORIGIN, 'origin: http://10.0.0.1:3000\n', 'origin: unix+http:/run/legacy.sock\n'])
    t.equal(namespaceOf(`${origin}${engine(', namespace: legacy')}`), 'legacy');
  t.equal(namespaceOf(`${ORIGIN}${engine()}`), 'http://legacy:3000');
  t.equal(namespaceOf(`origin: unix+http:/run/legacy.sock\n${engine()}`), '/run/legacy.sock');
  t.end();
});

t.test('names of namespace and fence are of a length from one to a bound', (t) => {
  for (const [key, longest] of [
    ['namespace', 200],
    ['fence', 100],
  ] as const) {
    const lock = (name: string): string =>
      `${ORIGIN}lock: { engine: redis, url: "redis://redis", ${key}: "${name}" }\n`;
    for (const length of [1, longest]) {
      const name = 'a'.repeat(length);
      t.equal(configOf(load({ text: lock(name) })).lock[key], name);
    }
    for (const length of [0, longest + 1])
      t.equal(faultsOf(load({ text: lock('a'.repeat(length)) })).length, 1);
  }
  t.end();
});

t.test('a fault of a flag or variable names it instead of a place in the file', (t) => {
  const text = `listen: :80\n${ORIGIN}`;
  const flags = { listen: ':99999', admin: '' };
  const faults = faultsOf(load({ text, flags, env: { IFMATCH_ORIGIN: 'http://user:hunter2@legacy' } }));
  t.match(faults, [/^--listen: listen .* 65535$/, /^--admin: admin /, /^IFMATCH_ORIGIN: origin /]);
  t.notMatch(faults.join('\n'), /hunter2/, 'no password is repeated');
  t.match(faultsOf(load({ text, flags: { origin: 'http://localhost' } })), [
    /^--origin: origin\.url leads back/,
  ]);
  t.end();
});

t.test('a fault has its place, its path and its line as data', (t) => {
  const loaded = load({ file: 'x.yaml', text: `${ORIGIN}routes:\n  - path: /a\n    mode: of\r\n` });
  t.match(loaded, {
    faults: [{ file: 'x.yaml', line: 4, column: 11, path: 'routes[0].mode', source: '    mode: of' }],
  });
  t.end();
});

t.test('faults beyond a hundred are only announced', (t) => {
  const text = ORIGIN + Array.from({ length: 500 }, (_, index) => `key${index}: 1\n`).join('');
  const faults = faultsOf(load({ text }));
  t.equal(faults.length, 101);
  t.match(faults.at(-1), /there are more faults; these are the first 100/);
  t.match(faultsOf(load({ text: 'a: 1\n'.repeat(5000) })).length, 101);
  t.end();
});

t.test('more routes than anybody writes are a fault', (t) => {
  const routes = Array.from({ length: 1001 }, (_, index) => `  - path: /${index}\n`).join('');
  t.match(faultsOf(load({ text: `${ORIGIN}routes:\n${routes}` })), [/routes must have at most 1000 entries/]);
  t.end();
});

t.test('the configuration is frozen to its leaves', (t) => {
  const config = configOf(load({ text: `${ORIGIN}routes:\n  - path: /a\n` }));
  const open: unknown[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Object.isFrozen(value)) open.push(value);
    Object.values(value).forEach(visit);
  };
  visit(config);
  t.same(open, []);
  t.ok(Object.isFrozen(config.defaults.methods));
  t.ok(Object.isFrozen(config.routes[0]?.methods));
  t.not(config.defaults.methods, config.routes[0]?.methods, 'no route shares the array of another');
  t.end();
});

t.test('keys called __proto__ and constructor reach no prototype', (t) => {
  const text = `${ORIGIN}__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\n`;
  const before = Object.getOwnPropertyNames(Object.prototype);
  t.equal(faultsOf(load({ text })).length, 2);
  t.same(Object.getOwnPropertyNames(Object.prototype), before);
  t.end();
});

t.test('the admin address alone: what else is wrong does not matter, and no default takes its place', (t) => {
  const rows: readonly [text: string, wanted: unknown][] = [
    [`${ORIGIN}admin: :9901\nlisten: nowhere\nroutes: 7\nunknown: key\n`, { host: '0.0.0.0', port: 9901 }],
    ['listen: :1\n', { host: '127.0.0.1', port: 9900 }],
    [`${ORIGIN}admin: off\n`, 'off'],
    [`${ORIGIN}admin: \${PORT_OF_ADMIN}\n`, /^ifmatch\.yaml:2:8: admin: needs .* PORT_OF_ADMIN/],
    [`${ORIGIN}admin: 9901\n`, /^ifmatch\.yaml:2:8: admin must be an address/],
    ['- admin: :9901\n', /^ifmatch\.yaml:1:1: the file must be a mapping/],
    ['admin: [\n', /^ifmatch\.yaml:.* invalid YAML/],
  ];
  for (const [text, wanted] of rows) {
    const loaded = loadAdmin({ text, flags: {}, env: {} });
    if (wanted instanceof RegExp)
      t.match('faults' in loaded && loaded.faults.map(formatFault), [wanted], text);
    else t.same(loaded, { admin: wanted }, text);
  }
  t.end();
});
