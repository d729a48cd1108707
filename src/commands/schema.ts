// ifmatch schema: the JSON Schema of the configuration file, for editors.
import { jsonSchema } from '../config/schema.ts';
import { parseCommand, type Terminal } from './terminal.ts';

export function schema(args: string[], terminal: Terminal): number {
  parseCommand({ args, options: {} });
  terminal.out(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return 0;
}
