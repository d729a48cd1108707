// ${NAME} and ${NAME:-default} in the text of one YAML scalar. Filled in after parsing, so no value can change the structure.
import type { Parsed } from './parsed.ts';
import { quote } from './wording.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable of ours by itself; an empty one counts as not set. */
export function variable(name: `IFMATCH_${string}`, environment: Environment): string | undefined {
  const value = environment[name];
  return value === '' ? undefined : value;
}

const REFERENCE = /\$(\$\{)|\$\{([^}]*)(\}|$)/g;
const INNER = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/**
 * Fills in `text`. As in a shell, `:-` also replaces an empty value. `$${` stands for `${`. What is filled in is not
 * looked at again.
 */
export function fillIn(text: string, environment: Environment): Parsed<string> {
  const faults: string[] = [];
  const value = text.replace(REFERENCE, (_whole, escaped?: string, inner = '', end = '') => {
    if (escaped !== undefined) return escaped;
    const filled =
      end === '' ? { fault: `has \${ without }; $\${ stands for \${ itself` } : lookUp(inner, environment);
    if ('value' in filled) return filled.value;
    faults.push(filled.fault);
    return '';
  });
  return faults.length === 0 ? { value } : { fault: [...new Set(faults)].join('; ') };
}

function lookUp(inner: string, environment: Environment): Parsed<string> {
  const [, name, fallback] = INNER.exec(inner) ?? [];
  if (name === undefined)
    return { fault: `has ${quote(`\${${inner}}`)}; write \${NAME} or \${NAME:-default}` };
  if (fallback?.includes('${')) return { fault: `has a default with \${ in it: defaults cannot be nested` };
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (fallback !== undefined) return { value: value === undefined || value === '' ? fallback : value };
  if (value === undefined)
    return {
      fault: `needs the environment variable ${name}, which is not set; a default is written \${${name}:-default}`,
    };
  return { value };
}
