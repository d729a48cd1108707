// A listener that cannot be opened: 1, and one line that says what is in the way and what to do.
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startFault } from '../../src/commands/start-fault.ts';
import { aFile, runCli } from '../fixtures/cli.ts';

t.jobs = 2;

/** Short, unlike tap's: the path of a socket has 103 octets. */
function aFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'ifmatch-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Undefined when nothing is there. */
function inodeAt(path: string): number | undefined {
  try {
    return lstatSync(path).ino;
  } catch {
    return undefined;
  }
}

const ELSEWHERE = 'choose another with --listen or --admin';

interface Row {
  readonly name: string;
  /** Puts something in the way; the path of the socket below the folder. */
  readonly arrange: (folder: string) => string;
  /** What follows the path, up to the advice; FOLDER stands for the folder. */
  readonly says: string;
  /** On the admin listener and with workers, too: the error takes another way there. */
  readonly everywhere?: true;
}

const rows: Row[] = [
  {
    name: 'its folder is missing',
    arrange: () => 'no/x.sock',
    says: 'is in the folder FOLDER/no, which does not exist; create the folder',
    everywhere: true,
  },
  {
    name: 'the folder of its folder is missing',
    arrange: () => 'no/such/x.sock',
    says: 'is in the folder FOLDER/no/such, which does not exist; create the folder',
  },
  {
    name: 'its folder is a file',
    arrange: (folder) => {
      writeFileSync(join(folder, 'file'), '');
      return 'file/x.sock';
    },
    says: 'cannot be created: FOLDER/file is not a directory',
  },
  {
    name: 'a directory is there',
    arrange: (folder) => {
      mkdirSync(join(folder, 'run'));
      return 'run';
    },
    says: 'is a directory; name a socket in it',
  },
  {
    name: 'a file is there',
    arrange: (folder) => {
      writeFileSync(join(folder, 'x.sock'), 'precious');
      return 'x.sock';
    },
    says: 'is a file, not a socket; remove it',
    everywhere: true,
  },
  {
    name: 'a symbolic link to nothing is there',
    arrange: (folder) => {
      symlinkSync('/nowhere/x.sock', join(folder, 'x.sock'));
      return 'x.sock';
    },
    says: 'is a symbolic link, which is not followed; remove it, name what it leads to',
  },
];

for (const { name, arrange, says, everywhere } of rows) {
  const others = everywhere ? [['listen', 2] as const, ['admin', 1] as const] : [];
  for (const [listener, workers] of [['listen', 1] as const, ...others]) {
    t.test(`${listener}, ${workers} workers: ${name}`, async (t) => {
      const file = aFile(t, 'ifmatch.yaml', `workers: ${workers}\norigin: http://127.0.0.1:1\n`);
      const folder = aFolder(t);
      const path = join(folder, arrange(folder));
      const before = inodeAt(path);
      const other = listener === 'listen' ? ['--admin', 'off'] : ['--listen', '127.0.0.1:0'];
      const args = ['serve', '--config', file, `--${listener}`, `unix:${path}`, ...other];
      const { code, out, err } = await runCli(t, args);
      t.same([code, out], [1, '']);
      const said = says.replace('FOLDER', folder);
      const joint = said.includes(';') ? ', or ' : '; ';
      t.equal(err, `ifmatch: ${path} ${said}${joint}${ELSEWHERE}\n`);
      t.equal(inodeAt(path), before, 'what is there stays');
    });
  }
}

for (const workers of [1, 2]) {
  t.test(`a name that is no host's, ${workers} workers: it is named`, async (t) => {
    const file = aFile(t, 'ifmatch.yaml', `workers: ${workers}\norigin: http://127.0.0.1:1\n`);
    const args = ['--config', file, '--listen', 'no-such-host.invalid:8080', '--admin', 'off'];
    const { code, err } = await runCli(t, ['serve', ...args]);
    t.equal(code, 1);
    t.match(err, /^ifmatch: no-such-host\.invalid cannot be resolved to an address[:;].* choose another /);
  });
}

t.test('demo on a port in use: the flag is its own', async (t) => {
  const taken = net.createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => void taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { code, err } = await runCli(t, ['demo', '--port', `${port}`]);
  t.equal(code, 1);
  t.equal(err, `ifmatch: 127.0.0.1:${port} is in use by another program; choose another with --port\n`);
});

/** What takes another user, or another file system, than the tests have. */
const made: { name: string; code: string; says: string }[] = [
  {
    name: 'a folder where this user may not write',
    code: 'EACCES',
    says: `may not be created by this user in FOLDER; ${ELSEWHERE}`,
  },
  {
    name: 'a read-only file system',
    code: 'EROFS',
    says: `is on a file system that is read-only; ${ELSEWHERE}`,
  },
];
for (const { name, code, says } of made) {
  t.test(`${name}: ${code}`, async (t) => {
    const folder = aFolder(t);
    const address = join(folder, 'x.sock');
    const error = Object.assign(new Error(code), { code, address, port: -1 });
    t.equal(startFault(error), `${address} ${says.replace('FOLDER', folder)}`);
  });
}

t.test("another user's socket: nobody says that it is in use", async (t) => {
  const address = join(aFolder(t), 'x.sock');
  const listener = net.createServer();
  await once(listener.listen(address), 'listening');
  t.teardown(() => void listener.close());
  t.ok(existsSync(address));
  const error = Object.assign(new Error('in use'), { code: 'EADDRINUSE', address, port: -1 });
  const own = process.getuid?.() ?? 0;
  t.equal(startFault(error), `${address} is in use by another program; ${ELSEWHERE}`);
  t.intercept(process, 'getuid', { value: () => own + 1 });
  t.match(
    startFault(error),
    `${address} is a socket of another user (${own}); remove it if nobody listens there any more, or `,
  );
});

t.test('an IPv6 address is said as it is given', async (t) => {
  const error = Object.assign(new Error('in use'), { code: 'EADDRINUSE', address: '::1', port: 8080 });
  t.equal(startFault(error), `[::1]:8080 is in use by another program; ${ELSEWHERE}`);
});
