// ifmatch version: the one in package.json, which is as far above this file in a checkout as in a package and in the image.
import { readFileSync } from 'node:fs';
import { isMapping } from '../config/settings.ts';
import { parseCommand, type Terminal } from './terminal.ts';

const PACKAGE = new URL('../../package.json', import.meta.url);

export function version(args: string[], terminal: Terminal): number {
  parseCommand({ args, options: {} });
  const content: unknown = JSON.parse(readFileSync(PACKAGE, 'utf8'));
  const written = isMapping(content) ? content['version'] : undefined;
  if (typeof written !== 'string') return terminal.fail('package.json names no version');
  terminal.out(`${written}\n`);
  return 0;
}
