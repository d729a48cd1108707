// The wiki's one HTML page, made from page.html beside this file.
import { readFileSync } from 'node:fs';

const ATTRIBUTE_CHARACTERS = /[&<>"']/g;

/**
 * The page, the same for every page name: its script reads name, text and entity-tag itself.
 *
 * @param wikiUrl The wiki's own address, without a path, to which "save around ifmatch" writes.
 */
export function renderPage(wikiUrl: string): Buffer {
  const html = readFileSync(new URL('./page.html', import.meta.url), 'utf8');
  const escaped = wikiUrl.replace(ATTRIBUTE_CHARACTERS, (character) => `&#${character.charCodeAt(0)};`);
  return Buffer.from(html.replace('{{wiki}}', () => escaped));
}
