// `cors: expose`: lets scripts of other origins read ETag and send conditions where the origin forgot to.
import type { Exchange } from '../guard/exchange.ts';
import { fieldValue, fieldValues } from '../semantics/fields.ts';

const CONDITIONS = ['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since'];

/** The answer with both added, only where the origin allowed this client to read it at all. */
export function exposeConditions<T extends { readonly fields: readonly string[] }>(
  exchange: Exchange,
  answer: T,
): T {
  if (exchange.route.cors !== 'expose') return answer;
  const { fields } = answer;
  if (fieldValue(exchange.fields, 'origin') === undefined) return answer;
  if (fieldValue(fields, 'access-control-allow-origin') === undefined) return answer;
  const preflight =
    exchange.method === 'OPTIONS' &&
    fieldValue(exchange.fields, 'access-control-request-method') !== undefined;
  const added = preflight
    ? withMembers(fields, 'Access-Control-Allow-Headers', CONDITIONS)
    : withMembers(fields, 'Access-Control-Expose-Headers', ['ETag']);
  return { ...answer, fields: added };
}

function withMembers(fields: readonly string[], name: string, members: readonly string[]): string[] {
  const lower = name.toLowerCase();
  const at = fields.findIndex((field, i) => i % 2 === 0 && field.toLowerCase() === lower);
  if (at === -1) return [...fields, name, members.join(', ')];
  const present = fieldValues(fields, lower)
    .flatMap(membersOf)
    .map((member) => member.toLowerCase());
  const missing = members.filter((member) => !present.includes(member.toLowerCase()));
  if (missing.length === 0) return [...fields];
  return fields.with(at + 1, [...membersOf(fields[at + 1] ?? ''), ...missing].join(', '));
}

/** Without the empty ones, which are read and not sent on in a list that is made anew (RFC 9110 5.6.1.1). */
function membersOf(value: string): string[] {
  const members = value.split(',').map((member) => member.trim());
  return members.filter((member) => member !== '');
}
