// The command line: what is said, and by which exit code, when it is called well and badly.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { runtimeFault } from '../../src/commands/runtime.ts';
import { aFile, runCli } from '../fixtures/cli.ts';

t.jobs = 2;

const ORIGIN = ['--origin', 'http://127.0.0.1:1'];

const misused: { args: string[]; env?: Record<string, string>; says: RegExp }[] = [
  { args: ['serve', '--nonsense'], says: /^ifmatch serve: .*--nonsense/ },
  { args: ['serve', 'extra', ...ORIGIN], says: /^ifmatch serve: .*extra/ },
  { args: ['serve', '--origin'], says: /^ifmatch serve: .*--origin/ },
  { args: ['serve', ...ORIGIN], env: { IFMATCH_LOG: 'loud' }, says: /IFMATCH_LOG is "loud"; use one of/ },
  { args: ['check'], says: /^ifmatch check: give one file/ },
  { args: ['check', 'a', 'b'], says: /^ifmatch check: give one file/ },
  { args: ['explain', 'PUT'], says: /^ifmatch explain: give METHOD and URL/ },
  { args: ['explain', ...ORIGIN, 'PUT', '/x', '-H', 'nonsense'], says: /^ifmatch explain: -H takes/ },
  { args: ['schema', 'x'], says: /^ifmatch schema: / },
  { args: ['version', 'x'], says: /^ifmatch version: / },
  { args: ['healthcheck', '--admin', 'nonsense'], says: /^ifmatch healthcheck: --admin must be an address/ },
  {
    args: ['healthcheck'],
    env: { IFMATCH_ADMIN: '9900' },
    says: /^ifmatch healthcheck: IFMATCH_ADMIN must be/,
  },
  { args: ['demo', '--port', '65536'], says: /^ifmatch demo: --port/ },
  { args: ['demo', '--port='], says: /^ifmatch demo: --port/ },
  { args: ['demo', '--port', '0x50'], says: /^ifmatch demo: --port/ },
];
for (const { args, env = {}, says } of misused) {
  t.test(`${args.join(' ')} ${JSON.stringify(env)}: 2, and one line`, async (t) => {
    const { code, out, err } = await runCli(t, args, env);
    t.equal(code, 2);
    t.match(err, says);
    t.match(
      err,
      new RegExp(`^[^\\n]+; see: ifmatch help ${args[0]}\\n$`),
      'one line, which says where to look',
    );
    t.equal(out, '');
  });
}

t.test('no command, and one that is not there: 2, and the usage', async (t) => {
  for (const [args, says] of [
    [[], /no command given/],
    [['toString'], /unknown command "toString"/],
  ] as const) {
    const { code, out, err } = await runCli(t, args);
    t.same([code, out], [2, '']);
    t.match(err, says);
    t.match(err, /ifmatch serve \[--config FILE\]/);
  }
});

const COMMANDS = ['serve', 'check', 'explain', 'schema', 'healthcheck', 'demo', 'version'];

t.test('help: 0, on the standard output', async (t) => {
  for (const word of ['help', '--help', '-h']) {
    const { code, out, err } = await runCli(t, [word]);
    t.same([code, err], [0, '']);
    for (const command of COMMANDS)
      t.match(out, new RegExp(`\\n  ifmatch ${command}.*\\n      [A-Z].*\\.\\n`));
  }
});

for (const command of COMMANDS) {
  t.test(`${command} --help: 0, its own usage on the standard output`, async (t) => {
    const { code, out, err } = await runCli(t, [command, '--help']);
    t.same([code, err], [0, '']);
    t.match(out, new RegExp(`^ifmatch ${command}.*\\n\\n[^]+\\nExit code 0`));
    t.equal(out.match(/^ *ifmatch [a-z]+/gm)?.length, 1, 'no other command');
  });
}

t.test('help for one command, in every spelling', async (t) => {
  const usage = await runCli(t, ['serve', '--help']);
  for (const args of [
    ['help', 'serve'],
    ['serve', '-h'],
    ['serve', '--nonsense', 'x', '--help'],
  ])
    t.same(await runCli(t, args), usage, args.join(' '));
  const { out: all } = await runCli(t, ['help']);
  t.match(all, `\n  ${usage.out.split('\n')[0]}\n`, 'it begins as in the list of all');
});

t.test('help for what is no command: 2', async (t) => {
  const { code, out, err } = await runCli(t, ['help', 'toString']);
  t.same([code, out, err], [2, '', 'ifmatch help: unknown command "toString"\n']);
});

t.test('behind -- there are no options: --help is a file there', async (t) => {
  const { code, err } = await runCli(t, ['check', '--', '--help']);
  t.equal(code, 1);
  t.match(err, /^--help: /);
});

t.test('version: the one of package.json', async (t) => {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')));
  for (const word of ['version', '--version'])
    t.same(await runCli(t, [word]), { code: 0, out: `${version}\n`, err: '' });
});

t.test('help names every level of the log', async (t) => {
  const { err } = await runCli(t, ['serve', ...ORIGIN], { IFMATCH_LOG: 'loud' });
  const [, levels = ''] = /use one of ([^;]*); see: ifmatch help serve\n/.exec(err) ?? [];
  t.ok(levels.split(', ').length > 4);
  for (const args of [['help'], ['serve', '--help']]) {
    const { out } = await runCli(t, args);
    for (const level of levels.split(', ')) t.match(out, new RegExp(`IFMATCH_LOG.*\\b${level}\\b`), level);
  }
});

t.test('check: 0 for a good file', async (t) => {
  const file = aFile(t, 'good.yaml', 'origin: http://legacy:3000\nroutes:\n  - path: /wiki/:page\n');
  t.same(await runCli(t, ['check', file]), { code: 0, out: `${file}: ok\n`, err: '' });
});

t.test('check and serve: 1 for a bad file, every fault with its place', async (t) => {
  const file = aFile(
    t,
    'bad.yaml',
    'origin: http://legacy:3000\nlisten: nonsense\nroutes:\n  - path: /a\n    mode: strict\n',
  );
  for (const args of [
    ['check', file],
    ['serve', '--config', file],
    ['explain', '--config', file, 'GET', '/'],
  ]) {
    const { code, out, err } = await runCli(t, args);
    t.same([code, out], [1, '']);
    t.match(err, `${file}:2:9: `);
    t.match(err, `${file}:5:11: `);
    t.match(err, /\n\s+\^\n/, 'a caret');
  }
});

t.test('a file that is not there, and no origin: 1', async (t) => {
  const missing = await runCli(t, ['check', '/nowhere/ifmatch.yaml']);
  t.equal(missing.code, 1);
  t.match(missing.err, /^\/nowhere\/ifmatch\.yaml: [^\n]+\n$/);
  const { code, err } = await runCli(t, ['serve']);
  t.equal(code, 1);
  t.match(err, /origin is missing/);
});

t.test('the configuration by environment', async (t) => {
  const file = aFile(t, 'good.yaml', 'origin: http://legacy:3000\nroutes: [{ path: /x, mode: off }]\n');
  const { code, out } = await runCli(t, ['explain', 'PUT', '/x'], { IFMATCH_CONFIG: file });
  t.equal(code, 0);
  t.match(out, /route\s+\/x \(mode off\)/);
});

t.test('an empty variable counts as not set', async (t) => {
  const none = {
    IFMATCH_CONFIG: '',
    IFMATCH_LOG: '',
    IFMATCH_LISTEN: '',
    IFMATCH_ADMIN: '',
    IFMATCH_ORIGIN: '',
  };
  const { code, err } = await runCli(t, ['serve'], none);
  t.same([code, err.match(/\n/g)?.length], [1, 1]);
  t.match(err, /^--origin: origin is missing/);
  t.equal((await runCli(t, ['explain', 'GET', '/'], { ...none, IFMATCH_ORIGIN: 'http://legacy' })).code, 0);
});

t.test('a file without a name: 1, and what is wrong', async (t) => {
  for (const args of [
    ['check', ''],
    ['serve', '--config', ''],
  ])
    t.match(await runCli(t, args), { code: 1, out: '', err: '"": there is no such file\n' });
});

t.test('schema prints the schema file', async (t) => {
  const { code, out, err } = await runCli(t, ['schema']);
  t.same([code, err], [0, '']);
  const file = readFileSync(join(import.meta.dirname, '../../config/ifmatch.schema.json'), 'utf8');
  t.same(JSON.parse(out), JSON.parse(file));
});

t.test('versions of Node that drop fields are refused', async (t) => {
  const rows: [version: string, fine: boolean][] = [
    ...([
      ['18.20.0', false],
      ['20.20.2', false],
      ['21.9.0', false],
      ['22.22.9', false],
      ['22.23.0', true],
    ] as const),
    ...([
      ['22.30.1', true],
      ['23.11.0', false],
      ['24.20.9', false],
      ['24.21.0', true],
      ['25.9.0', false],
    ] as const),
    ...([
      ['26.0.0', true],
      ['26.10.0', true],
      ['27.1.0', true],
      ['100.0.0', true],
    ] as const),
  ].map(([version, fine]) => [version, fine]);
  for (const [version, fine] of rows) {
    const fault = runtimeFault(version);
    t.equal(fault === undefined, fine, version);
    if (fault !== undefined) t.match(fault, version);
  }
});

t.test('the version is looked at before anything is loaded that needs it', async (t) => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const statements = readFileSync(file, 'utf8').matchAll(/^import (?!type )[^;]*?'([^']+)';/gm);
    for (const [, from = ''] of statements) {
      if (from.startsWith('.')) visit(join(dirname(file), from));
      else t.match(from, /^node:/, `${file} loads nothing but files of ours, and what Node has`);
    }
  };
  visit(join(import.meta.dirname, '../../src/cli.ts'));
  t.ok([...seen].some((file) => file.endsWith('runtime.ts')));
});
