// Templates of resources: what a configuration may say.

import t from 'tap';
import { resourceTemplateFault } from '../../src/route/resource-template.ts';

t.test('accepts templates', (t) => {
  const pattern = '/orders/:id/:sub/*';
  const good = [
    '/orders/:id',
    '/',
    '/x/',
    '/:sub/:id/:id/',
    '/docs/*',
    '/a.php?id={query.id}&x=1',
    '/a?b',
    '/a%20b?c=%C3',
  ];
  for (const template of good) t.equal(resourceTemplateFault(template, pattern), undefined, template);
  t.end();
});

const faults: { name: string; templates: string[]; says: RegExp }[] = [
  { name: 'no leading slash', templates: ['', 'a', 'http://x/a', ':id'], says: /starts with/ },
  {
    name: 'an unknown parameter',
    templates: ['/orders/:other', '/x/*', '/:id/:', '/:id/:*'],
    says: /has no/,
  },
  { name: 'a query placeholder in the path', templates: ['/a/{query.id}', '/{id}'], says: /in the query/ },
  { name: 'a path parameter in the query', templates: ['/a?id=:id'], says: /\{query.name\}/ },
  {
    name: 'bad placeholders',
    templates: ['/a?id={id}', '/a?id={query.}', '/a?{query.id}=1', '/a?id={query.id', '/a?id={query.a b}'],
    says: /placeholder/,
  },
  { name: 'an empty pair', templates: ['/a?', '/a?&b=1', '/a?=1', '/a?b&'], says: /pairs/ },
  {
    name: 'segments that no target has',
    templates: ['/a//b', '/../a', '//', '/a;b', '/a\\b', '/a#b', '/*/a'],
    says: /./,
  },
  {
    name: 'text that is not on the wire',
    templates: ['/a?b=c d', '/a?b=é', '/é', '/a?b=%zz', '/a?b#c', '/a?b;c'],
    says: /percent-encoded|%3B/,
  },
];

t.test('refuses a star before the end, of a pattern that has one', (t) => {
  t.match(resourceTemplateFault('/*/a', '/docs/*'), /stands alone/);
  t.end();
});

for (const row of faults) {
  t.test(`refuses a template with ${row.name}`, (t) => {
    for (const template of row.templates)
      t.match(resourceTemplateFault(template, '/orders/:id'), row.says, template);
    t.end();
  });
}
