// Files: the configuration itself as it lies on a disk, and the PEM files that it names.
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { configOf, faultsOf, load } from '../fixtures/loaded.ts';

const PEM = new URL('pem/', import.meta.url).pathname;
const ORIGIN = 'origin: http://legacy:3000\n';

t.test('a file that cannot be read as text is one fault with its name', (t) => {
  const directory = t.testdir({
    bom: '\ufeff' + ORIGIN,
    utf16: Buffer.from(`\ufeff${ORIGIN}`, 'utf16le'),
    'utf16-be': Buffer.from(`\ufeff${ORIGIN}`, 'utf16le').swap16(),
    'utf16-no-bom': Buffer.from(ORIGIN, 'utf16le'),
    latin1: Buffer.from(`# caf\u00e9\n${ORIGIN}`, 'latin1'),
    'latin1-later': Buffer.from(`${ORIGIN}# fine\n# caf\u00e9`, 'latin1'),
    nul: `${ORIGIN}\0`,
    large: `${ORIGIN}#`.padEnd(1024 * 1024 + 1, '#'),
    directory: {},
  });
  symlinkSync('circle', join(directory, 'circle'));
  const rows = [
    ['bom', /^bom:1:1: the file starts with a byte order mark: save it as UTF-8 without one/],
    ['utf16', /^utf16: the file is UTF-16: save it as UTF-8$/],
    ['utf16-be', /^utf16-be: the file is UTF-16: save it as UTF-8$/],
    ['utf16-no-bom', /^utf16-no-bom:1:2: character U\+0000 is not allowed \(is the file UTF-16/],
    ['latin1', /^latin1: the file is not UTF-8 \(line 1\)/],
    ['latin1-later', /^latin1-later: the file is not UTF-8 \(line 3\)/],
    ['nul', /^nul:2:1: character U\+0000 is not allowed/],
    ['large', /^large: the file is larger than 1 MiB$/],
    ['directory', /^directory: it is a directory$/],
    ['circle', /^circle: its symbolic links go in a circle$/],
    ['missing', /^missing: there is no such file$/],
    ['nul/below', /^nul\/below: a part of its path is not a directory$/],
    ['with\0nul', /^with.nul: /],
  ] as const;
  for (const [name, expected] of rows) {
    const faults = faultsOf(load({ file: join(directory, name) }));
    t.equal(faults.length, 1, name);
    t.match(faults[0]?.replace(`${directory}/`, ''), expected);
    t.notMatch(faults[0], /\n\s+at /, 'without a stack');
  }
  t.end();
});

t.test('a device without end is read no further than a file may be long', (t) => {
  t.match(faultsOf(load({ file: '/dev/zero' })), ['/dev/zero: the file is larger than 1 MiB']);
  t.end();
});

t.test('a symbolic link to a file is followed', (t) => {
  const directory = t.testdir({ 'ifmatch.yaml': ORIGIN, link: t.fixture('symlink', 'ifmatch.yaml') });
  t.equal(configOf(load({ file: join(directory, 'link') })).origin.url, 'http://legacy:3000');
  t.end();
});

t.test('files named by the configuration', (t) => {
  const https = (lines: string): string => `origin:\n  url: https://legacy:8443\n${lines}`;
  const file = join(PEM, 'ifmatch.yaml');

  t.test('are found beside it, whatever the working directory', (t) => {
    const { origin } = configOf(
      load({ file, text: https('  ca: cert.pem\n  cert: cert.pem\n  key: key.pem\n') }),
    );
    const cert = join(PEM, 'cert.pem');
    t.match(origin, { ca: cert, cert, key: join(PEM, 'key.pem') });
    const engine = 'engine: redis, url: "rediss://redis", ca: cert.pem, cert: cert.pem, key: key.pem';
    const { lock } = configOf(load({ file, text: `${ORIGIN}lock: { ${engine} }\n` }));
    t.match(lock, { ca: cert, cert, key: join(PEM, 'key.pem') });
    t.end();
  });
  const rows = [
    [
      'that are missing',
      '  ca: none.pem\n',
      /3:7: origin\.ca "none\.pem" cannot be read: there is no such file/,
    ],
    ['that are no PEM', '  ca: ../load.test.ts/../pem\n', /origin\.ca .* cannot be read/],
    ['whose key is another', '  cert: cert.pem\n  key: other-key.pem\n', /3:9: origin\.cert is not usable: /],
    [
      'whose key is a certificate',
      '  cert: cert.pem\n  key: cert.pem\n',
      /3:9: origin\.cert is not usable: /,
    ],
    [
      'of which only one is there',
      '  cert: cert.pem\n  key: none.pem\n',
      /4:8: origin\.key .* cannot be read/,
    ],
    ['that are some other text', '  ca: ../cases/minimal.yaml\n', /origin\.ca .* is not a PEM file/],
  ] as const;
  t.test('that say whom to trust are read certificate by certificate', (t) => {
    const certificate = readFileSync(join(PEM, 'cert.pem'), 'latin1');
    const key = readFileSync(join(PEM, 'key.pem'), 'latin1');
    const cut = certificate.slice(0, certificate.length / 2);
    const files: [text: string, expected: RegExp | undefined][] = [
      [certificate, undefined],
      [`an authority\n${certificate}\nand another\n${certificate}`, undefined],
      [`${key}${certificate}`, undefined],
      [cut, /3:7: origin\.ca is not usable: /],
      [`${cut}\n${certificate}`, /3:7: origin\.ca is not usable: /],
      [`${certificate}${cut}`, /3:7: origin\.ca is not usable: /],
      [key, /3:7: origin\.ca has no certificate in it/],
    ];
    for (const [content, expected] of files) {
      const ca = join(t.testdir({ 'ca.pem': content }), 'ca.pem');
      const loaded = load({ file, text: https(`  ca: ${ca}\n`) });
      if (expected === undefined) t.equal(configOf(loaded).origin.ca, ca);
      else t.match(faultsOf(loaded), [expected]);
    }
    t.end();
  });
  for (const [name, lines, expected] of rows) {
    t.test(`${name} are faults`, (t) => {
      const faults = faultsOf(load({ file, text: https(lines) }));
      t.equal(faults.length, 1);
      t.match(faults[0], expected);
      t.end();
    });
  }
  t.end();
});
