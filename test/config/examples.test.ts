// The annotated default and every example load as they are.
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { formatFault } from '../../src/config/fault.ts';
import { loadConfig } from '../../src/config/load.ts';

const CONFIG = new URL('../../config/', import.meta.url).pathname;
const PEM = new URL('pem/', import.meta.url).pathname;

t.test('the annotated default says exactly what the defaults are', (t) => {
  const annotated = loadConfig({ file: join(CONFIG, 'ifmatch.yaml'), flags: {}, env: {} });
  t.ok('config' in annotated);
  t.same(annotated, loadConfig({ flags: { origin: 'http://127.0.0.1:3000' }, env: {} }));
  t.end();
});

t.test('the annotated default takes the origin from the environment', (t) => {
  const env = { IFMATCH_ORIGIN: 'http://app:8000' };
  t.match(loadConfig({ file: join(CONFIG, 'ifmatch.yaml'), flags: {}, env }), {
    config: { origin: { url: 'http://app:8000' } },
  });
  t.end();
});

for (const name of readdirSync(join(CONFIG, 'examples')).filter((file) => file.endsWith('.yaml'))) {
  t.test(`examples/${name} loads`, (t) => {
    const tls = t.testdir();
    cpSync(join(PEM, 'cert.pem'), join(tls, 'ca.pem'));
    cpSync(join(PEM, 'cert.pem'), join(tls, 'cert.pem'));
    cpSync(join(PEM, 'key.pem'), join(tls, 'key.pem'));
    const env = { IFMATCH_TLS: tls };
    const loaded = loadConfig({ file: join(CONFIG, 'examples', name), flags: {}, env });
    t.same('faults' in loaded ? loaded.faults.map(formatFault) : [], []);
    t.end();
  });
}
