// What must hold of Dockerfile, .dockerignore and docker-compose.yml, read as text; build-image.sh and try-image.sh run them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';
import { z } from 'zod';
import { DEFAULTS } from '../../src/config/defaults.ts';
import { parseDuration } from '../../src/config/units.ts';

const place = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const read = (name: string): string => readFileSync(place(name), 'utf8');
const port = DEFAULTS.listen.replace(/.*:/, '');

interface Instruction {
  readonly name: string;
  readonly text: string;
}

const instructions: Instruction[] = read('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => ({ name: line.slice(0, line.indexOf(' ')), text: line.slice(line.indexOf(' ') + 1) }));

const ofAll = (name: string): string[] =>
  instructions.filter((one) => one.name === name).map(({ text }) => text);
const lastFrom = instructions.findLastIndex(({ name }) => name === 'FROM');
const final = instructions.slice(lastFrom);
const ofFinal = (name: string): string[] => final.filter((one) => one.name === name).map(({ text }) => text);

t.test('every stage stands on the base given as an argument', async (t) => {
  t.match(instructions[0], { name: 'ARG', text: /^BASE=node:\d+-\S+$/ });
  const stages = ofAll('FROM');
  t.ok(stages.length > 1, 'what builds is not what runs');
  for (const stage of stages) t.match(stage, /^\$\{BASE\}( |$)/);
});

t.test('no package runs a script during the build', async (t) => {
  const installs = ofAll('RUN').filter((text) => /npm (ci|i|install)\b/.test(text));
  t.equal(installs.length, 2);
  for (const install of installs) t.match(install, /npm ci .*--ignore-scripts/);
});

t.test('npm ci finds every optional package in the lock file, those of other systems included', async (t) => {
  const Lock = z.object({
    packages: z.record(
      z.string(),
      z.object({ optionalDependencies: z.record(z.string(), z.string()).optional() }),
    ),
  });
  const { packages } = Lock.parse(JSON.parse(read('package-lock.json')));
  const paths = Object.keys(packages);
  const optional = Object.values(packages).flatMap((one) => Object.keys(one.optionalDependencies ?? {}));
  t.ok(optional.length > 0);
  t.same(
    optional.filter((name) => !paths.some((path) => path.endsWith(`node_modules/${name}`))),
    [],
  );
});

t.test('the packages that run are those of production', async (t) => {
  const [, stage] = /--from=(\S+) \/app\/node_modules /.exec(ofFinal('COPY').join('\n')) ?? [];
  const start = instructions.findIndex(({ name, text }) => name === 'FROM' && text.endsWith(` AS ${stage}`));
  const run = instructions.slice(start).find(({ name }) => name === 'RUN');
  t.match(run?.text, /npm ci --omit=dev /);
  t.ok(ofFinal('ENV').includes('NODE_ENV=production'));
});

t.test('it runs as a user that is not root, by number', async (t) => {
  t.match(ofFinal('USER'), [/^[1-9]\d*:[1-9]\d*$/]);
  t.same(ofFinal('RUN'), []);
});

t.test('health is asked of the command line that serves', async (t) => {
  const [entrypoint = '[]'] = ofFinal('ENTRYPOINT');
  const [node, ...words] = z.array(z.string()).parse(JSON.parse(entrypoint));
  const program = words.find((word) => !word.startsWith('--'));
  t.equal(node, 'node');
  t.match(program, /\/dist\/cli\.js$/);
  t.same(
    ofFinal('CMD').map((text) => JSON.parse(text)),
    [['serve']],
  );
  const [health = ''] = ofFinal('HEALTHCHECK');
  t.same(JSON.parse(health.slice(health.indexOf('['))), [node, program, 'healthcheck']);
});

t.test('package.json, where `version` looks, is beside dist', async (t) => {
  const copies = ofFinal('COPY').map((text) => text.split(' ').filter((word) => !word.startsWith('--')));
  t.ok(copies.some((words) => words.includes('package.json') && words.at(-1) === './'));
  t.ok(copies.some((words) => words.at(-1) === 'dist'));
});

t.test('the exposed port is the default one, and SIGTERM stops', async (t) => {
  t.same(ofFinal('EXPOSE'), [port]);
  t.same(ofFinal('STOPSIGNAL'), ['SIGTERM']);
});

t.test('what is copied exists and is not ignored', async (t) => {
  const ignored = read('.dockerignore').split('\n');
  const copies = ofAll('COPY').filter((text) => !text.includes('--from='));
  const files = copies
    .flatMap((text) => text.split(' ').slice(0, -1))
    .filter((word) => !word.startsWith('--'));
  t.ok(files.includes('src'));
  for (const file of files) {
    t.ok(existsSync(place(file)), file);
    t.notOk(ignored.includes(file.split('/')[0] ?? ''), `${file} is not ignored`);
  }
});

t.test('history, installed packages and tests stay out of the build', async (t) => {
  const ignored = read('.dockerignore').split('\n');
  for (const name of ['.git', 'node_modules', 'test', 'dist']) t.ok(ignored.includes(name), name);
});

const profiles = z.tuple([z.literal('replicas')]);

const Replica = z.object({
  profiles,
  environment: z.object({ IFMATCH_CONFIG: z.string() }),
  volumes: z.array(z.string()),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  stop_grace_period: z.string(),
});

const Compose = z.object({
  services: z.object({
    ifmatch: z.object({
      build: z.literal('.'),
      ports: z.array(z.string()),
      environment: z.object({ IFMATCH_ORIGIN: z.string() }),
      read_only: z.literal(true),
      cap_drop: z.tuple([z.literal('ALL')]),
      security_opt: z.tuple([z.literal('no-new-privileges:true')]),
      stop_grace_period: z.string(),
    }),
    legacy: z.object({ image: z.string(), volumes: z.array(z.string()), tmpfs: z.array(z.string()) }),
    'replica-1': Replica,
    'replica-2': Replica,
    redis: z.object({ profiles, command: z.array(z.string()) }),
    balancer: z.object({ profiles, volumes: z.array(z.string()), ports: z.array(z.string()) }),
  }),
});

t.test('docker compose', async (t) => {
  const { services } = Compose.parse(parse(read('docker-compose.yml'), { merge: true }));
  const { ifmatch, legacy } = services;

  t.test('the replicas read a file that exists and names Redis as compose does', async (t) => {
    for (const name of ['replica-1', 'replica-2'] as const) {
      const { environment, volumes } = services[name];
      const [source = '', target] = volumes[0]?.split(':') ?? [];
      t.equal(target, environment.IFMATCH_CONFIG, name);
      t.match(read(source), 'redis://redis:6379');
    }
    t.match(services.redis.command.join(' '), '--maxmemory-policy noeviction');
  });

  t.test('the balancer knows both replicas, on the port they listen on', async (t) => {
    const conf = read(services.balancer.volumes[0]?.split(':')[0] ?? '');
    for (const name of ['replica-1', 'replica-2']) t.match(conf, `server ${name}:${port};`);
    const [, listen] = /^\s*listen (\d+);/m.exec(conf) ?? [];
    t.ok(services.balancer.ports.every((mapping) => mapping.endsWith(`:${listen}`)));
  });

  t.test('publishes the default port', async (t) => {
    t.ok(ifmatch.ports.every((mapping) => mapping.endsWith(`:${port}`)));
  });

  t.test(
    'mounts a configuration of nginx that exists, stores PUTs and listens where ifmatch asks',
    async (t) => {
      const [source = '', target, options] = legacy.volumes[0]?.split(':') ?? [];
      t.same([target, options], ['/etc/nginx/nginx.conf', 'ro']);
      const conf = read(source);
      t.match(conf, /^\s*dav_methods PUT DELETE;/m);
      const [, listen] = /^\s*listen (\d+);/m.exec(conf) ?? [];
      t.equal(ifmatch.environment.IFMATCH_ORIGIN, `http://legacy:${listen}`);
      const folder = legacy.tmpfs[0]?.split(':')[0];
      t.match(conf, `root ${folder}/`);
      t.match(conf, `client_body_temp_path ${folder}/`);
    },
  );

  t.test('waits longer for the end than ifmatch drains', async (t) => {
    const ms = (text: string): number => {
      const parsed = parseDuration(text, 0);
      if ('fault' in parsed) throw new Error(`${text} ${parsed.fault}`);
      return parsed.value;
    };
    const { delay, timeout } = DEFAULTS.drain;
    t.ok(ms(ifmatch.stop_grace_period) > ms(delay) + ms(timeout));
  });
});

for (const script of ['build-image.sh', 'try-image.sh']) {
  t.test(`${script} parses, and names no place of one machine`, async (t) => {
    t.equal(spawnSync('sh', ['-n', place(`test/image/${script}`)]).status, 0);
    t.notMatch(read(`test/image/${script}`), /https?:\/\/(?!127\.0\.0\.1)|\/(home|work|root|Users)\//);
  });
}
